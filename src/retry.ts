/** Asking again when a server or the network fails for a while. */
import { setTimeout as sleep } from "node:timers/promises"

/** What went wrong in one attempt, and whether another may help. */
export interface AttemptFailure {
  readonly retryable: boolean
  /** Wait that the server asked for, milliseconds. */
  readonly retryAfterMs?: number | undefined
}

export interface RetryOptions {
  /** Further attempts after the first. */
  readonly retries: number
  /** Wait before the first further attempt, milliseconds; doubles each time, with up to half of it added at random. */
  readonly delayMs: number
  /** Longest wait, also when the server asks for more, milliseconds. */
  readonly maximumDelayMs: number
  readonly signal?: AbortSignal | undefined
}

/** Statuses of a server that may answer later: busy, time-outs, failures of its own. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 425 || status === 429 || status >= 500
}

/** The Retry-After header (seconds, or a date) in milliseconds. */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null || header.trim() === "") return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/**
 * The result of the first attempt that succeeds.
 * @param classify  says of an error whether to try again
 * @throws what the last attempt threw; at once when it is not retryable or `signal` is aborted
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  classify: (error: unknown) => AttemptFailure,
  { retries, delayMs, maximumDelayMs, signal }: RetryOptions,
): Promise<T> {
  for (let failed = 0; ; failed++) {
    try {
      return await attempt()
    } catch (error) {
      const { retryable, retryAfterMs } = classify(error)
      if (!retryable || failed >= retries || signal?.aborted === true) throw error
      const backOff = delayMs * 2 ** failed * (1 + Math.random() / 2)
      await sleep(Math.min(retryAfterMs ?? backOff, maximumDelayMs), undefined, signal === undefined ? {} : { signal })
    }
  }
}

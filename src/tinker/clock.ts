/** Time, in a form that tests can replace. */
import { setTimeout as delay } from "node:timers/promises"

export interface Clock {
  /** Milliseconds from any fixed moment on. */
  now(): number
  /** Resolves after a time; rejects with the signal's reason when it is aborted before. Does not keep the process alive with `background`. */
  sleep(milliseconds: number, options?: { readonly signal?: AbortSignal | undefined; readonly background?: boolean }): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, { signal, background = false } = {}) {
    signal?.throwIfAborted()
    try {
      await delay(milliseconds, undefined, { ref: !background, ...(signal === undefined ? {} : { signal }) })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

const LONGEST_PAUSE_MS = 30_000

/** Pause before attempt `n` (from 0) is repeated: min(2^n, 30) seconds. */
export function backOffMs(attempt: number): number {
  return Math.min(2 ** attempt * 1000, LONGEST_PAUSE_MS)
}

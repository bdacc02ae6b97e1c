/**
 * Patience with functions that ask a server: a limit on how many run at once, further attempts, and a memory of
 * verdicts, so that equal responses are paid for once.
 */
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { VerifierError } from "../../errors.ts"
import { makeFolder } from "../../integrity/index.ts"
import { isRetryableStatus, withRetries } from "../../retry.ts"
import type { Verdict, VerifierInput } from "../verifier.ts"

export interface PatienceOptions {
  /** Calls at once, at most. Default: no limit. */
  readonly concurrency?: number
  /** Further attempts after one that threw or took longer than `timeoutMs`. Default 0. */
  readonly retries?: number
  /** Deadline of one attempt. Default 30 s. */
  readonly timeoutMs?: number
  /** True: equal inputs are asked about once in this process. A path: in a JSONL file, which outlasts the process. */
  readonly cache?: boolean | string
}

const DEFAULT_TIMEOUT_MS = 30_000
/** Waits between attempts. */
const FIRST_DELAY_MS = 500
const MAXIMUM_DELAY_MS = 10_000
/** Verdicts in memory; the oldest go first. */
const MAXIMUM_CACHED = 200_000

/** Deadline of a verification with all its attempts and the waits between them. */
export function wholeDeadline({ retries = 0, timeoutMs = DEFAULT_TIMEOUT_MS }: PatienceOptions): number {
  return (retries + 1) * timeoutMs + retries * MAXIMUM_DELAY_MS
}

/**
 * Asks until an attempt succeeds.
 * @param signal  aborted when nobody waits any more
 * @throws what the last attempt threw; a mistake in the function itself at once
 */
export function withAttempts(
  ask: (signal: AbortSignal) => Promise<Verdict>,
  { retries = 0, timeoutMs = DEFAULT_TIMEOUT_MS }: PatienceOptions,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const attempt = (): Promise<Verdict> => within(timeoutMs, signal, ask)
  return withRetries(attempt, (error) => ({ retryable: mayPass(error) }), {
    retries,
    delayMs: FIRST_DELAY_MS,
    maximumDelayMs: MAXIMUM_DELAY_MS,
    signal,
  })
}

async function within<T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const signal = outer === undefined ? inner.signal : AbortSignal.any([outer, inner.signal])
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`))
      inner.abort()
    }, timeoutMs)
  })
  try {
    return await Promise.race([ask(signal), late])
  } finally {
    clearTimeout(timer)
  }
}

/** False for mistakes that come again: those of the code, a value that is no reward, a refused request. */
function mayPass(error: unknown): boolean {
  if (error instanceof VerifierError || error instanceof ReferenceError || error instanceof SyntaxError) return false
  const { status, cause } = (error ?? {}) as { status?: unknown; cause?: unknown }
  if (typeof status === "number") return isRetryableStatus(status)
  // What fetch throws when the network fails has a cause.
  return !(error instanceof TypeError) || cause !== undefined
}

/** Verdicts by what they were given on. */
export class VerdictCache {
  readonly #file: string | undefined
  #known: Map<string, Promise<Verdict>> | undefined
  /** The file ends in half a line, to which the next one must not be added. */
  #isCut = false

  /** @param place  true for memory alone, or the path of a JSONL file */
  constructor(place: true | string) {
    this.#file = place === true ? undefined : place
  }

  /**
   * The verdict that is known or being asked for, else that of `ask`; failures are not kept.
   * @throws VerifierError  when the file cannot be written: verdicts that were paid for are not lost in silence
   */
  get(name: string, input: VerifierInput, ask: () => Promise<Verdict>): Promise<Verdict> {
    const known = (this.#known ??= this.#load())
    const { gold, completion, prompt, messages, row } = input
    const text = JSON.stringify([name, gold, completion, prompt, messages, row])
    const key = createHash("sha256").update(text).digest("base64url")
    const earlier = known.get(key)
    if (earlier !== undefined) return earlier
    const asked = ask().then((verdict) => {
      this.#write(key, verdict)
      return verdict
    })
    known.set(key, asked)
    if (known.size > MAXIMUM_CACHED) known.delete(known.keys().next().value!)
    asked.catch(() => known.delete(key))
    return asked
  }

  #load(): Map<string, Promise<Verdict>> {
    const known = new Map<string, Promise<Verdict>>()
    if (this.#file === undefined) return known
    if (!existsSync(this.#file)) {
      makeFolder(dirname(this.#file), "cache")
      return known
    }
    const text = readFileSync(this.#file, "utf8")
    this.#isCut = text !== "" && !text.endsWith("\n")
    for (const line of text.split("\n")) {
      const entry = parsed(line)
      if (entry !== undefined) known.set(entry.key, Promise.resolve(entry.verdict))
    }
    return known
  }

  #write(key: string, verdict: Verdict): void {
    if (this.#file === undefined) return
    try {
      appendFileSync(this.#file, `${this.#isCut ? "\n" : ""}${JSON.stringify({ key, verdict })}\n`)
      this.#isCut = false
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new VerifierError(`cache: expected to write to ${this.#file}, got: ${reason}. Correct the path or its disk.`, {
        cause,
      })
    }
  }
}

/** A line of the file; undefined for one that is half-written. */
function parsed(line: string): { readonly key: string; readonly verdict: Verdict } | undefined {
  try {
    const entry = JSON.parse(line) as { readonly key?: unknown; readonly verdict?: Verdict } | null
    return typeof entry?.key === "string" && typeof entry.verdict?.reward === "number"
      ? { key: entry.key, verdict: entry.verdict }
      : undefined
  } catch {
    return undefined
  }
}

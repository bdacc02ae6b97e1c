/** Processor time of one thread: a limit that a busy machine does not make shorter. */
import { readFileSync, readlinkSync } from "node:fs"

/**
 * The file that counts the processor time of the calling thread, readable by every thread of the process.
 * Undefined where
 * the system has none (it is Linux's).
 */
export function ownCpuCounter(): string | undefined {
  try {
    const path = `/proc/${readlinkSync("/proc/thread-self")}/schedstat`
    return readCounterMs(path) === undefined ? undefined : path
  } catch {
    return undefined
  }
}

/** Milliseconds on a processor; undefined when the thread or the counter is gone. */
function readCounterMs(path: string): number | undefined {
  try {
    const nanoseconds = Number(readFileSync(path, "latin1").split(" ")[0])
    return Number.isFinite(nanoseconds) ? nanoseconds / 1e6 : undefined
  } catch {
    return undefined
  }
}

/** Processor time that a thread may use from now on. Without a counter it is time on the wall. */
export class CpuBudget {
  readonly #counter: string | undefined
  readonly #limitMs: number
  readonly #startMs: number
  #lastMs = 0
  #askAtMs: number

  /** @param counter  of `ownCpuCounter`, called in the thread that is watched */
  constructor(counter: string | undefined, limitMs: number) {
    this.#counter = counter
    this.#limitMs = limitMs
    this.#startMs = this.#clockMs()
    this.#askAtMs = performance.now() + limitMs
  }

  get usedMs(): number {
    return this.#clockMs() - this.#startMs
  }

  /** What can pass on the wall before the budget can be spent: at least 1 ms. */
  get waitMs(): number {
    return Math.max(1, this.#limitMs - this.usedMs)
  }

  /** Cheap enough for every interrupt: the counter is read only when as much time has passed on the wall. */
  get spent(): boolean {
    const now = performance.now()
    if (now < this.#askAtMs) return false
    const left = this.#limitMs - this.usedMs
    this.#askAtMs = now + left
    return left <= 0
  }

  #clockMs(): number {
    // A thread that is gone uses no more.
    this.#lastMs = this.#counter === undefined ? performance.now() : (readCounterMs(this.#counter) ?? this.#lastMs)
    return this.#lastMs
  }
}

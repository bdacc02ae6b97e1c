/** Where the time of an engine on a server goes: waiting, or our own code. Calls may overlap; no moment is counted twice. */
import type { EngineTimes } from "../engine.ts"

/**
 *   clientSeconds  synchronous work of ours, in `own` and in the transport
 *   serverSeconds  time with at least one `waiting` call under way, less the work of ours meanwhile
 */
export class BusyTimes {
  readonly #transportMs: () => number
  readonly #now: () => number
  #waiting = 0
  /** When the time under way was last counted. */
  #since = 0
  #waitedMs = 0
  #ownMs = 0
  /** Of that, while a call was waited for. */
  #ownMeanwhileMs = 0
  /** Of the transport's time, what was reported. */
  #takenMs = 0

  /** @param transportMs  of the transport's own work so far, which happens inside `waiting` calls */
  constructor(transportMs: () => number, now: () => number = () => performance.now()) {
    this.#transportMs = transportMs
    this.#now = now
  }

  /** Counts synchronous work of ours. */
  own<T>(work: () => T): T {
    const started = this.#now()
    try {
      return work()
    } finally {
      const spent = this.#now() - started
      this.#ownMs += spent
      if (this.#waiting > 0) this.#ownMeanwhileMs += spent
    }
  }

  /** Counts the time until a call to the server is answered. */
  async waiting<T>(work: () => Promise<T>): Promise<T> {
    this.#count()
    this.#waiting += 1
    try {
      return await work()
    } finally {
      this.#count()
      this.#waiting -= 1
    }
  }

  /** Since the last call of this; what is under way counts up to now. */
  take(): EngineTimes {
    this.#count()
    const transportMs = this.#transportMs()
    const transport = transportMs - this.#takenMs
    const server = Math.max(this.#waitedMs - this.#ownMeanwhileMs - transport, 0)
    const times = { serverSeconds: server / 1000, clientSeconds: (this.#ownMs + transport) / 1000 }
    this.#takenMs = transportMs
    this.#waitedMs = 0
    this.#ownMs = 0
    this.#ownMeanwhileMs = 0
    return times
  }

  #count(): void {
    const now = this.#now()
    if (this.#waiting > 0) this.#waitedMs += now - this.#since
    this.#since = now
  }
}

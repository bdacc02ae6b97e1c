/**
 * Runs verifiers outside the event loop, in parallel, with a deadline for each. One that hangs is killed with its
 * thread and the rest go on. A verdict always comes; a failure of the machinery has the status "failure" or "timeout".
 */
import { availableParallelism } from "node:os"
import { isComposite } from "../verifier.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { failureOf, verifyHere } from "./deadline.ts"
import { PoolWorker } from "./pool-worker.ts"
import type { PendingJob } from "./pool-worker.ts"

export interface VerifierPoolOptions {
  /** Worker threads at most, and verifications in processes of their own at once. Default: the number of cores, 8 at most. */
  readonly workers?: number
  /** Deadline of one verification, from its own beginning: waiting in the queue does not count. Default 30 s. */
  readonly timeoutMs?: number
  /** Heap of one worker thread in MiB; a thread that needs more is lost. Default 1024. */
  readonly memoryMb?: number
}

/** What happened in a pool since it was made. */
export interface VerifierPoolCounts {
  readonly threadsStarted: number
  /** Threads that were killed at a deadline or died. */
  readonly threadsLost: number
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_MEMORY_MB = 1024
const MAXIMUM_WORKERS = 8
/** Jobs in one message. More saves little, and one that hangs would hold up more of them. */
const MAXIMUM_BATCH = 32
/** A job that so many workers did not live to begin gets a failure. */
const MAXIMUM_STARTS = 3

/** Lets so many through at once; the others wait in their order, and no deadline counts while they do. */
class Gate {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#free = limit
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

const open = new Gate(Infinity)

export class VerifierPool {
  readonly #limit: number
  readonly #timeoutMs: number
  readonly #memoryMb: number
  readonly #workers = new Set<PoolWorker>()
  readonly #idle: PoolWorker[] = []
  #queue: PendingJob[] = []
  #dispatching = false
  #closed = false
  #processes = 0
  readonly #processQueue: (() => void)[] = []
  /** Of verifiers that limit themselves. */
  readonly #gates = new WeakMap<Verifier, Gate>()
  #started = 0
  #lost = 0

  constructor(options: VerifierPoolOptions = {}) {
    this.#limit = Math.max(1, options.workers ?? Math.min(availableParallelism(), MAXIMUM_WORKERS))
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    this.#memoryMb = options.memoryMb ?? DEFAULT_MEMORY_MB
  }

  get counts(): VerifierPoolCounts {
    return { threadsStarted: this.#started, threadsLost: this.#lost }
  }

  /** The verdict of a verifier at the place where it belongs. Never rejects. */
  async verify(verifier: Verifier, given: VerifierInput, timeoutMs: number = this.#timeoutMs): Promise<Verdict> {
    const input = verifier.gold === undefined ? given : { ...given, gold: verifier.gold }
    if (isComposite(verifier)) {
      const verdicts = await Promise.all(verifier.parts.map((part) => this.verify(part, input, timeoutMs)))
      return verifier.combine(verdicts)
    }
    const { spec } = verifier
    if (verifier.place === "process") return this.#inProcess(verifier, input, timeoutMs)
    if (verifier.place !== "worker" || spec === undefined) {
      const deadline = verifier.timeoutMs ?? timeoutMs
      return this.#gateOf(verifier).through(() => verifyHere(verifier, input, deadline))
    }
    if (this.#closed) return failureOf(verifier.name, "the pool was closed")
    return new Promise((resolve) => {
      this.#queue.push({ spec, input, timeoutMs, starts: 0, resolve })
      this.#dispatchSoon()
    })
  }

  /** Ends every thread. What still waits gets a failure. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { spec, resolve } of this.#queue) resolve(failureOf(spec.name, "the pool was closed"))
    this.#queue = []
    const workers = [...this.#workers]
    this.#workers.clear()
    await Promise.all(workers.map((worker) => worker.close()))
  }

  #gateOf(verifier: Verifier): Gate {
    if (verifier.concurrency === undefined) return open
    const gate = this.#gates.get(verifier) ?? new Gate(verifier.concurrency)
    this.#gates.set(verifier, gate)
    return gate
  }

  async #inProcess(verifier: Verifier, input: VerifierInput, timeoutMs: number): Promise<Verdict> {
    if (this.#processes >= this.#limit) await new Promise<void>((resolve) => this.#processQueue.push(resolve))
    else this.#processes++
    try {
      return await verifyHere(verifier, input, timeoutMs)
    } finally {
      const next = this.#processQueue.shift()
      if (next === undefined) this.#processes--
      else next()
    }
  }

  /** After the calls of this turn, so that they share messages. */
  #dispatchSoon(): void {
    if (this.#dispatching) return
    this.#dispatching = true
    queueMicrotask(() => {
      this.#dispatching = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? this.#start()
      if (worker === undefined) return
      const share = Math.ceil(this.#queue.length / this.#limit)
      const batch = this.#queue.slice(0, Math.min(share, MAXIMUM_BATCH))
      this.#queue = this.#queue.slice(batch.length)
      worker.run(batch)
    }
  }

  #start(): PoolWorker | undefined {
    if (this.#closed || this.#workers.size >= this.#limit) return undefined
    this.#started++
    const worker = new PoolWorker(this.#memoryMb, {
      onIdle: (free) => {
        this.#idle.push(free)
        this.#dispatch()
      },
      onGone: (gone, unfinished) => this.#replace(gone, unfinished),
    })
    this.#workers.add(worker)
    return worker
  }

  #replace(gone: PoolWorker, unfinished: readonly PendingJob[]): void {
    this.#lost++
    this.#workers.delete(gone)
    const at = this.#idle.indexOf(gone)
    if (at >= 0) this.#idle.splice(at, 1)
    const again: PendingJob[] = []
    for (const job of unfinished) {
      if (job.starts < MAXIMUM_STARTS) again.push(job)
      else
        job.resolve(
          failureOf(
            job.spec.name,
            `${MAXIMUM_STARTS} worker threads stopped before they began. Check the installation.`,
          ),
        )
    }
    this.#queue = [...again, ...this.#queue]
    this.#dispatchSoon()
  }
}

let shared: VerifierPool | undefined

/** The pool of this process, made at the first call. Its threads start when needed and do not keep the process alive. */
export function sharedVerifierPool(): VerifierPool {
  shared ??= new VerifierPool()
  return shared
}

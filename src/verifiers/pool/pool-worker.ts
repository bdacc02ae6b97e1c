/** One worker thread as the pool sees it: a batch at a time, watched, killed when a job misses its deadline. */
import type { Worker } from "node:worker_threads"
import { startWorker } from "../../worker-thread.ts"
import type { Verdict, VerifierInput, VerifierSpec } from "../verifier.ts"
import { failureOf, timeoutOf } from "./deadline.ts"
import type { WorkerReply, WorkerSettings } from "./protocol.ts"

/** A verification that waits for its verdict. */
export interface PendingJob {
  readonly spec: VerifierSpec
  readonly input: VerifierInput
  readonly timeoutMs: number
  /** Workers that stopped before they began this job. */
  readonly starts: number
  readonly resolve: (verdict: Verdict) => void
}

/** What a worker tells its pool. */
export interface PoolWorkerEvents {
  /** The batch is done: the worker is free. */
  readonly onIdle: (worker: PoolWorker) => void
  /** The thread is gone; these jobs still need a verdict. */
  readonly onGone: (worker: PoolWorker, unfinished: readonly PendingJob[]) => void
}

/** How often the deadline of the running job is looked at. */
const WATCH_MS = 20
/** A thread that began nothing for so long after it was handed a batch has not started. */
const START_MS = 60_000

export class PoolWorker {
  readonly #thread: Worker
  readonly #events: PoolWorkerEvents
  readonly #progress: Int32Array
  #batch: readonly PendingJob[] = []
  /** Jobs of the batch whose verdict is known. */
  #settled = 0
  #seen = -1
  #seenAt = 0
  #watch: NodeJS.Timeout | undefined
  #gone = false

  /** @param memoryMb  heap of the thread */
  constructor(memoryMb: number, events: PoolWorkerEvents) {
    this.#events = events
    const shared = new SharedArrayBuffer(4)
    this.#progress = new Int32Array(shared)
    const workerData: WorkerSettings = { progress: shared }
    this.#thread = startWorker("./worker", import.meta.url, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    })
    this.#thread.on("message", (reply: WorkerReply) => this.#take(reply))
    this.#thread.on("error", (error) => this.#stopped(error.message))
    this.#thread.on("exit", (code) => this.#stopped(`exit code ${code}`))
    // A worker without work does not keep the process alive.
    this.#thread.unref()
  }

  run(batch: readonly PendingJob[]): void {
    this.#batch = batch
    this.#settled = 0
    this.#seen = -1
    this.#seenAt = performance.now()
    Atomics.store(this.#progress, 0, -1)
    this.#thread.ref()
    try {
      this.#thread.postMessage({ jobs: batch.map(({ spec, input }) => ({ spec, input })) }, [])
    } catch (error) {
      // A value that cannot be copied to a thread, in the row of one of the jobs.
      this.#runOneByOne(batch, error)
      return
    }
    this.#watch = setInterval(() => this.#look(), WATCH_MS)
  }

  /** Ends the thread; its jobs get failures. */
  async close(): Promise<void> {
    this.#gone = true
    clearInterval(this.#watch)
    for (const job of this.#batch.slice(this.#settled)) job.resolve(failureOf(job.spec.name, "the pool was closed"))
    await this.#thread.terminate()
  }

  #runOneByOne(batch: readonly PendingJob[], error: unknown): void {
    const sound: PendingJob[] = []
    for (const job of batch) {
      try {
        structuredClone(job.input)
        structuredClone(job.spec)
        sound.push(job)
      } catch {
        job.resolve(failureOf(job.spec.name, error))
      }
    }
    if (sound.length > 0 && sound.length < batch.length) this.run(sound)
    else {
      for (const job of sound) job.resolve(failureOf(job.spec.name, error))
      queueMicrotask(() => this.#idle())
    }
  }

  #take({ first, verdicts }: WorkerReply): void {
    if (this.#gone) return
    for (const [i, verdict] of verdicts.entries()) this.#batch[first + i]!.resolve(verdict)
    this.#settled = first + verdicts.length
    if (this.#settled === this.#batch.length) this.#idle()
  }

  #idle(): void {
    clearInterval(this.#watch)
    this.#batch = []
    this.#settled = 0
    this.#thread.unref()
    if (!this.#gone) this.#events.onIdle(this)
  }

  #look(): void {
    const running = Atomics.load(this.#progress, 0)
    const now = performance.now()
    if (running !== this.#seen) {
      this.#seen = running
      this.#seenAt = now
      return
    }
    // All done: the verdicts are on their way.
    if (running >= this.#batch.length) return
    const limit = running < 0 ? START_MS : this.#batch[running]!.timeoutMs
    if (now - this.#seenAt <= limit) return
    void this.#thread.terminate()
    this.#leave(running, timeoutOf(limit))
  }

  #stopped(reason: string): void {
    if (this.#gone) return
    const running = this.#batch.length === 0 ? -1 : Atomics.load(this.#progress, 0)
    const name = this.#batch[running]?.spec.name ?? "verifier"
    this.#leave(running, failureOf(name, `the worker thread stopped (${reason})`))
  }

  /** Gives the running job its verdict and the others, with those whose verdicts were not sent yet, back. */
  #leave(running: number, verdict: Verdict): void {
    this.#gone = true
    clearInterval(this.#watch)
    const unfinished: PendingJob[] = []
    for (const [i, job] of this.#batch.entries()) {
      if (i < this.#settled) continue
      if (i === running) job.resolve(verdict)
      else unfinished.push(running < 0 ? { ...job, starts: job.starts + 1 } : job)
    }
    this.#batch = []
    this.#events.onGone(this, unfinished)
  }
}

/** What the pool and its worker threads say to each other. */
import type { Verdict, VerifierInput, VerifierSpec } from "../verifier.ts"

/** One verification, on its way to a worker. */
export interface WorkerJob {
  readonly spec: VerifierSpec
  readonly input: VerifierInput
}

/** Jobs that one worker does one after the other. */
export interface WorkerBatch {
  readonly jobs: readonly WorkerJob[]
}

/** Verdicts of the jobs `first`, `first + 1`, ... of the batch. */
export interface WorkerReply {
  readonly first: number
  readonly verdicts: readonly Verdict[]
}

/** `workerData` of a worker. */
export interface WorkerSettings {
  /** Int32[1] in shared memory: the job of the batch that runs now, -1 while none has begun. */
  readonly progress: SharedArrayBuffer
}

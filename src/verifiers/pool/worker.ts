/** A worker thread of the pool: builds verifiers from their specs and judges one job after the other. */
import { parentPort, workerData } from "node:worker_threads"
import { createVerifier } from "../registry.ts"
import type { Verdict, Verifier, VerifierSpec } from "../verifier.ts"
import { failureOf } from "./deadline.ts"
import type { WorkerBatch, WorkerJob, WorkerReply, WorkerSettings } from "./protocol.ts"

/** Verdicts wait this long for company: a message for each would cost more than a cheap verification. */
const FLUSH_MS = 5

// What a function of the user prints must not mix with our own output. A stream to the calling thread (`stdout: true`) would
// keep the process alive as long as the worker lives.
process.stdout.write = process.stderr.write.bind(process.stderr)

const progress = new Int32Array((workerData as WorkerSettings).progress)
const verifiers = new Map<string, Verifier>()

function verifierOf(spec: VerifierSpec): Verifier {
  const key = JSON.stringify(spec)
  const known = verifiers.get(key)
  if (known !== undefined) return known
  const created = createVerifier(spec)
  verifiers.set(key, created)
  return created
}

async function judge({ spec, input }: WorkerJob): Promise<Verdict> {
  try {
    return await verifierOf(spec).verify(input)
  } catch (error) {
    return failureOf(spec.name, error)
  }
}

async function work({ jobs }: WorkerBatch): Promise<void> {
  let done: Verdict[] = []
  let first = 0
  let flushed = performance.now()
  Atomics.store(progress, 0, 0)
  for (const [i, job] of jobs.entries()) {
    done.push(await judge(job))
    Atomics.store(progress, 0, i + 1)
    if (i === jobs.length - 1 || performance.now() - flushed > FLUSH_MS) {
      parentPort?.postMessage({ first, verdicts: done } satisfies WorkerReply, [])
      first += done.length
      done = []
      flushed = performance.now()
    }
  }
}

parentPort?.on("message", (batch: WorkerBatch) => void work(batch))

/**
 * Runs jobs on worker processes, each of which does many of them: in order, starts before the runs that need them. A job that fails,
 * or whose worker dies, takes no other job down.
 */
import type { ChildProcess } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { isHeld, readLock } from "../runs/index.ts"
import { runConfig, type Job, type RunJob } from "./jobs.ts"
import { readStart } from "./starts.ts"
import type { FromWorker, ToWorker } from "./worker-messages.ts"

/**
 * How a job ended. failed: with an error of its own; lost: its worker died, or its start could not be made; stopped: it was asked to,
 * and can go on.
 */
export interface JobOutcome {
  readonly kind: "done" | "stopped" | "failed" | "lost"
  /** Why, for failed and lost. */
  readonly reason?: string
}

export interface ScheduleObserver {
  onBegin(job: Job): void
  onStep(job: Job, step: number): void
  onEnd(job: Job, outcome: JobOutcome): void
}

export interface Schedule {
  /** In the order in which they are begun. */
  readonly jobs: readonly Job[]
  /** Worker processes. */
  readonly parallel: number
  readonly keepModels: boolean
  readonly observer: ScheduleObserver
  /** Once aborted, jobs at work finish their step and are saved, and none is begun. */
  readonly signal: AbortSignal
  /** Starts a worker process. */
  readonly fork: () => ChildProcess
}

/** Milliseconds that a run folder may still be held by the dying process of an earlier comparison. */
const LOCK_PATIENCE_MS = 10_000

/** Does every job, or those that were begun before a stop. */
export async function runJobs(schedule: Schedule): Promise<void> {
  const queue = new JobQueue(schedule.jobs)
  const slots = Array.from({ length: Math.min(schedule.parallel, schedule.jobs.length) }, () => workThrough(schedule, queue))
  await Promise.all(slots)
}

/** One slot: takes jobs until there are none, on a worker of its own, which is replaced when it dies. */
async function workThrough({ observer, signal, fork, keepModels }: Schedule, queue: JobQueue): Promise<void> {
  let worker: WorkerProcess | undefined
  try {
    for (;;) {
      const job = signal.aborted ? undefined : await queue.next(signal)
      if (job === undefined) return
      const startFailure = queue.startFailure(job)
      if (startFailure !== undefined) {
        observer.onEnd(job, { kind: "lost", reason: startFailure })
        continue
      }
      worker ??= new WorkerProcess(fork)
      observer.onBegin(job)
      await untilFree(job.directory)
      const outcome = await worker.run(messageOf(job, keepModels), signal, (step) => observer.onStep(job, step))
      if (outcome.kind === "lost") worker = undefined
      observer.onEnd(job, outcome)
      queue.end(job, outcome)
    }
  } finally {
    await worker?.close()
  }
}

function messageOf(job: Job, keepModels: boolean): ToWorker {
  const { directory } = job
  return job.kind === "start" ? { kind: "start", directory, config: job.config } : { kind: "run", directory, config: runConfig(job), fromStart: job.start !== undefined, keepModels }
}

async function untilFree(directory: string): Promise<void> {
  for (let waited = 0; waited < LOCK_PATIENCE_MS; waited += 50) {
    const owner = readLock(directory)
    if (owner === undefined || !isHeld(owner)) return
    await sleep(50)
  }
}

/** Jobs that are left, and which starts are there. */
class JobQueue {
  readonly #waiting: Job[]
  readonly #underWay = new Set<string>()
  readonly #failed = new Map<string, string>()
  #wake: (() => void)[] = []

  constructor(jobs: readonly Job[]) {
    this.#waiting = [...jobs]
  }

  /** The first job that can begin; waits while all that are left need a start that is under way. Undefined at the end. */
  async next(signal: AbortSignal): Promise<Job | undefined> {
    for (;;) {
      if (signal.aborted || this.#waiting.length === 0) return undefined
      const at = this.#waiting.findIndex((job) => job.kind === "start" || !this.#isMissing(job))
      if (at >= 0) {
        const [job] = this.#waiting.splice(at, 1)
        if (job!.kind === "start") this.#underWay.add(job!.directory)
        return job
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  #isMissing({ start }: RunJob): boolean {
    if (start === undefined || this.#failed.has(start)) return false
    return this.#underWay.has(start) || this.#waiting.some((job) => job.kind === "start" && job.directory === start)
  }

  end(job: Job, { kind, reason }: JobOutcome): void {
    if (job.kind === "start") {
      this.#underWay.delete(job.directory)
      if (kind !== "done") this.#failed.set(job.directory, `${job.name}: ${reason ?? kind}`)
    }
    const wake = this.#wake
    this.#wake = []
    for (const resolve of wake) resolve()
  }

  /** Why a run cannot begin: its start could not be made. */
  startFailure(job: Job): string | undefined {
    if (job.kind === "start" || job.start === undefined) return undefined
    const failed = this.#failed.get(job.start)
    if (failed !== undefined) return failed
    return readStart(job.start, job.startKey) === undefined ? `${job.start}: expected the start of this run, got none. Remove the folder and start again.` : undefined
  }
}

const KEPT_OUTPUT = 2000

/** A worker process and what it says. */
class WorkerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<string>
  #errors = ""

  constructor(fork: () => ChildProcess) {
    this.#child = fork()
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#errors = (this.#errors + text).slice(-KEPT_OUTPUT)))
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(`its worker process could not be started: ${error.message}`))
      this.#child.once("close", (code, signal) => resolve(`its worker process ended ${signal === null ? `with code ${code}` : `by ${signal}`}`))
    })
  }

  /** Gives the worker a job and waits for its end, or for that of the worker. */
  async run(message: ToWorker, signal: AbortSignal, onStep: (step: number) => void): Promise<JobOutcome> {
    const child = this.#child
    let listener: ((answer: FromWorker) => void) | undefined
    const stop = (): void => this.#send({ kind: "stop" })
    const answered = new Promise<JobOutcome>((resolve) => {
      listener = (answer) => {
        if (answer.kind === "step") onStep(answer.step)
        else if (answer.kind === "failed") resolve({ kind: "failed", reason: answer.message })
        else resolve({ kind: answer.kind })
      }
      child.on("message", listener)
    })
    const died = this.#exited.then((reason): JobOutcome => {
      const lastWords = this.#errors.trim().split("\n").at(-1) ?? ""
      return { kind: "lost", reason: lastWords === "" ? reason : `${reason}: ${lastWords}` }
    })
    signal.addEventListener("abort", stop)
    this.#send(message)
    if (signal.aborted) stop()
    const outcome = await Promise.race([answered, died])
    signal.removeEventListener("abort", stop)
    if (listener !== undefined) child.off("message", listener)
    return outcome
  }

  #send(message: ToWorker): void {
    // A worker that has just died is reported by its exit.
    this.#child.send(message, () => undefined)
  }

  /** Ends the process, which has no job: there is nothing that it could leave half done. */
  async close(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#exited
  }
}

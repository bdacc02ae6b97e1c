/** A comparison from plan to results. */
import { existsSync } from "node:fs"
import { acquireLock, makeFolder } from "../runs/index.ts"
import { Failures } from "./failures.ts"
import { removeModels } from "./finished-run.ts"
import { jobsOf, type Job, type RunJob } from "./jobs.ts"
import type { ComparisonPlan } from "./plan.ts"
import { readPlanFile, writePlanFile, type SavedPlan } from "./plan-file.ts"
import { readResults, readRunResult, runDirectory, runName, writeResults, type RunKey, type RunResult } from "./results.ts"
import { runJobs, type JobOutcome } from "./scheduler.ts"
import { readStart } from "./starts.ts"
import { forkWorker } from "./worker-process.ts"

/** Hears of a comparison as it goes. */
export interface ComparisonObserver {
  /** @param runs  runs that this command does  @param finished  of these, finished already */
  onPlan(runs: readonly RunJob[], finished: number): void
  onBegin(job: Job): void
  onStep(job: Job, step: number): void
  onEnd(job: Job, outcome: JobOutcome): void
}

export interface Comparison {
  readonly plan: ComparisonPlan
  readonly out: string
  /** Of pirl. */
  readonly version: string
  /** The command line that asks for it, which the plan keeps. */
  readonly command?: string | undefined
  /** Folder of starts that comparisons share; undefined: each has its own. */
  readonly starts?: string | undefined
  /** Worker processes. */
  readonly parallel: number
  readonly keepModels: boolean
  /** Try runs again that failed with an error of their own. Those whose process died are tried again always. */
  readonly retryFailed: boolean
  readonly observer: ComparisonObserver
  readonly signal: AbortSignal
}

/** What the folder of a comparison holds. */
export interface ComparisonState {
  readonly plan: SavedPlan
  /** Every arm and seed of the plan, in order. */
  readonly results: readonly RunResult[]
}

/**
 * Does all runs of a plan that are not done, and keeps results.jsonl up to date.
 * @throws ConfigError  when the folder holds another comparison, or another process works on it or makes starts in the shared folder
 */
export async function runComparison({ plan, out, version, command, starts, parallel, keepModels, retryFailed, observer, signal }: Comparison): Promise<ComparisonState> {
  makeFolder(out, "--out")
  const locks = [acquireLock(out, "--out")]
  try {
    const saved = writePlanFile(out, plan, version, command)
    const failures = new Failures(out)
    const results = new ResultTable(out, saved, failures)
    results.readAll()
    const jobs = jobsOf(plan, out, starts)
    const runs = jobs.filter((job): job is RunJob => job.kind === "run")
    const open = runs.filter((run) => {
      const { state } = results.get(run)
      return state !== "finished" && !(state === "failed" && failures.isFinal(run) && !retryFailed)
    })
    if (!keepModels) for (const run of runs) if (results.get(run).state === "finished" && existsSync(run.directory)) removeModels(run.directory)
    const needed = new Map(open.map((run) => [run.start, run.startKey]))
    const left = jobs.filter((job) => (job.kind === "run" ? open.includes(job) : needed.has(job.directory) && readStart(job.directory, needed.get(job.directory)!) === undefined))
    if (starts !== undefined && left.some(({ kind }) => kind === "start")) {
      makeFolder(starts, "--starts")
      locks.push(acquireLock(starts, "--starts"))
    }
    results.write()
    observer.onPlan(runs, runs.length - open.length)
    await runJobs({
      jobs: left,
      parallel,
      keepModels,
      signal,
      fork: forkWorker,
      observer: {
        ...observer,
        onBegin(job) {
          if (job.kind === "run") failures.remove(job)
          observer.onBegin(job)
        },
        onEnd(job, outcome) {
          if (job.kind === "run") {
            const { kind, reason } = outcome
            // A start that was stopped leaves its runs waiting.
            if ((kind === "failed" || kind === "lost") && !signal.aborted) failures.add(job, { reason: reason!, final: kind === "failed" })
            results.read(job)
            results.write()
          }
          observer.onEnd(job, outcome)
        },
      },
    })
    return { plan: saved, results: results.all() }
  } finally {
    for (const lock of locks) lock.release()
  }
}

/** How the folder of a comparison is read. */
export interface ComparisonReading {
  /**
   * Lines of results.jsonl stand for the runs that have ended, whose folders are not read: what is left to read does not grow with the
   * runs that are done. The answer is the same, unless someone has written into the folder of a run that had ended.
   */
  readonly endedFromLines?: boolean
  /** Hears of each run folder before it is read, and may refuse it by an error. */
  readonly onFolder?: (directory: string) => void
}

/** What a folder holds, also while a comparison is at work in it. @throws DataError when it holds none, or it is damaged */
export function readComparison(out: string, reading: ComparisonReading = {}): ComparisonState {
  const plan = readPlanFile(out)
  const results = new ResultTable(out, plan, new Failures(out))
  results.readAll(reading)
  return { plan, results: results.all() }
}

function hasEnded({ state }: RunResult): boolean {
  return state === "finished" || state === "failed"
}

/** The result of every run of a plan. */
class ResultTable {
  readonly #out: string
  readonly #plan: SavedPlan
  readonly #failures: Failures
  readonly #results = new Map<string, RunResult>()

  constructor(out: string, plan: SavedPlan, failures: Failures) {
    this.#out = out
    this.#plan = plan
    this.#failures = failures
  }

  /** Reads the run folders; where they were removed, the lines of results.jsonl stand for them. */
  readAll({ endedFromLines = false, onFolder }: ComparisonReading = {}): void {
    const known = new Map(readResults(this.#out).map((result) => [runName(result), result]))
    for (const seed of this.#plan.seeds) {
      for (const { name } of this.#plan.arms) {
        const key = { arm: name, seed }
        const line = known.get(runName(key))
        const directory = runDirectory(this.#out, key)
        const gone = !existsSync(directory)
        if (line !== undefined && (gone ? hasEnded(line) : endedFromLines && this.#stands(key, line))) {
          this.#results.set(runName(key), line)
          continue
        }
        if (!gone) onFolder?.(directory)
        this.read(key)
      }
    }
  }

  /** A run that failed is tried again when its reason is gone from failures.json: its line is then of the past. */
  #stands(key: RunKey, line: RunResult): boolean {
    const reason = this.#failures.reasonOf(key)
    return line.state === "finished" || (line.state === "failed" && reason !== undefined && line.error === reason)
  }

  read(key: RunKey): void {
    const arm = this.#plan.arms.find(({ name }) => name === key.arm)!
    const result = readRunResult(this.#out, key, arm.overrides, this.#rolloutsPerStep(arm.changes), this.#failures.reasonOf(key))
    this.#results.set(runName(key), result)
  }

  #rolloutsPerStep(changes: Readonly<Record<string, unknown>>): number {
    const { promptsPerStep, groupSize } = this.#plan.config.rollout
    return Number(changes["rollout.promptsPerStep"] ?? promptsPerStep) * Number(changes["rollout.groupSize"] ?? groupSize)
  }

  get(key: RunKey): RunResult {
    return this.#results.get(runName(key))!
  }

  all(): RunResult[] {
    return [...this.#results.values()]
  }

  write(): void {
    writeResults(this.#out, this.#plan, this.all())
  }
}

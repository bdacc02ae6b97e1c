/**
 * What a comparison shows while it runs: how many runs are done and how long the rest will take.
 */
import type { ComparisonObserver, Job, JobOutcome } from "../compare/index.ts"
import { mean } from "../statistics.ts"
import { progressStream } from "./command.ts"
import type { CliContext } from "./command.ts"
import { formatDuration } from "./format.ts"
import { reportMode } from "./terminal.ts"

/** A ComparisonObserver that prints. */
export interface ComparisonProgress extends ComparisonObserver {
  note(text: string): void
  /** Ends the live line. */
  close(): void
}

const clearLine = "\r\u001B[2K"

/** @param now  clock in milliseconds */
export function comparisonProgress(context: CliContext, parallel: number, now: () => number = Date.now): ComparisonProgress {
  const { err } = context
  const progress = progressStream(context)
  const live = reportMode(context, false) === "live" && context.verbosity !== "quiet"
  const begun = new Map<Job, number>()
  const steps = new Map<Job, number>()
  const durations: number[] = []
  let [total, done, failed, startedAt] = [0, 0, 0, 0]
  let liveLine = ""

  const left = (): string => {
    const open = total - done
    if (durations.length === 0 || open === 0) return ""
    const each = mean(durations)
    const worked = [...begun.values()].reduce((sum, at) => sum + Math.min((now() - at) / 1000, each), 0)
    return `, about ${formatDuration(Math.max(0, (open * each - worked) / Math.min(parallel, open)))} left`
  }
  const status = (): string => {
    const lost = failed === 0 ? "" : `, ${failed} failed`
    return `${done}/${total} runs${lost}, ${formatDuration((now() - startedAt) / 1000)}${left()}`
  }
  const redraw = (): void => {
    if (!live) return
    const atWork = [...begun.keys()].map((job) => (steps.has(job) ? `${job.name} step ${steps.get(job)}` : job.name))
    liveLine = `${status()}  ${atWork.join(", ")}`.slice(0, (err.columns || 80) - 1)
    err.write(`${clearLine}${liveLine}`)
  }
  const note = (text: string): void => {
    const stream = text.startsWith("warning: ") || text.startsWith("stop") ? err : progress
    stream.write(live ? `${clearLine}${text}\n${liveLine}` : `${text}\n`)
  }

  return {
    note,
    onPlan(runs, finished) {
      startedAt = now()
      total = runs.length
      done = finished
      note(`${total} runs${finished === 0 ? "" : `, ${finished} of them done before`}, ${parallel} at a time`)
      redraw()
    },
    onBegin(job) {
      begun.set(job, now())
      redraw()
    },
    onStep(job, step) {
      steps.set(job, step)
      redraw()
    },
    onEnd(job, outcome) {
      const at = begun.get(job)
      begun.delete(job)
      if (job.kind === "run") {
        if (outcome.kind !== "stopped") done += 1
        if (outcome.kind === "done" && at !== undefined) durations.push((now() - at) / 1000)
        if (outcome.kind === "failed" || outcome.kind === "lost") failed += 1
      }
      const text = describeEnd(job, outcome, at === undefined ? undefined : (now() - at) / 1000)
      note(live ? text : `${text}  (${status()})`)
      redraw()
    },
    close() {
      if (liveLine !== "") err.write("\n")
      liveLine = ""
    },
  }
}

function describeEnd(job: Job, { kind, reason }: JobOutcome, seconds: number | undefined): string {
  const took = seconds === undefined ? "" : ` in ${formatDuration(seconds)}`
  if (kind === "done") return `${job.name}: done${took}`
  if (kind === "stopped") return `${job.name}: stopped, goes on with the same command`
  return `${job.name}: failed: ${reason}`
}

/** What `pirl eval` shows: progress on the error stream, and the rows of its table. */
import {
  measuredAccuracies,
  rewardsAreGraded,
  type EvaluationPoint,
  type Interval,
  type MeasureKind,
} from "../analysis/index.ts"
import type { EvaluationLine } from "../runs/index.ts"
import type { EvaluationProgress } from "../trainer/train.ts"
import type { CliContext } from "./command.ts"
import { formatDuration, formatShare } from "./format.ts"

const clearLine = "\r\u001B[2K"

/** One line that is redrawn on a terminal, a line every few seconds elsewhere. */
export function evaluationProgress({ err, env }: CliContext): {
  show(progress: EvaluationProgress): void
  clear(): void
} {
  const live = err.isTTY === true && env["TERM"] !== "dumb"
  let shown = false
  return {
    show({ responses, share, total, seconds }) {
      // At most: responses that end early are counted once they have.
      const left = share === 0 ? "" : `, at most ${formatDuration((seconds / share) * (1 - share))} left`
      const text = `evaluating: ${responses} of ${total} responses after ${formatDuration(seconds)}${left}`
      err.write(live ? `${clearLine}${text.slice(0, (err.columns ?? 80) - 1)}` : `${text}\n`)
      shown = true
    },
    clear() {
      if (live && shown) err.write(clearLine)
    },
  }
}

/** Accuracies and mean reward with their intervals, shares of responses without an answer and truncated, the time. */
export function evaluationRows(line: EvaluationLine): (readonly [string, string])[] {
  const point = line as EvaluationPoint
  const rows: [string, string][] = []
  const add = (label: string, kind: MeasureKind, format: (value: number) => string): void => {
    const [measured] = measuredAccuracies([point], kind)
    if (measured !== undefined) rows.push([label, `${format(measured.accuracy)}${range(measured.interval, format)}`])
  }
  add("greedy accuracy", "greedy", formatShare)
  if (rewardsAreGraded([point])) add("mean reward, greedy", "reward", (value) => value.toFixed(3))
  add("expected accuracy", "expected", formatShare)
  const share = (label: string, name: string): void => {
    const value = line[name]
    if (typeof value === "number") rows.push([label, formatShare(value)])
  }
  share("without an answer", "greedyNoAnswerRate")
  share("truncated", "greedyTruncationRate")
  const failures = line["verifierFailures"]
  if (typeof failures === "number" && failures > 0) rows.push(["could not be judged", `${failures} of ${line.size}`])
  rows.push(["time", formatDuration(Number(line.time["seconds"]))])
  return rows
}

function range(interval: Interval | null, format: (value: number) => string): string {
  return interval === null
    ? ""
    : `  (95 %: ${format(interval.low).replace(" %", "")} to ${format(interval.high).replace(" %", "")})`
}

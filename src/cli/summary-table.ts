/**
 * The table at the end of a run.
 */
import type { Interval } from "../analysis/index.ts"
import type { AccuracySummary, RunSummary, SavedAccuracy } from "../runs/index.ts"
import { formatCount, formatDuration, formatGain, formatShare, signed } from "./format.ts"
import { terminalLine } from "../terminal-text.ts"
import { columns } from "./command.ts"
import { signalRows } from "./signal-text.ts"

/** A finished run in a dozen lines: accuracy, what was gained, verdicts, speed, where it lies. */
export function summaryTable(summary: RunSummary, runDirectory: string): string {
  const rows: (readonly [string, string])[] = [["steps", String(summary.steps)]]
  if (summary.accuracy !== null) {
    const kind = `held-out accuracy, ${summary.accuracy}`
    const intervals = (summary.accuracy === "greedy" ? summary.greedy : summary.expected)?.intervals
    rows.push(
      [`${kind}: start`, `${formatShare(summary.start)}${range(intervals?.start)}`],
      [`${kind}: best`, `${formatShare(summary.best)}  (step ${summary.bestStep})`],
      [`${kind}: final`, `${formatShare(summary.final)}${range(intervals?.final, `${summary.heldOutSize} problems`)}`],
      ["cumulative policy improvement", `${formatGain(summary.cumulativeImprovement)}${range(intervals?.cumulativeImprovement)}`],
    )
  }
  if (summary.accuracy === "greedy" && summary.expected !== null) {
    const { start, final, cumulativeImprovement } = summary.expected
    const change = `${formatShare(start)} to ${formatShare(final)}  (${formatGain(cumulativeImprovement)})`
    rows.push(["held-out accuracy, expected", change])
  }
  if (summary.reward !== undefined) rows.push(...rewardRows(summary.reward))
  const { modelStep } = summary
  if (modelStep !== undefined) rows.push(["model", `the policy of step ${modelStep}, the best evaluated`])
  if (summary.stopReason !== undefined) rows.push(["ended early", terminalLine(summary.stopReason)])
  if (summary.saved !== undefined) rows.push(savedRow(summary.saved))
  const { improved, regressed, undecided, unjudged } = summary.verdicts
  if (improved + regressed + undecided > 0) {
    const verdicts = `${improved} improved, ${regressed} regressed, ${undecided} undecided, ${unjudged} not judged`
    rows.push(["verdicts on updates", verdicts])
  }
  rows.push(...signalRows(summary.signal))
  const { seconds, tokensPerSecond, sampledTokensPerSecond, trainedTokensPerSecond, serverSeconds, clientSeconds } = summary.time
  rows.push(["time of all steps", formatDuration(seconds)])
  const phases = describePhases(summary.time)
  if (phases !== "") rows.push(["time by phase", phases])
  if (serverSeconds !== undefined && clientSeconds !== undefined && seconds > 0) {
    rows.push(["of that", `the server ${formatShare(serverSeconds / seconds)}, our own code ${formatShare(clientSeconds / seconds)}`])
  }
  if (tokensPerSecond !== null) {
    const phases = [
      sampledTokensPerSecond === null ? "" : `sampling ${formatCount(sampledTokensPerSecond)}`,
      trainedTokensPerSecond === null ? "" : `training ${formatCount(trainedTokensPerSecond)}`,
    ].filter((phase) => phase !== "")
    const detail = phases.length === 0 ? "" : `  (${phases.join(", ")})`
    rows.push(["tokens per second", `${formatCount(tokensPerSecond)}${detail}`])
  }
  rows.push(["run folder", runDirectory])
  return `${columns(rows).join("\n")}\n`
}

/** Seconds by phase, each with its share of all of them. */
export function describePhases(time: Partial<RunSummary["time"]>): string {
  const phases = [
    ["sampling", time.sampleSeconds],
    ["verifying", time.verifySeconds],
    ["training", time.trainSeconds],
    ["evaluation", time.evaluationSeconds],
    ["checkpoints", time.checkpointSeconds],
  ] as const
  const total = phases.reduce((sum, [, seconds]) => sum + (seconds ?? 0), 0)
  if (total === 0) return ""
  return phases
    .flatMap(([name, seconds]) => {
      return seconds === undefined
        ? []
        : [`${name} ${formatDuration(seconds)} (${Math.round((100 * seconds) / total)} %)`]
    })
    .join(", ")
}

/** Mean held-out reward over the run, where rewards are not 0 and 1. */
function rewardRows(reward: AccuracySummary): [string, string][] {
  const { start, best, bestStep, final, cumulativeImprovement, intervals } = reward
  const within = (interval: Interval | null): string =>
    interval === null ? "" : `  (95 %: ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`
  return [
    ["held-out reward, greedy: start", `${start.toFixed(3)}${within(intervals.start)}`],
    ["held-out reward, greedy: best", `${best.toFixed(3)}  (step ${bestStep})`],
    ["held-out reward, greedy: final", `${final.toFixed(3)}${within(intervals.final)}`],
    ["change of held-out reward", `${signed(cumulativeImprovement, 3)}${within(intervals.cumulativeImprovement)}`],
  ]
}

/** The model as it was saved, beside the policy that was trained. */
function savedRow({ dtype, asTrained, size, greedy, expected }: SavedAccuracy): [string, string] {
  const measure = greedy ?? expected
  const label = `saved model, ${dtype}`
  if (asTrained) return [label, "as trained, bit for bit"]
  if (measure === null) return [label, "not measured"]
  const change = measure.change === null ? "" : `${formatGain(measure.change.value)} against training`
  return [
    `${label}, ${greedy === null ? "expected" : "greedy"}`,
    formatShare(measure.accuracy) +
      range(measure.change, [change, `${size} problems`].filter((text) => text !== "").join("; ")),
  ]
}

/** 95 % interval behind a number, after another remark on it. */
function range(interval: Interval | null | undefined, remark: string = ""): string {
  // Adding 0 takes the sign off a rounded -0.
  const points = (share: number): string => (Math.round(1000 * share) / 10 + 0).toFixed(1)
  const known = interval === null || interval === undefined ? "" : `95 %: ${points(interval.low)} to ${points(interval.high)}`
  const remarks = [remark, known].filter((text) => text !== "")
  return remarks.length === 0 ? "" : `  (${remarks.join("; ")})`
}

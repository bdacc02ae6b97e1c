/**
 * summary.json: what a finished run came to, computed from its logs, so that a resumed run gives the same.
 */
import {
  changeInterval,
  measuredAccuracies,
  rewardsAreGraded,
  runSignal,
  type EvaluationPoint,
  type Interval,
  type IntervalAgreement,
  type Measured,
  type SignalAgreement,
  type StepLine,
  type TraceOptions,
} from "../analysis/index.ts"
import type { MetricsLine, StepTime, Verdict } from "./records.ts"
import type { SavedAccuracy } from "./saved-model.ts"

/** Held-out accuracy over the run. */
export interface AccuracySummary {
  readonly start: number
  readonly best: number
  /** Step of the (first) best evaluation. */
  readonly bestStep: number
  readonly final: number
  /** final - start: J(theta_T) - J(theta_0). */
  readonly cumulativeImprovement: number
  /** 95 % intervals; null where the log does not tell the error. The best of many is chosen for being high, which its interval does not know. */
  readonly intervals: {
    readonly start: Interval | null
    readonly best: Interval | null
    readonly final: Interval | null
    /** Paired over problems where the evaluations tell which were right. */
    readonly cumulativeImprovement: Interval | null
  }
}

/** How the improvement signal did; the stretches between evaluations are counted but not listed. */
export type SignalSummary = Omit<SignalAgreement, "betweenEvaluations"> & {
  readonly betweenEvaluations: Omit<IntervalAgreement, "intervals"> | null
}

/** Content of summary.json. The accuracies are null for a run without an evaluation. */
export interface RunSummary {
  readonly steps: number
  /** Which accuracy the next numbers are: greedy where it was measured, else expected. */
  readonly accuracy: "greedy" | "expected" | null
  readonly start: number | null
  readonly best: number | null
  readonly bestStep: number | null
  readonly final: number | null
  readonly cumulativeImprovement: number | null
  readonly heldOutSize: number | null
  /** The model that the run left, as it was saved; absent while there is none, and where a server keeps it. */
  readonly saved?: SavedAccuracy
  readonly greedy: AccuracySummary | null
  readonly expected: AccuracySummary | null
  /** Mean held-out reward of greedy responses; absent where it is the greedy accuracy, because rewards are 0 and 1. */
  readonly reward?: AccuracySummary
  /** Step of the policy that `model/` holds, where that is the best evaluated one (`evaluation.keepBest`). */
  readonly modelStep?: number
  /** Why the run ended before its last step, where a callback ended it. */
  readonly stopReason?: string
  /** How often each verdict was given; `unjudged` counts the steps without one. */
  readonly verdicts: Readonly<Record<Verdict | "unjudged", number>>
  /** How often the signal agreed with the held-out change, and its size against its sampling error. */
  readonly signal: SignalSummary
  readonly sampledTokens: number
  readonly trainedTokens: number
  readonly time: {
    /** Sum over the steps. */
    readonly seconds: number
    /** Tokens sampled and trained on, per second of all steps; null without steps. */
    readonly tokensPerSecond: number | null
    readonly sampledTokensPerSecond: number | null
    readonly trainedTokensPerSecond: number | null
    /** Of `seconds`; absent where no step tells it. */
    readonly sampleSeconds?: number
    readonly verifySeconds?: number
    readonly trainSeconds?: number
    /** Beside `seconds`: the evaluations, and the checkpoints. */
    readonly evaluationSeconds?: number
    readonly checkpointSeconds?: number
    /** Of `seconds`, waiting for the server and our own code beside it; absent without a server. */
    readonly serverSeconds?: number
    readonly clientSeconds?: number
  }
}

/** What is read of a line of metrics, which may be damaged or of an older version: every MetricsLine is one. */
export type SummarizedStep = StepLine & Pick<MetricsLine, "sampledTokens" | "trainedTokens"> & { readonly time?: Partial<StepTime> }

/**
 * Sums a run up from its metrics and evaluations, both in the order of their steps.
 * @param signal  the window of the improvement signal; the default one for a run without PIPO
 */
export function summarizeRun(metrics: readonly SummarizedStep[], evaluations: readonly EvaluationPoint[], signal: TraceOptions = {}): RunSummary {
  const greedy = summarizeAccuracy(measuredAccuracies(evaluations, "greedy"))
  const expected = summarizeAccuracy(measuredAccuracies(evaluations, "expected"))
  const reward = rewardsAreGraded(evaluations) ? summarizeAccuracy(measuredAccuracies(evaluations, "reward")) : null
  const main = greedy ?? expected
  const total = (value: (line: SummarizedStep) => number | undefined): number =>
    metrics.reduce((sum, line) => sum + (value(line) ?? 0), 0)
  const seconds = total((line) => line.time?.seconds)
  const sampledTokens = total((line) => line.sampledTokens)
  const trainedTokens = total((line) => line.trainedTokens)
  const count = (verdict: Verdict): number => metrics.filter((line) => line["verdict"] === verdict).length
  const verdicts = { improved: count("improved"), regressed: count("regressed"), undecided: count("undecided") }
  const judged = verdicts.improved + verdicts.regressed + verdicts.undecided
  return {
    steps: metrics.at(-1)?.step ?? 0,
    accuracy: greedy !== null ? "greedy" : expected !== null ? "expected" : null,
    start: main?.start ?? null,
    best: main?.best ?? null,
    bestStep: main?.bestStep ?? null,
    final: main?.final ?? null,
    cumulativeImprovement: main?.cumulativeImprovement ?? null,
    heldOutSize: evaluations.at(-1)?.size ?? null,
    greedy,
    expected,
    ...(reward === null ? {} : { reward }),
    verdicts: { ...verdicts, unjudged: metrics.length - judged },
    signal: summarizeSignal(runSignal(metrics, evaluations, signal)),
    sampledTokens,
    trainedTokens,
    time: {
      seconds,
      tokensPerSecond: rate(sampledTokens + trainedTokens, seconds),
      sampledTokensPerSecond: rate(sampledTokens, total((line) => line.time?.sampleSeconds)),
      trainedTokensPerSecond: rate(trainedTokens, total((line) => line.time?.trainSeconds)),
      ...phaseSeconds(metrics, evaluations),
      ...(metrics.some(({ time }) => time?.serverSeconds !== undefined)
        ? { serverSeconds: total(({ time }) => time?.serverSeconds), clientSeconds: total(({ time }) => time?.clientSeconds) }
        : {}),
    },
  }
}

const phases = ["sampleSeconds", "verifySeconds", "trainSeconds", "checkpointSeconds"] as const

/** Where the time went; of each phase that any line tells of. */
function phaseSeconds(
  metrics: readonly SummarizedStep[],
  evaluations: readonly EvaluationPoint[],
): Record<string, number> {
  const sum = (values: readonly unknown[]): number | undefined => {
    const known = values.filter((value) => typeof value === "number")
    return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
  }
  const timed = evaluations as readonly { readonly time?: { readonly seconds?: unknown } }[]
  const sums: readonly (readonly [string, number | undefined])[] = [
    ...phases.map((phase) => [phase, sum(metrics.map(({ time }) => time?.[phase]))] as const),
    ["evaluationSeconds", sum(timed.map(({ time }) => time?.seconds))],
  ]
  return Object.fromEntries(
    sums.flatMap(([name, seconds]) => (seconds === undefined ? [] : [[name, seconds] as const])),
  )
}

function summarizeSignal({ betweenEvaluations, ...others }: SignalAgreement): SignalSummary {
  if (betweenEvaluations === null) return { ...others, betweenEvaluations }
  const { intervals: _intervals, ...counted } = betweenEvaluations
  return { ...others, betweenEvaluations: counted }
}

function summarizeAccuracy(measured: readonly Measured[]): AccuracySummary | null {
  const [start, final] = [measured[0], measured.at(-1)]
  if (start === undefined || final === undefined) return null
  let best = start
  for (const one of measured) if (one.accuracy > best.accuracy) best = one
  return {
    start: start.accuracy,
    best: best.accuracy,
    bestStep: best.step,
    final: final.accuracy,
    cumulativeImprovement: final.accuracy - start.accuracy,
    intervals: {
      start: start.interval,
      best: best.interval,
      final: final.interval,
      cumulativeImprovement: start === final ? null : changeInterval(start, final),
    },
  }
}

function rate(tokens: number, seconds: number): number | null {
  return seconds > 0 ? tokens / seconds : null
}

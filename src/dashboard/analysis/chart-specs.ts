/** Which curves there are, and what each draws of a run. */
// Not from analysis/index.ts, whose readers of files a browser does not have.
import { measuredAccuracies } from "../../analysis/held-out.ts"
import type { AccuracyKind } from "../../analysis/held-out.ts"
import { normalInterval } from "../../analysis/intervals.ts"
import type { Interval } from "../../analysis/intervals.ts"
import type { LogName } from "../api.ts"
import type { RunColumns } from "./run-columns.ts"

type Values = readonly (number | null)[]

/** A curve of a run. */
export interface Line {
  readonly label: string
  readonly log: LogName
  readonly y: Values
  /** Edges of its band. */
  readonly low?: Values
  readonly high?: Values
  /** What it begins with, before the first line of its log. */
  readonly before?: { readonly step: number; readonly y: number }
  /** Points instead of a line, in a colour of the style sheet. */
  readonly points?: string
}

export interface ChartSpec {
  readonly id: string
  readonly title: string
  /** What the numbers are, shown beside the title. */
  readonly unit: string
  readonly isShare?: boolean
  /** Metrics that the chart takes, so that they are not drawn again among the others. */
  readonly uses: readonly string[]
  lines(run: RunColumns, alone: boolean): Line[]
}

function metric(run: RunColumns, name: string, label: string, log: LogName = "metrics"): Line[] {
  const y = run.column(log, name)
  return y === undefined || y.every((value) => value === null) ? [] : [{ label, log, y }]
}

/** A chart of plain metrics. */
function plain(id: string, title: string, unit: string, columns: Readonly<Record<string, string>>, isShare: boolean = false): ChartSpec {
  return {
    id,
    title,
    unit,
    isShare,
    uses: Object.keys(columns),
    lines: (run) => Object.entries(columns).flatMap(([name, label]) => metric(run, name, label)),
  }
}

/** A line with the interval of each of its points. */
function banded(line: Line, intervalAt: (i: number) => Interval | null | undefined): Line {
  const intervals = line.y.map((_, i) => intervalAt(i))
  return { ...line, low: intervals.map((interval) => interval?.low ?? null), high: intervals.map((interval) => interval?.high ?? null) }
}

/** Held-out accuracy with the interval that the summary of the run gives it. */
function accuracy(run: RunColumns, kind: AccuracyKind): Line[] {
  const names = ["size", "verifierFailures", `${kind}Accuracy`, `${kind}StandardError`]
  const columns = names.map((name) => [name, run.column("evaluations", name)] as const)
  return metric(run, `${kind}Accuracy`, kind, "evaluations").map((line) =>
    banded(line, (i) => {
      const known = columns.flatMap(([name, values]) => (typeof values?.[i] === "number" ? [[name, values[i]] as const] : []))
      return measuredAccuracies([{ step: 0, ...Object.fromEntries(known) }], kind)[0]?.interval
    }),
  )
}

/** A metric with the 95 % interval of the error that is logged beside it. */
function withError(run: RunColumns, name: string, errorName: string, label: string): Line[] {
  const errors = run.column("metrics", errorName)
  return metric(run, name, label).map((line) =>
    banded(line, (i) => {
      const [value, error] = [line.y[i] ?? null, errors?.[i] ?? null]
      return value === null || error === null ? null : normalInterval(value, error)
    }),
  )
}

const reward: ChartSpec = {
  id: "reward",
  title: "Mean reward",
  unit: "95 % interval over prompts",
  isShare: true,
  uses: ["mu", "muStandardError"],
  lines: (run) => withError(run, "mu", "muStandardError", "mean reward"),
}

const improvement: ChartSpec = {
  id: "improvement",
  title: "Paired improvement",
  unit: "of the update before, 95 % interval",
  uses: ["improvement", "improvementStandardError"],
  lines: (run) => withError(run, "improvement", "improvementStandardError", "improvement"),
}

/** The learning rate as steering sets it, and where it left an update out. */
const steering: ChartSpec = {
  id: "steering",
  title: "Steering",
  unit: "x learning rate; points: left out",
  uses: ["stepFactor", "stepCut"],
  lines(run, alone) {
    const line = metric(run, "stepFactor", "factor")
    const cuts = run.column("metrics", "stepCut")
    if (!alone || line.length === 0 || !run.isWhole("metrics") || cuts?.some((cut) => cut === 1) !== true) return line
    return [...line, { label: "left out", log: "metrics", y: line[0]!.y.map((value, i) => (cuts[i] === 1 ? value : null)), points: "suppressed" }]
  },
}

/** Expected accuracy after every step, from J(0) on where the first evaluation tells it on the same problems. */
function everyStep(run: RunColumns): Line[] {
  const lines = metric(run, "expectedAccuracy", "expected, every step")
  const start = run.column("evaluations", "stepExpectedAccuracy")?.[0] ?? null
  if (start === null || run.steps("evaluations")[0] !== 0 || run.steps("metrics")[0] !== 1) return lines
  return lines.map((line) => ({ ...line, before: { step: 0, y: start } }))
}

/** A curve with its own x and what it begins with. */
export function placed<L extends Line>(
  line: L,
  x: readonly number[],
  beforeX: number,
): { readonly line: L; readonly x: readonly number[] } {
  const { before } = line
  if (before === undefined) return { line, x }
  return { line: { ...line, y: [before.y, ...line.y] }, x: [beforeX, ...x] }
}

const heldOut: ChartSpec = {
  id: "held-out",
  title: "Held-out accuracy",
  unit: "95 % interval",
  isShare: true,
  uses: ["greedyAccuracy", "expectedAccuracy", "stepExpectedAccuracy"],
  lines: (run) => [
    ...accuracy(run, "greedy"),
    ...accuracy(run, "expected"),
    ...everyStep(run),
  ],
}

const signal: ChartSpec = {
  id: "xi",
  title: "Improvement signal",
  unit: "xi, coloured by the gate",
  uses: ["xi"],
  lines(run, alone) {
    const line = metric(run, "xi", "xi")
    const gates = run.column("metrics", "gate")
    // In a bucket of several steps the least and the greatest xi are of other steps than the words that stand for it.
    if (!alone || line.length === 0 || gates === undefined || !run.isWhole("metrics")) return line
    const words = run.words("metrics", "gate")
    const of = (gate: string): Values => line[0]!.y.map((value, i) => (words[gates[i] ?? -1] === gate ? value : null))
    return [
      { label: "reinforced", log: "metrics" as const, y: of("reinforce"), points: "reinforced" },
      { label: "suppressed", log: "metrics" as const, y: of("suppress"), points: "suppressed" },
      { label: "undecided", log: "metrics" as const, y: of("skipped"), points: "undecided" },
    ].filter(({ y }) => y.some((value) => value !== null))
  },
}

const windowMean: ChartSpec = {
  id: "window",
  title: "Window mean and deviation",
  unit: "last K rewards ± sigma",
  isShare: true,
  uses: ["muHis", "sigmaHis"],
  lines(run, alone) {
    const sigmas = run.column("metrics", "sigmaHis")
    return metric(run, "muHis", "window mean").flatMap((line) => {
      // A deviation is there once two means are: until then it counts as 1, which is no band.
      const at = (sign: number): Values => line.y.map((value, i) => (value === null || (sigmas?.[i] ?? 1) >= 1 ? null : value + sign * sigmas![i]!))
      return [{ ...line, low: at(-1), high: at(1) }, ...(alone ? metric(run, "mu", "this step") : [])]
    })
  },
}

const cumulative: ChartSpec = {
  id: "cumulative",
  title: "Cumulative policy improvement",
  unit: "J(t) - J(0)",
  uses: ["greedyImprovement", "expectedImprovement"],
  lines: (run) => [...metric(run, "greedyImprovement", "greedy", "evaluations"), ...metric(run, "expectedImprovement", "expected", "evaluations")],
}

/** The charts, in their order on the page. */
export const chartSpecs: readonly ChartSpec[] = [
  reward,
  heldOut,
  signal,
  windowMean,
  improvement,
  steering,
  plain("step-kl", "KL of an update", "nats a token", { stepKl: "measured one step later", klTarget: "steering's target" }),
  cumulative,
  plain("entropy", "Entropy", "nats a token", { entropy: "entropy" }),
  plain("kl", "KL", "nats a token", { kl: "to the reference", behaviourKl: "to the sampler", verificationBehaviourKl: "verification, to the sampler" }),
  plain("clip", "Clip fractions", "of the counted tokens", { clipFraction: "both", clipFractionLow: "low", clipFractionHigh: "high", dualClipFraction: "dual", verificationClipFraction: "verification" }, true),
  plain("gradient", "Gradient norms", "before clipping", { gradientNorm: "exploration", verificationGradientNorm: "verification", replayGradientNorm: "replay" }),
  plain("loss", "Loss", "", { loss: "exploration", verificationLoss: "verification", replayLoss: "replay" }),
  plain("length", "Response length", "tokens", { responseLength: "mean" }),
  plain("truncation", "Truncated responses", "share", { truncationRate: "truncated" }, true),
  plain("variance", "Groups of one reward", "share", { zeroVarianceShare: "one reward for all", boundaryWeightShare: "weight on nearly solved or hopeless" }, true),
  plain("failures", "Verifier", "responses a step", { verifierFailures: "no verdict", noAnswer: "no answer found" }),
  plain("speed", "Tokens per second", "by phase", { "time.sampledTokensPerSecond": "sampled", "time.trainedTokensPerSecond": "trained" }),
  plain("seconds", "Seconds per step", "by phase", { "time.seconds": "step", "time.sampleSeconds": "sample", "time.verifySeconds": "verify", "time.trainSeconds": "train" }),
  plain("rate", "Learning rate", "", { learningRate: "learning rate" }),
]

const known = new Set([...chartSpecs.flatMap(({ uses }) => uses), "step", "gate", "verdict", "skipReason"])

/** A chart for each metric that no other chart takes. */
export function otherSpecs(runs: readonly RunColumns[]): ChartSpec[] {
  const names = new Set(runs.flatMap((run) => run.names("metrics").filter((name) => !known.has(name) && run.words("metrics", name).length === 0)))
  return [...names].sort().map((name) => plain(`other-${name}`, name, "", { [name]: name }))
}

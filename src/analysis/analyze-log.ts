/** Everything there is to say of somebody's log: which updates helped, what became of the run, and whether the signal can be trusted. */
import { DataError } from "../errors.ts"
import { chooseColumns, type ColumnChoice, type ColumnChoices, type ColumnRole, type NamedColumns } from "./log-columns.ts"
import { cleanSeries, seriesOf, type LogSeries, type SkippedRows } from "./log-series.ts"
import { changeBetween, measuredAccuracies, type EvaluationPoint, type Measured } from "./held-out.ts"
import { normalInterval, type Interval } from "./intervals.ts"
import { outcomeOf, type RunOutcome } from "./outcome.ts"
import type { LogFormat, LogTable } from "./readers/log-table.ts"
import { startAccuracyOf } from "./run-signal.ts"
import { correlationOfChanges, errorFromDifferences, errorsOfMeans, type MeanErrors } from "./sampling-error.ts"
import { traceAgreement, usualSpacing, type LoggedVerdict, type SignalAgreement, type SignalPoint } from "./signal-agreement.ts"
import { signalSize, type SignalSize } from "./signal-size.ts"
import { progressErrors, type SignalTrace, type TraceOptions } from "./signal-trace.ts"
import { longestStretches, strongestUpdates, type JudgedUpdate, type Stretch } from "./verdict-runs.ts"

export interface AnalyzeOptions extends NamedColumns {
  /** Prompts of a step. */
  readonly prompts?: number
  /** Responses to a prompt. */
  readonly groupSize?: number
  /** K of the signal; default the run's own, else 8. */
  readonly window?: number
  /** Problems of an evaluation, for its noise. */
  readonly evaluationSize?: number
}

/** One row as it was judged. Null where there is nothing to say. */
export interface StepVerdict {
  readonly step: number
  readonly reward: number
  readonly muHis: number | null
  readonly progress: number | null
  readonly xi: number | null
  /** Of progress. */
  readonly standardError: number | null
  /** Whether the update before this row helped. */
  readonly verdict: LoggedVerdict | null
}

/** A column beside the reward, at the start, around the best mean and at the end: what else changed. */
export interface SideColumn {
  readonly column: string
  readonly start: number
  readonly best: number
  readonly final: number
}

/** The signal against an error of the means. */
export interface SizedSignal extends SignalSize {
  /** Where the errors come from. */
  readonly basis: string
  /** Present where the log leaves the error between two bounds: the shares under the larger error. */
  readonly atLeast?: { readonly above1: number; readonly above2: number; readonly medianError: number }
}

/** Held-out accuracy over the log. */
export interface EvaluationSummary {
  readonly count: number
  readonly first: number
  readonly best: number
  readonly bestStep: number
  readonly last: number
  /** best - last; null where the noise is not known, or the best is the last. */
  readonly lost: Interval | null
  /** The loss exceeds three of its standard errors. */
  readonly fell: boolean
}

export interface LogAnalysis {
  readonly log: string
  readonly format: LogFormat
  readonly columns: Partial<Record<ColumnRole, ColumnChoice>>
  readonly rows: number
  readonly firstStep: number
  readonly lastStep: number
  /** Steps from one row to the next, as most have it. */
  readonly spacing: number
  readonly skipped: SkippedRows
  readonly notes: readonly string[]
  readonly outcome: RunOutcome
  readonly signal: SignalAgreement
  readonly stretches: { readonly improved: Stretch | null; readonly regressed: Stretch | null }
  /** Verdicts whose signal exceeds two standard errors, by the first of `sizes`. */
  readonly beyondNoise: { readonly improved: number; readonly regressed: number } | null
  readonly strongest: { readonly improved: readonly JudgedUpdate[]; readonly regressed: readonly JudgedUpdate[] }
  /** By the log's own numbers where they suffice, and by the jumps from row to row. */
  readonly sizes: readonly SizedSignal[]
  readonly evaluations: EvaluationSummary | null
  readonly sides: Partial<Record<ColumnRole, SideColumn>>
}

export interface AnalyzedLog {
  readonly analysis: LogAnalysis
  readonly steps: readonly StepVerdict[]
}

/**
 * @param log  name for messages
 * @throws DataError  when a column is missing, or no row has a reward
 */
export function analyzeLog(table: LogTable, log: string, options: AnalyzeOptions = {}): AnalyzedLog {
  const columns = chooseColumns(table, options, log)
  const series = cleanSeries(table, columns)
  const { steps, rewards, rows } = series
  if (rewards.length === 0) {
    const { column } = columns.reward!
    throw new DataError(`log ${log}: expected rewards in the column ${column}, got no number in ${table.rows} rows. Name another with --reward.`)
  }
  const spacing = usualSpacing([...steps].map((step) => ({ step })))
  const notes = [...table.notes]
  const column = (role: ColumnRole): Float64Array | undefined => seriesOf(table, columns, role, rows)
  // What the trainer of transformers logs is the mean over the steps since it logged before.
  const averaged = table.format === "trainer_state.json" || columns.step?.column === "train/global_step"
  const merged = averaged && spacing > 1 ? spacing : 1
  const shape = {
    prompts: options.prompts ?? column("prompts")?.find(Number.isFinite) ?? table.run?.prompts,
    groupSize: options.groupSize ?? column("groupSize")?.find(Number.isFinite) ?? table.run?.groupSize,
    merged,
  }
  const known = errorsOfMeans(
    {
      rewards,
      logged: filled(column("standardError")),
      group: filled(column("groupDeviation")),
      equalGroups: filled(column("equalGroups")),
      batch: filled(column("batchDeviation")),
    },
    shape,
  )
  const jumps = errorFromDifferences(rewards)
  const jumpErrors = new Float64Array(rewards.length).fill(jumps ?? 0)
  const settings: TraceOptions = { ...table.run?.signal, ...(options.window === undefined ? {} : { window: options.window }) }
  const evaluations = evaluationsOf(table, series, options)
  const points = pointsOf(table, series, known, evaluations, notes)
  const start = table.run === undefined ? startOf(evaluations, steps, points) : startAccuracyOf(linesOf(points), evaluations)
  const { agreement, trace } = traceAgreement(points, { ...settings, evaluations, ...(start === undefined ? {} : { startAccuracy: start }) })
  const window = agreement.window
  const outcome = outcomeOf(steps, rewards, known?.exact === true ? known.low : jumpErrors, window)!
  const byJumps = progressErrors(rewards, jumpErrors, settings)
  const sizes = sizesOf(trace, known, byJumps, rewards, settings)
  const sizing = known?.exact === true ? trace.standardError : byJumps
  notes.push(...readingNotes(series, columns, { spacing, merged, correlation: correlationOfChanges(rewards), noiseUnknown: agreement.betweenEvaluations?.noiseKnown === false, ownSignal: agreement.source === "logged" }))
  return {
    analysis: {
      log,
      format: table.format,
      columns,
      rows: rewards.length,
      firstStep: steps[0]!,
      lastStep: steps.at(-1)!,
      spacing,
      skipped: series.skipped,
      notes,
      outcome,
      signal: agreement,
      stretches: longestStretches(steps, trace.verdict),
      beyondNoise: sizes.length === 0 ? null : beyondNoise(trace, sizing),
      strongest: strongestUpdates(steps, trace, sizing),
      sizes,
      evaluations: summaryOf(mainAccuracies(evaluations)),
      sides: sidesOf(column, columns, steps, outcome),
    },
    steps: stepVerdicts(steps, rewards, trace, sizing),
  }
}

/** Errors that are missing in some rows are taken from the row before, so that one gap does not blind a whole window. */
function filled(series: Float64Array | undefined): Float64Array | undefined {
  if (series === undefined) return undefined
  let last = series.find((value) => !Number.isNaN(value))
  if (last === undefined) return undefined
  return series.map((value) => (last = Number.isNaN(value) ? last! : value))
}

function evaluationsOf(table: LogTable, series: LogSeries, { accuracy, evaluationSize }: AnalyzeOptions): readonly EvaluationPoint[] {
  if (table.run !== undefined && accuracy === undefined) return table.run.evaluations
  return series.evaluations.map((point) => ({ step: point.step, greedyAccuracy: point.accuracy, ...(evaluationSize === undefined ? {} : { size: evaluationSize }) }))
}

function mainAccuracies(evaluations: readonly EvaluationPoint[]): Measured[] {
  const greedy = measuredAccuracies(evaluations, "greedy")
  return greedy.length > 0 ? greedy : measuredAccuracies(evaluations, "expected")
}

function summaryOf(measured: readonly Measured[]): EvaluationSummary | null {
  if (measured.length === 0) return null
  let best = measured[0]!
  for (const one of measured) if (one.accuracy > best.accuracy) best = one
  const last = measured.at(-1)!
  const loss = best === last ? null : changeBetween(last, best)
  return {
    count: measured.length,
    first: measured[0]!.accuracy,
    best: best.accuracy,
    bestStep: best.step,
    last: last.accuracy,
    lost: loss === null ? null : normalInterval(loss.change, loss.standardError),
    fell: loss !== null && loss.change > 3 * loss.standardError,
  }
}

/** Share of rows with an evaluation from which on each is taken as the accuracy after that row. */
const EVERY_ROW = 0.8

const verdictNames = new Map<number, LoggedVerdict>([
  [1, "improved"],
  [-1, "regressed"],
  [0, "undecided"],
])

/** The rows as points of the signal. A run of ours has its own signal and its own accuracy of every step. */
function pointsOf(table: LogTable, series: LogSeries, known: MeanErrors | undefined, evaluations: readonly EvaluationPoint[], notes: string[]): SignalPoint[] {
  const own = (name: string, i: number): number | undefined => (table.run === undefined ? undefined : table.columns.get(name)?.[series.rows[i]!])
  const everyRow = table.run === undefined && evaluations.length > 2 && evaluations.length >= EVERY_ROW * series.steps.length
  const evaluated = new Map(everyRow ? evaluations.map(({ step, greedyAccuracy }) => [step, greedyAccuracy]) : [])
  if (everyRow) notes.push("evaluations stand in nearly every row and are compared row by row; their own noise counts as change")
  return Array.from(series.steps, (step, i): SignalPoint => {
    const verdict = verdictNames.get(own("verdict", i) ?? Number.NaN) ?? null
    const errors = known?.low[i] ?? null
    const accuracyAfter = own("expectedAccuracy", i) ?? evaluated.get(step) ?? null
    return { step, mu: series.rewards[i]!, xi: own("xi", i) ?? null, muHis: finite(own("muHis", i)), verdict, muStandardError: errors, accuracyAfter }
  })
}

function linesOf(points: readonly SignalPoint[]): { step: number; mu: number | null; expectedAccuracy: number | null }[] {
  return points.map(({ step, mu, accuracyAfter }) => ({ step, mu, expectedAccuracy: finite(accuracyAfter ?? undefined) }))
}

/** An evaluation before the first row, where every row has one. */
function startOf(evaluations: readonly EvaluationPoint[], steps: Float64Array, points: readonly SignalPoint[]): number | undefined {
  if (!points.some(({ accuracyAfter }) => accuracyAfter !== null)) return undefined
  return evaluations.find(({ step }) => step < steps[0]!)?.greedyAccuracy
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

function sizesOf(trace: SignalTrace, known: MeanErrors | undefined, byJumps: Float64Array, rewards: Float64Array, settings: TraceOptions): SizedSignal[] {
  const sizes: SizedSignal[] = []
  if (known !== undefined) {
    const size = signalSize(trace.progress, trace.standardError)
    const larger = known.exact ? null : signalSize(trace.progress, progressErrors(rewards, known.high, settings))
    const bound = larger === null || known.low === known.high ? {} : { atLeast: { above1: larger.above1, above2: larger.above2, medianError: larger.medianError } }
    if (size !== null) sizes.push({ ...size, basis: known.basis, ...bound })
  }
  const size = signalSize(trace.progress, byJumps)
  if (size !== null) sizes.push({ ...size, basis: "how the rewards jump from row to row" })
  return sizes
}

function beyondNoise(trace: SignalTrace, errors: Float64Array): { improved: number; regressed: number } {
  const beyond = { improved: 0, regressed: 0 }
  trace.verdict.forEach((verdict, i) => {
    const error = errors[i]!
    if (!(error > 0) || !(Math.abs(trace.progress[i]!) > 2 * error)) return
    if (verdict > 0) beyond.improved++
    else if (verdict < 0) beyond.regressed++
  })
  return beyond
}

const sideRoles = ["length", "truncation", "entropy", "kl"] as const

function sidesOf(column: (role: ColumnRole) => Float64Array | undefined, columns: ColumnChoices, steps: Float64Array, { width, best }: RunOutcome): LogAnalysis["sides"] {
  const sides: Partial<Record<ColumnRole, SideColumn>> = {}
  const at = steps.indexOf(best.fromStep)
  for (const role of sideRoles) {
    const values = column(role)
    if (values === undefined) continue
    const means = [0, at, steps.length - width].map((from) => meanOf(values.subarray(from, from + width)))
    const [start, middle, final] = means
    if (start === undefined || middle === undefined || final === undefined) continue
    sides[role] = { column: columns[role]!.column, start, best: middle, final }
  }
  return sides
}

function meanOf(values: Float64Array): number | undefined {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
}

function stepVerdicts(steps: Float64Array, rewards: Float64Array, trace: SignalTrace, errors: Float64Array): StepVerdict[] {
  return Array.from(steps, (step, i) => ({
    step,
    reward: rewards[i]!,
    muHis: finite(trace.muHis[i]),
    progress: finite(trace.progress[i]),
    xi: finite(trace.xi[i]),
    standardError: finite(errors[i]),
    verdict: verdictNames.get(trace.verdict[i]!) ?? null,
  }))
}

interface Reading {
  readonly spacing: number
  readonly merged: number
  readonly correlation: number | null
  /** There are evaluations, but nothing tells their error. */
  readonly noiseUnknown: boolean
  readonly ownSignal: boolean
}

/** Changes that follow one another like this are those of a smoothed column, or of one nearly without noise. */
const SMOOTHED = -0.2

function readingNotes({ numbered, sorted }: LogSeries, { reward, accuracy }: ColumnChoices, { spacing, merged, correlation, noiseUnknown, ownSignal }: Reading): string[] {
  const notes: string[] = []
  const others = (choice: ColumnChoice | undefined, option: string): void => {
    if (choice !== undefined && choice.alternatives.length > 0) notes.push(`${choice.column} was chosen; ${option} can name another: ${choice.alternatives.slice(0, 8).join(", ")}`)
  }
  others(reward, "--reward")
  others(accuracy, "--eval")
  if (ownSignal) notes.push("xi and verdicts are the run's own")
  if (numbered) notes.push("no column of steps: rows with a reward were numbered")
  if (sorted) notes.push("the steps came in no order and were sorted")
  if (spacing !== 1) notes.push(`one row in ${spacing} steps${merged > 1 ? ", each the mean over them" : ""}: a verdict judges ${spacing} updates at once`)
  if (correlation !== null && correlation > SMOOTHED) {
    notes.push(`the reward looks smoothed or nearly free of noise (changes correlate by ${correlation.toFixed(2)}, those of independent batches by -0.5): if it was smoothed, the noise is larger than it seems`)
  }
  if (noiseUnknown) notes.push("the noise of the evaluations is not known, so every change counts as real; --eval-size N sets it for a share of N problems")
  return notes
}

/** Everything there is to say of somebody's log: which updates helped, what became of the run, and whether the signal can be trusted. */
import { DataError } from "../errors.ts"
import { mean } from "../statistics.ts"
import { changeBetween, measuredAccuracies, type EvaluationPoint, type Measured } from "./held-out.ts"
import { normalInterval } from "./intervals.ts"
import type { AnalyzedLog, AnalyzeOptions, EvaluationSummary, LogAnalysis, SideColumn, SizedSignal, StepVerdict } from "./log-analysis.ts"
import { chooseColumns, type ColumnChoices, type ColumnRole } from "./log-columns.ts"
import { readingNotes } from "./log-notes.ts"
import { evaluationsOf, finite, pointsOf, startOf, verdictNames } from "./log-points.ts"
import { cleanSeries, seriesOf } from "./log-series.ts"
import { outcomeOf, type RunOutcome } from "./outcome.ts"
import type { LogTable } from "./readers/log-table.ts"
import { correlationOfChanges, errorFromDifferences, errorsOfMeans, type MeanErrors } from "./sampling-error.ts"
import { traceAgreement, usualSpacing } from "./signal-agreement.ts"
import { signalSize } from "./signal-size.ts"
import { progressErrors, type SignalTrace, type TraceOptions } from "./signal-trace.ts"
import { longestStretches, strongestUpdates } from "./verdict-runs.ts"

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
  const start = startOf(table, evaluations, points)
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

function sidesOf(column: (role: ColumnRole) => Float64Array | undefined, columns: ColumnChoices, steps: Float64Array, { width, best: { fromStep } }: RunOutcome): LogAnalysis["sides"] {
  const sides: Partial<Record<ColumnRole, SideColumn>> = {}
  const at = steps.indexOf(fromStep)
  for (const role of sideRoles) {
    const values = column(role)
    if (values === undefined) continue
    const means = [0, at, steps.length - width].map((from) => mean([...values.subarray(from, from + width)].filter(Number.isFinite)))
    if (means.some(Number.isNaN)) continue
    const [start, best, final] = means as [number, number, number]
    sides[role] = { column: columns[role]!.column, start, best, final }
  }
  return sides
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

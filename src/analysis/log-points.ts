/** The rows of a log as points of its signal, and its evaluations. */
import type { EvaluationPoint } from "./held-out.ts"
import type { AnalyzeOptions } from "./log-analysis.ts"
import type { LogSeries } from "./log-series.ts"
import type { LogTable } from "./readers/log-table.ts"
import { startAccuracyOf } from "./run-signal.ts"
import type { MeanErrors } from "./sampling-error.ts"
import { verdictSigns, type LoggedVerdict, type SignalPoint } from "./signal-agreement.ts"

/** Evaluations: a run's own, or those of the log's column. */
export function evaluationsOf(table: LogTable, series: LogSeries, { accuracy, evaluationSize }: AnalyzeOptions): readonly EvaluationPoint[] {
  if (table.run !== undefined && accuracy === undefined) return table.run.evaluations
  return series.evaluations.map((point) => ({ step: point.step, greedyAccuracy: point.accuracy, ...(evaluationSize === undefined ? {} : { size: evaluationSize }) }))
}

/** Verdicts by their sign. */
export const verdictNames: ReadonlyMap<number, LoggedVerdict> = new Map(
  (Object.keys(verdictSigns) as LoggedVerdict[]).map((verdict) => [verdictSigns[verdict], verdict]),
)

/** Share of rows with an evaluation from which on each is taken as the accuracy after that row. */
const EVERY_ROW = 0.8

/** The rows as points of the signal. A run of ours has its own signal and its own accuracy of every step. */
export function pointsOf(table: LogTable, series: LogSeries, known: MeanErrors | undefined, evaluations: readonly EvaluationPoint[], notes: string[]): SignalPoint[] {
  const own = (name: string, i: number): number | undefined => (table.run === undefined ? undefined : table.columns.get(name)?.[series.rows[i]!])
  const everyRow = table.run === undefined && evaluations.length > 2 && evaluations.length >= EVERY_ROW * series.steps.length
  const evaluated = new Map(everyRow ? evaluations.map(({ step, greedyAccuracy }) => [step, greedyAccuracy]) : [])
  if (everyRow) notes.push("evaluations stand in nearly every row and are compared row by row; their own noise counts as change")
  return Array.from(series.steps, (step, i): SignalPoint => {
    const verdict = verdictNames.get(own("verdict", i) ?? Number.NaN) ?? null
    const errors = known?.low[i] ?? null
    const accuracyAfter = finite(own("expectedAccuracy", i)) ?? evaluated.get(step) ?? null
    return { step, mu: series.rewards[i]!, xi: finite(own("xi", i)), muHis: finite(own("muHis", i)), verdict, muStandardError: errors, accuracyAfter, offPolicySteps: finite(own("offPolicySteps", i)) }
  })
}

/** J before the first row: of a run of ours as `startAccuracyOf` has it, else an evaluation before the first row where every row has one. */
export function startOf(table: LogTable, evaluations: readonly EvaluationPoint[], points: readonly SignalPoint[]): number | undefined {
  if (table.run !== undefined) {
    return startAccuracyOf(points.map(({ step, mu, accuracyAfter }) => ({ step, mu, expectedAccuracy: accuracyAfter })), evaluations)
  }
  if (points.every(({ accuracyAfter }) => accuracyAfter === null)) return undefined
  return evaluations.find(({ step }) => step < points[0]!.step)?.greedyAccuracy
}

/** Null for what is no number. */
export function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

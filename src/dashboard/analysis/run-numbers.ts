/**
 * A run as a row of numbers. It is taken from whole columns, and so on the server: of a long run the page has buckets, whose values are the
 * least and the greatest of many steps, and no mean can be taken of those.
 */
// Not from analysis/index.ts, as in chart-specs.ts.
import { measuredAccuracies } from "../../analysis/held-out.ts"
import type { EvaluationPoint } from "../../analysis/held-out.ts"
import type { AccuracyMeasure, AccuracyNumber, AccuracyNumbers, RunNumbers } from "../api.ts"
import { meanOf, sumOf } from "./table.ts"
import type { Table } from "./table.ts"

/** Steps over which the last means are taken. */
const recentSteps = 20
/** Metrics of which a mean over the last steps is told. */
export const recentMetrics = ["mu", "entropy", "kl", "responseLength", "truncationRate", "zeroVarianceShare"] as const

/** The numbers of a run from its metrics and evaluations. */
export function runNumbers(metrics: Table, evaluations: Table): RunNumbers {
  const { rows } = metrics
  const from = Math.max(0, rows - recentSteps)
  const [sampledTokens, trainedTokens, seconds] = [total(metrics, "sampledTokens"), total(metrics, "trainedTokens"), total(metrics, "time.seconds")]
  return {
    steps: rows,
    accuracy: { greedy: accuracyNumbers(evaluations, "greedy"), expected: accuracyNumbers(evaluations, "expected") },
    verdicts: verdictsOf(metrics),
    recentSteps: rows - from,
    recent: Object.fromEntries(recentMetrics.map((name) => [name, orNull(meanOf(metrics, name, from))])),
    sampledTokens,
    seconds,
    tokensPerSecond: sampledTokens === null || seconds === null || seconds === 0 ? null : (sampledTokens + (trainedTokens ?? 0)) / seconds,
  }
}

/** Start, best and final with the intervals that the summary of the run gives them; null without an evaluation. */
function accuracyNumbers(evaluations: Table, measure: AccuracyMeasure): AccuracyNumbers | null {
  const values = evaluations.column(`${measure}Accuracy`)
  if (values === undefined) return null
  let [first, best, last] = [-1, -1, -1]
  for (let row = 0; row < evaluations.rows; row++) {
    if (!Number.isFinite(values[row])) continue
    if (first < 0) first = row
    if (best < 0 || values[row]! > values[best]!) best = row
    last = row
  }
  if (first < 0) return null
  const [start, top, final] = [first, best, last].map((row) => accuracyAt(evaluations, measure, row))
  return { start: start!, best: top!, final: final!, improvement: final!.value - start!.value }
}

/** The evaluation before the first update; undefined where there is none. */
export function startPoint(evaluations: Table): EvaluationPoint | undefined {
  return evaluations.column("step")?.[0] === 0 ? pointAt(evaluations, 0) : undefined
}

/** What of an evaluation measures an accuracy. */
function pointAt(evaluations: Table, row: number): EvaluationPoint {
  const kinds = ["greedy", "expected"].flatMap((kind) => [`${kind}Accuracy`, `${kind}StandardError`])
  const names = ["size", "verifierFailures", ...kinds]
  const known = names.flatMap((name) => {
    const value = evaluations.column(name)?.[row]
    return value === undefined || Number.isNaN(value) ? [] : [[name, value] as const]
  })
  return { step: evaluations.column("step")?.[row] ?? 0, ...Object.fromEntries(known) }
}

function accuracyAt(evaluations: Table, measure: AccuracyMeasure, row: number): AccuracyNumber {
  const point = pointAt(evaluations, row)
  const { step, accuracy, interval } = measuredAccuracies([point], measure)[0]!
  return { step, value: accuracy, low: interval?.low ?? null, high: interval?.high ?? null }
}

function verdictsOf(metrics: Table): RunNumbers["verdicts"] {
  const [codes, words] = [metrics.column("verdict"), metrics.labels("verdict")]
  if (codes === undefined || words === undefined) return null
  const counts = { improved: 0, regressed: 0, undecided: 0 }
  for (let row = 0; row < metrics.rows; row++) {
    const word = words[codes[row]!]
    if (word === "improved" || word === "regressed" || word === "undecided") counts[word] += 1
  }
  return counts
}

function total(table: Table, name: string): number | null {
  const { sum, count } = sumOf(table, name)
  return count === 0 ? null : sum
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

/** What a run came to, what an arm came to, and how two arms differ. Pure. */
import { mean, standardError } from "../statistics.ts"
import { studentQuantile } from "./student-t.ts"

/** Accuracy below the start, or below the best, at which a run counts as collapsed. */
export const collapseBounds = { belowStart: 0.05, belowBest: 0.25 } as const

/** Definitions as they stand in plan.json and under the table. */
export const definitions: Readonly<Record<string, string>> = {
  final: "mean of the last three evaluations after the start",
  best: "largest evaluation",
  auc: "area under the curve of evaluations by trapezoids, divided by its length",
  drop: "best - final",
  collapse: `final below start - ${collapseBounds.belowStart}, or best - final above ${collapseBounds.belowBest}`,
  standardError: "sample standard deviation over the seeds / sqrt(n)",
  difference: "per seed, arm - the arm compared with; mean and 95 % Student t interval over the seeds that both have",
}

const FINAL_EVALUATIONS = 3

/** One evaluation: how far the run was (steps, updates or seconds) and the accuracy. */
export interface CurvePoint {
  readonly x: number
  readonly value: number
}

/** A run by one measure of accuracy. */
export interface RunMeasure {
  readonly start: number
  readonly best: number
  readonly final: number
  readonly auc: number
  readonly drop: number
  /** Of a whole run, by accuracies alone; what the other falls are: docs/analyze.md, "Three kinds of fall". */
  readonly collapsed: boolean
}

/** The numbers of a curve of evaluations, the first being the start; undefined without one. */
export function measureCurve(points: readonly CurvePoint[]): RunMeasure | undefined {
  if (points.length === 0) return undefined
  const values = points.map(({ value }) => value)
  const after = values.length > 1 ? values.slice(1) : values
  return measure(values[0]!, values, mean(after.slice(-FINAL_EVALUATIONS)), areaUnderCurve(points))
}

/**
 * The same with the run read at an earlier position. `final` is the mean of the interpolated curve there and one and two mean
 * evaluation intervals before, so that it averages as much as that of a whole run.
 * @param cut  position; a run that ended before is read at its end
 */
export function measureCutCurve(points: readonly CurvePoint[], cut: number): RunMeasure | undefined {
  const last = points.at(-1)
  if (last === undefined) return undefined
  if (cut >= last.x || points.length < 2) return measureCurve(points)
  const spacing = (last.x - points[0]!.x) / (points.length - 1)
  const kept = [...points.filter(({ x }) => x < cut), { x: cut, value: valueAt(points, cut) }]
  // Not before the first evaluation after the start, as in a whole run.
  const earliest = Math.min(points[1]!.x, cut)
  const places = [0, 1, 2].map((back) => cut - back * spacing).filter((x) => x >= earliest - 1e-9)
  const final = mean(places.map((x) => valueAt(points, x)))
  return measure(points[0]!.value, kept.map(({ value }) => value), final, areaUnderCurve(kept))
}

function measure(start: number, values: readonly number[], final: number, auc: number): RunMeasure {
  const best = Math.max(...values)
  const drop = best - final
  return { start, best, final, auc, drop, collapsed: final < start - collapseBounds.belowStart || drop > collapseBounds.belowBest }
}

/** Value of a piecewise linear curve; its ends beyond them. */
export function valueAt(points: readonly CurvePoint[], x: number): number {
  const after = points.findIndex((point) => point.x >= x)
  if (after === 0) return points[0]!.value
  if (after < 0) return points.at(-1)!.value
  const [a, b] = [points[after - 1]!, points[after]!]
  return a.value + ((x - a.x) / (b.x - a.x)) * (b.value - a.value)
}

/** Mean height of a piecewise linear curve; its value when it has no length. */
export function areaUnderCurve(points: readonly CurvePoint[]): number {
  const length = points.at(-1)!.x - points[0]!.x
  if (length <= 0) return mean(points.map(({ value }) => value))
  const area = points.slice(1).reduce((sum, point, i) => sum + ((point.x - points[i]!.x) * (point.value + points[i]!.value)) / 2, 0)
  return area / length
}

/** A mean over seeds. */
export interface SeedMean {
  readonly n: number
  readonly mean: number
  /** Null for fewer than two seeds. */
  readonly standardError: number | null
}

/** @returns undefined without values */
export function seedMean(values: readonly number[]): SeedMean | undefined {
  const n = values.length
  if (n === 0) return undefined
  return { n, mean: mean(values), standardError: n < 2 ? null : standardError(values) }
}

/** A mean with its 95 % interval, which takes two seeds. */
export interface IntervalMean extends SeedMean {
  readonly low: number | null
  readonly high: number | null
}

/** Mean with the interval mean +- t(0.975, n - 1) standard error; undefined without values. Of differences when seeds are paired. */
export function intervalMean(values: readonly number[]): IntervalMean | undefined {
  const centre = seedMean(values)
  if (centre === undefined) return undefined
  if (centre.standardError === null) return { ...centre, low: null, high: null }
  const half = studentQuantile(0.975, centre.n - 1) * centre.standardError
  return { ...centre, low: centre.mean - half, high: centre.mean + half }
}

/** Mean curves of arms, for plots. Pure. */
import { curvePoints, type Axis } from "./analysis.ts"
import type { Measure, RunResult } from "./results.ts"
import { seedMean, valueAt, type CurvePoint } from "./statistics.ts"

/** The mean over an arm's finished runs at a position, with its standard error (0 for a single run). */
export interface MeanPoint {
  readonly x: number
  readonly mean: number
  readonly error: number
}

export interface ArmCurve {
  readonly arm: string
  readonly points: readonly MeanPoint[]
}

/** Points of a curve whose evaluations do not lie at equal positions. */
const GRID = 48

/** Curves of the arms that have finished runs, in order: at the evaluations over steps, else interpolated up to the shortest run. */
export function armCurves(arms: readonly string[], results: readonly RunResult[], measure: Measure, axis: Axis): ArmCurve[] {
  return arms.flatMap((arm): ArmCurve[] => {
    const runs = results
      .filter((result) => result.arm === arm && result.state === "finished")
      .map((result) => curvePoints(result, measure, axis))
      .filter((points) => points.length > 0)
    return runs.length === 0 ? [] : [{ arm, points: positions(runs, axis).map((x) => meanAt(runs, x)) }]
  })
}

function positions(runs: readonly (readonly CurvePoint[])[], axis: Axis): number[] {
  if (axis === "steps") return runs[0]!.map(({ x }) => x).filter((x) => runs.every((points) => points.some((point) => point.x === x)))
  const end = Math.min(...runs.map((points) => points.at(-1)!.x))
  return Array.from({ length: GRID + 1 }, (_, i) => (i * end) / GRID)
}

function meanAt(runs: readonly (readonly CurvePoint[])[], x: number): MeanPoint {
  const { mean, standardError } = seedMean(runs.map((points) => valueAt(points, x)))!
  return { x, mean, error: standardError ?? 0 }
}

/** Arms over one objective belong into one panel: `dapo`, `dapo+pipo`, ...; arms without a prefix are the first panel. */
export function armGroups(arms: readonly string[]): string[][] {
  const prefixes = new Set(arms.flatMap((arm) => (arm.includes("+") ? [arm.slice(0, arm.indexOf("+"))] : [])))
  const groups = new Map<string, string[]>()
  for (const arm of arms) {
    const prefix = arm.includes("+") ? arm.slice(0, arm.indexOf("+")) : prefixes.has(arm) ? arm : ""
    groups.set(prefix, [...(groups.get(prefix) ?? []), arm])
  }
  return [...groups.values()]
}

/** A range of accuracies that holds all values with some room, on round numbers, within [0, 1]. */
export function accuracyRange(values: readonly number[]): { readonly low: number; readonly high: number; readonly step: number } {
  const [least, most] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)]
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => (most - least) / size <= 5) ?? 0.25
  const low = Math.max(0, Math.floor(least / step + 1e-9) * step)
  const high = Math.min(1, Math.ceil(most / step - 1e-9) * step)
  return high > low ? { low, high, step } : { low: Math.max(0, low - step), high: Math.min(1, low + step), step }
}

/** Round numbers from low to high. */
export function ticksOf({ low, high, step }: { readonly low: number; readonly high: number; readonly step: number }): number[] {
  return Array.from({ length: Math.floor((high - low) / step + 1e-9) + 1 }, (_, i) => low + i * step)
}

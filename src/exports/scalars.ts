/**
 * The numbers of a log line under the names that trackers show: train/mu, time/seconds, evaluation/greedyAccuracy.
 */
import { verdictSigns } from "../analysis/index.ts"
import type { EvaluationLine, MetricsLine } from "../runs/index.ts"

/** A number and its name. */
export type Scalar = readonly [tag: string, value: number]

/** Scalars of a step; null, text and NaN are left out, lists and objects go by entry: train/successRateHistogram/0. */
export function metricScalars(line: MetricsLine): Scalar[] {
  const { step: _step, time, verdict, ...metrics } = line
  const judged: Scalar[] = typeof verdict === "string" && verdict in verdictSigns ? [["train/verdict", verdictSigns[verdict]]] : []
  return [...flatten("train", metrics), ...judged, ...flatten("time", time)]
}

/** Scalars of an evaluation. */
export function evaluationScalars(line: EvaluationLine): Scalar[] {
  const { step: _step, time: _time, ...measures } = line
  return flatten("evaluation", measures)
}

function flatten(prefix: string, value: unknown): Scalar[] {
  if (typeof value === "number") return Number.isFinite(value) ? [[prefix, value]] : []
  if (typeof value === "boolean") return [[prefix, Number(value)]]
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, entry]) => flatten(`${prefix}/${name}`, entry))
}

/** Seconds since 1970 of a line; undefined when it does not say. */
export function secondsOf(line: { readonly time?: { readonly at?: string } }): number | undefined {
  const milliseconds = Date.parse(line.time?.at ?? "")
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000
}

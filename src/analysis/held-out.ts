/** Held-out accuracy with intervals, and its change between two evaluations. */
import { normalInterval, pairedChange, shareStandardError, wilson, type Change, type Interval } from "./intervals.ts"

/** An evaluation, as evaluations.jsonl has it or as another log tells it. */
export interface EvaluationPoint {
  /** Updates made before it: 0 is the start. */
  readonly step: number
  /** Problems measured. */
  readonly size?: number
  readonly greedyAccuracy?: number
  readonly greedyStandardError?: number
  /** Per problem: 1 right, 0 wrong, - not judged. */
  readonly greedyCorrect?: string
  readonly expectedAccuracy?: number
  readonly expectedStandardError?: number
  /** Expected accuracy on the problems that steps are measured on. */
  readonly stepExpectedAccuracy?: number
  readonly verifierFailures?: number
}

export type AccuracyKind = "greedy" | "expected"

/** One measured accuracy, whichever it is. */
export interface Measured {
  readonly step: number
  readonly accuracy: number
  /** Null when nothing tells it. */
  readonly standardError: number | null
  readonly interval: Interval | null
  readonly correct?: string
}

/** The evaluations that have an accuracy of this kind, in their order. */
export function measuredAccuracies(evaluations: readonly EvaluationPoint[], kind: AccuracyKind): Measured[] {
  return evaluations.flatMap((point) => {
    const measured = kind === "greedy" ? greedyOf(point) : expectedOf(point)
    return measured === undefined ? [] : [measured]
  })
}

function greedyOf({ step, size = 0, greedyAccuracy, greedyStandardError, greedyCorrect, verifierFailures = 0 }: EvaluationPoint): Measured | undefined {
  if (!isNumber(greedyAccuracy)) return undefined
  const judged = size - verifierFailures
  const known = judged > 0
  const standardError = isNumber(greedyStandardError) && greedyStandardError > 0 ? greedyStandardError : known ? shareStandardError(greedyAccuracy, judged) : null
  const interval = known ? wilson(greedyAccuracy * judged, judged) : standardError === null ? null : normalInterval(greedyAccuracy, standardError, [0, 1])
  return { step, accuracy: greedyAccuracy, standardError, interval, ...(greedyCorrect === undefined ? {} : { correct: greedyCorrect }) }
}

function expectedOf({ step, expectedAccuracy, expectedStandardError }: EvaluationPoint): Measured | undefined {
  if (!isNumber(expectedAccuracy)) return undefined
  const standardError = isNumber(expectedStandardError) ? expectedStandardError : null
  return { step, accuracy: expectedAccuracy, standardError, interval: standardError === null ? null : normalInterval(expectedAccuracy, standardError, [0, 1]) }
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value)
}

/**
 * Change between two evaluations: paired over problems where both tell which were right, else with the two errors added as if the problems
 * were different ones, which is wider than need be when they are the same.
 * @returns null when the error of either is unknown
 */
export function changeBetween(before: Measured, after: Measured): Change | null {
  const paired = before.correct === undefined || after.correct === undefined ? null : pairedChange(before.correct, after.correct)
  if (paired !== null) return paired
  if (before.standardError === null || after.standardError === null) return null
  return { change: after.accuracy - before.accuracy, standardError: Math.hypot(before.standardError, after.standardError), paired: false }
}

/** The change with its 95 % interval, or null as `changeBetween`. */
export function changeInterval(before: Measured, after: Measured): Interval | null {
  const change = changeBetween(before, after)
  return change === null ? null : normalInterval(change.change, change.standardError, [-1, 1])
}

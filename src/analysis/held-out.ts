/** Held-out accuracy with intervals, and its change between two evaluations. */
import { mean, standardError } from "../statistics.ts"
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
  /** Mean reward of the greedy responses. */
  readonly greedyReward?: number
  readonly greedyRewardStandardError?: number
  /** Per problem, null not judged; only where rewards say more than right and wrong. */
  readonly greedyRewards?: readonly (number | null)[]
  readonly expectedAccuracy?: number
  readonly expectedStandardError?: number
  /** Expected accuracy on the problems that steps are measured on. */
  readonly stepExpectedAccuracy?: number
  readonly verifierFailures?: number
}

export type AccuracyKind = "greedy" | "expected"
/** An accuracy, or the mean reward of greedy responses. */
export type MeasureKind = AccuracyKind | "reward"

/** One measured accuracy, whichever it is; for the kind "reward" a mean reward. */
export interface Measured {
  readonly step: number
  readonly accuracy: number
  /** Null when nothing tells it. */
  readonly standardError: number | null
  readonly interval: Interval | null
  readonly correct?: string
  /** Of each problem, where that is known and the kind is "reward". */
  readonly rewards?: readonly (number | null)[]
}

const measures = { greedy: greedyOf, expected: expectedOf, reward: rewardOf } as const

/** The evaluations that have an accuracy of this kind, in their order. */
export function measuredAccuracies(evaluations: readonly EvaluationPoint[], kind: MeasureKind): Measured[] {
  return evaluations.flatMap((point) => {
    const measured = measures[kind](point)
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

function rewardOf(point: EvaluationPoint): Measured | undefined {
  const { step, greedyReward, greedyRewardStandardError, greedyRewards } = point
  if (!isNumber(greedyReward)) return undefined
  // An accuracy, whose interval is known better.
  if (greedyRewards === undefined && greedyReward === point.greedyAccuracy) return greedyOf(point)
  const standardError = isNumber(greedyRewardStandardError) ? greedyRewardStandardError : null
  const interval = standardError === null ? null : normalInterval(greedyReward, standardError)
  const measured = { step, accuracy: greedyReward, standardError, interval }
  return greedyRewards === undefined ? measured : { ...measured, rewards: greedyRewards }
}

/** True where the mean reward of some evaluation is not its accuracy: then it is worth showing beside it. */
export function rewardsAreGraded(evaluations: readonly EvaluationPoint[]): boolean {
  return evaluations.some(({ greedyReward: reward, greedyAccuracy }) => isNumber(reward) && reward !== greedyAccuracy)
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
  const paired =
    before.rewards !== undefined || after.rewards !== undefined
      ? pairedMeanChange(rewardsOf(before), rewardsOf(after))
      : before.correct === undefined || after.correct === undefined
        ? null
        : pairedChange(before.correct, after.correct)
  if (paired !== null) return paired
  if (before.standardError === null || after.standardError === null) return null
  return { change: after.accuracy - before.accuracy, standardError: Math.hypot(before.standardError, after.standardError), paired: false }
}

/** Of each problem: an evaluation whose rewards are all 0 and 1 names which were right, and no rewards. */
function rewardsOf({ rewards, correct = "" }: Measured): readonly (number | null)[] {
  return rewards ?? [...correct].map((mark) => (mark === "-" ? null : Number(mark)))
}

/** Mean of the differences of the problems that were judged in both, and its standard error. */
function pairedMeanChange(before: readonly (number | null)[], after: readonly (number | null)[]): Change | null {
  if (before.length !== after.length) return null
  const differences = before.flatMap((was, i) => {
    const is = after[i]
    return isNumber(was) && isNumber(is) ? [is - was] : []
  })
  if (differences.length === 0) return null
  return { change: mean(differences), standardError: standardError(differences), paired: true }
}

/** The change with its 95 % interval, or null as `changeBetween`. */
export function changeInterval(before: Measured, after: Measured): Interval | null {
  const change = changeBetween(before, after)
  if (change === null) return null
  const isShare = before.rewards === undefined && after.rewards === undefined
  return normalInterval(change.change, change.standardError, isShare ? [-1, 1] : undefined)
}

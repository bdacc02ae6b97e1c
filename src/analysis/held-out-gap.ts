/** Held-out accuracy that falls while the training reward rises: the policy learns what does not carry over. */
import { measuredAccuracies, rewardsAreGraded, type EvaluationPoint, type Measured } from "./held-out.ts"
import { mean, standardError } from "../statistics.ts"

/** What is read of a training step. */
export interface RewardedStep {
  readonly step: number
  /** Mean reward of the step's rollouts. */
  readonly mu?: number | undefined
}

/** A held-out measure that fell from its best while the training reward rose. */
export interface HeldOutGap {
  readonly measure: "mean reward" | "accuracy"
  /** Step of the best held-out measure (the later of the two evaluations that it is averaged over). */
  readonly bestStep: number
  readonly best: number
  readonly now: number
  /** Mean training reward of the steps around the best, and of the last. */
  readonly rewardThen: number
  readonly rewardNow: number
}

/** A fall of the held-out measure, and a rise of the reward, below these are nothing to speak of. */
const LEAST_FALL = 0.05
const LEAST_RISE = 0.02
/** Standard errors of the difference that each must exceed: the fall by a one-sided test at 5 %. */
const FALL_ERRORS = 1.645
const RISE_ERRORS = 2
/** Steps that a training reward is averaged over, at most. */
const WINDOW = 20

/**
 * Compares the best held-out measure of a run with its newest, and the training reward of the steps before each. Two
 * evaluations in a row are averaged where there are four or more, because the best of many single ones is high by
 * chance.
 * @param stepsOf  reads the steps: called when the held-out measure fell, which it hardly ever has
 * @returns undefined unless the held-out measure fell and the training reward rose, both beyond their errors
 */
export function heldOutGap(
  stepsOf: () => readonly RewardedStep[],
  evaluations: readonly EvaluationPoint[],
): HeldOutGap | undefined {
  const graded = rewardsAreGraded(evaluations)
  const greedy = measuredAccuracies(evaluations, graded ? "reward" : "greedy")
  const points = averaged(greedy.length > 0 ? greedy : measuredAccuracies(evaluations, "expected"))
  const now = points.at(-1)
  if (now === undefined) return undefined
  const best = points.reduce((highest, point) => (point.value > highest.value ? point : highest))
  const fall = best.value - now.value
  if (!(fall >= Math.max(LEAST_FALL, FALL_ERRORS * Math.hypot(best.error, now.error)))) return undefined
  const steps = stepsOf()
  const then = rewardsAround(steps, best.step)
  const latest = rewardsAround(steps, Infinity)
  // Before the two windows are apart nothing can be said of a rise.
  if (then.values.length < 2 || latest.values.length < 2 || latest.first <= then.last) return undefined
  const rise = mean(latest.values) - mean(then.values)
  const error = Math.hypot(standardError(then.values), standardError(latest.values))
  if (!(rise >= Math.max(LEAST_RISE, RISE_ERRORS * error))) return undefined
  return {
    measure: graded ? "mean reward" : "accuracy",
    bestStep: best.step,
    best: best.value,
    now: now.value,
    rewardThen: mean(then.values),
    rewardNow: mean(latest.values),
  }
}

/** In words. */
export function describeGap({ measure, best, bestStep, now, rewardThen, rewardNow }: HeldOutGap): string {
  return (
    `Held-out ${measure} fell from ${best.toFixed(3)} around step ${bestStep} to ${now.toFixed(3)}, ` +
    `while the training reward rose from ${rewardThen.toFixed(3)} to ${rewardNow.toFixed(3)}.`
  )
}

/** What to do about it. */
export const gapAdvice: string =
  "What is learnt does not carry over, or the reward is gamed: read responses. Keep the best policy with " +
  "evaluation.keepBest, stop earlier, or train on more different prompts."

interface Point {
  readonly step: number
  readonly value: number
  readonly error: number
}

function averaged(measured: readonly Measured[]): Point[] {
  const points = measured.flatMap(({ step, accuracy, standardError: error }) =>
    error === null ? [] : [{ step, value: accuracy, error }],
  )
  if (points.length < 4) return points
  return points.slice(1).map(({ step, value, error }, i) => {
    const before = points[i]!
    return { step, value: (before.value + value) / 2, error: Math.hypot(before.error, error) / 2 }
  })
}

/** Rewards of the window that ends at a step; of the first steps where it is the start. At most a third of the run. */
function rewardsAround(
  steps: readonly RewardedStep[],
  step: number,
): { values: number[]; first: number; last: number } {
  const known = steps.filter((one): one is { step: number; mu: number } => Number.isFinite(one.mu))
  const size = Math.min(WINDOW, Math.floor(known.length / 3))
  const end = Math.max(size, known.filter((one) => one.step <= step).length)
  const window = known.slice(end - size, end)
  return { values: window.map(({ mu }) => mu), first: window[0]?.step ?? 0, last: window.at(-1)?.step ?? 0 }
}

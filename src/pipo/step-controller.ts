/**
 * How far the next updates may go, from what the last ones turned out to do: a factor on the learning rate, moved by three
 * measurements that each can be switched off.
 */
import { defaults } from "../config/defaults.ts"
import { filterStep, type FilterObservation, type FilterState } from "./improvement-filter.ts"
import type { PairedImprovement } from "./paired-improvement.ts"

export interface SteeringOptions {
  /** KL(theta_t || theta_{t-1}) per token and iteration that the factor is steered to, nats; 0 is off. Default 0.01. */
  readonly klTarget?: number
  /** How fast the target follows the slope of J along the last steps; 0 is off. Default 0.1. */
  readonly slopeGain?: number
  /** Where along a step the slope is taken, from 0.5 (its mean, the improvement itself) to 1 (its end). Default 1. */
  readonly slopeAt?: number
  /** A drop of J by more than this many standard errors halves the step; 0 is off. Default 3. */
  readonly dropThreshold?: number
  /** After a drop, go back to the policy that was best when verified, with fresh moments. Default false. */
  readonly returns?: boolean
}

/** What `steered` is told beside the settings of the controller. */
export interface SteeringContext {
  /** Iterations over which the learning rate rises: what their updates measure makes no step longer. Default 0. */
  readonly warmupSteps?: number
}

export const steeringDefaults: Required<SteeringOptions> = defaults.steering

/** A mean with its variance. */
type Estimate = FilterState

export interface ControllerState {
  /** Of the learning rate. */
  readonly factor: number
  /** Of klTarget. */
  readonly targetFactor: number
  /** Estimate of J. */
  readonly level: Estimate | null
  /** Best level since the last drop. */
  readonly best: Estimate | null
  /** Decaying mean of the slope and its variance. */
  readonly slope: Estimate
}

export const initialController: ControllerState = {
  factor: 1,
  targetFactor: 1,
  level: null,
  best: null,
  slope: { mean: 0, variance: 0 },
}

export interface ControllerInput extends FilterObservation {
  readonly improvement: PairedImprovement | null
  /** The update that the improvement is of was made while the learning rate still rose. Default false. */
  readonly warmingUp?: boolean
}

export interface ControllerStep {
  readonly state: ControllerState
  /** J fell significantly: the updates of this iteration are left out. */
  readonly dropped: boolean
  /** The policy is the best so far. */
  readonly best: boolean
  /** Distance from the best, in standard errors. */
  readonly dropDistance: number
  /** Slope of J along the last steps, in standard errors. */
  readonly slopeDistance: number
}

const CUT = 0.5
/** Bounds of the factor and of the target's factor. */
const [LEAST, MOST, MOST_TARGET] = [0.02, 5, 2]
/** Weight of the past in the slope: the last ten steps or so. */
const SLOPE_DECAY = 0.9
/** The factor moves when KL is beyond twice, or below half, of the target. */
const [SHRINK, GROW] = [0.8, 1.1]
/** A variance is no smaller than this when it divides. */
const LEAST_VARIANCE = 1e-10

function limit(x: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, x))
}

/**
 * Slope of J along the last step at a place a of it: (2 - 2a) improvement + (2a - 1) slope at its end, for a J that is quadratic along the step, whose
 * mean slope is the improvement. It is negative where the step gained less than 1 - 1 / (2a) of what its beginning promised: at the end (a = 1) less than
 * half, at 2/3 less than a quarter, the bound below which trust-region methods shrink.
 *
 * The end of a step points downhill early: in directions that are mostly noise a step of any use overshoots, while others go on to gain. A rate that is
 * best for one step is too small for many (short-horizon bias).
 *
 * Source: bound after Nocedal & Wright, Numerical Optimization, algorithm 4.1; bias: Wu et al., arXiv:1803.02021.
 */
function slopeAlong(step: PairedImprovement, at: number): Estimate {
  const [mean, end] = [2 - 2 * at, 2 * at - 1]
  // Both come from the same responses: at most as uncertain as if their errors were one.
  const error = mean * step.standardError + end * step.slopeStandardError
  return { mean: mean * step.improvement + end * step.slope, variance: error ** 2 }
}

function distance(from: Estimate, to: Estimate): number {
  return (from.mean - to.mean) / Math.sqrt(Math.max(from.variance + to.variance, LEAST_VARIANCE))
}

/**
 *   slope    s <- 0.9 s + 0.1 slopeAlong_t, with its variance; target factor x exp(slopeGain clip(s / se(s), +-1)), within 0.02 and 2
 *   KL       above 2 klTarget target-factor: factor x 0.8; below half of it: x 1.1; within 0.02 and 5
 *   drop     (best J - J) / se above dropThreshold: factor and target factor x 0.5, this iteration's updates left out
 * During warm-up the slope is not read and the factor may only shrink: the steps are short because the rate still rises, so that a small KL and a slope that
 * points uphill say nothing of the full rate, while a KL that is too large already says enough.
 *
 * While steps gain what they promise the trust region grows; once they overshoot it shrinks, so that the rate decays as progress does, without knowing
 * the length of the run.
 *
 * Source: this project's own; the KL rule follows Schulman et al., arXiv:1707.06347 section 4 (adaptive penalty).
 */
export function controllerStep(state: ControllerState, input: ControllerInput, options: Required<SteeringOptions>): ControllerStep {
  const { improvement, warmingUp = false } = input
  let { factor, targetFactor, slope } = state
  let slopeDistance = 0
  if (improvement !== null && warmingUp) {
    if (options.klTarget > 0 && improvement.kl > 2 * options.klTarget * targetFactor) factor *= SHRINK
  } else if (improvement !== null) {
    const along = slopeAlong(improvement, options.slopeAt)
    slope = {
      mean: SLOPE_DECAY * slope.mean + (1 - SLOPE_DECAY) * along.mean,
      variance: SLOPE_DECAY ** 2 * slope.variance + (1 - SLOPE_DECAY) ** 2 * along.variance,
    }
    slopeDistance = slope.mean / Math.sqrt(Math.max(slope.variance, LEAST_VARIANCE))
    targetFactor = limit(targetFactor * Math.exp(options.slopeGain * limit(slopeDistance, -1, 1)), LEAST, MOST_TARGET)
    const target = options.klTarget * targetFactor
    if (options.klTarget > 0) factor *= improvement.kl > 2 * target ? SHRINK : improvement.kl < target / 2 ? GROW : 1
  }
  const level = filterStep(state.level, input)
  const best = state.best === null || level.mean > state.best.mean ? level : state.best
  const dropDistance = distance(best, level)
  const dropped = options.dropThreshold > 0 && dropDistance > options.dropThreshold
  if (dropped) {
    factor *= CUT
    targetFactor = Math.max(LEAST, targetFactor * CUT)
  }
  const next = { factor: limit(factor, LEAST, MOST), targetFactor, level, slope, best: dropped ? null : best }
  return { state: next, dropped, best: best === level, dropDistance, slopeDistance }
}

/**
 * What is known of J(theta_t) from training alone: batch means (unbiased, noisy) and paired improvements (precise, and adding up
 * their errors) in one estimate with a variance. A Kalman filter in one dimension.
 */
import type { PairedImprovement } from "./paired-improvement.ts"

export interface FilterState {
  /** Estimate of J at the last step. */
  readonly mean: number
  readonly variance: number
}

export interface FilterObservation {
  /** Mean reward of the batch. */
  readonly mu: number
  readonly muStandardError: number
  /** Change of J since the last observation; null: nothing was measured of it. */
  readonly improvement: Pick<PairedImprovement, "improvement" | "standardError"> | null
}

/** Standard error of a change that nothing was measured of. */
const UNKNOWN_CHANGE = 0.02
/** Standard errors are no smaller than this: a batch of equal rewards is no proof. */
const LEAST_ERROR = 1e-3

/**
 *   predict:  m <- m + improvement,  v <- v + se(improvement)^2
 *   correct:  k = v / (v + se(mu)^2),  m <- m + k (mu - m),  v <- (1 - k) v
 * The first observation is taken as it is.
 *
 * Source: Kalman 1960, in one dimension.
 */
export function filterStep(state: FilterState | null, observation: FilterObservation): FilterState {
  const { mu, improvement } = observation
  const noise = Math.max(observation.muStandardError, LEAST_ERROR) ** 2
  if (state === null) return { mean: mu, variance: noise }
  const change = Math.max(improvement?.standardError ?? UNKNOWN_CHANGE, LEAST_ERROR)
  const predicted = { mean: state.mean + (improvement?.improvement ?? 0), variance: state.variance + change ** 2 }
  const gain = predicted.variance / (predicted.variance + noise)
  return { mean: predicted.mean + gain * (mu - predicted.mean), variance: (1 - gain) * predicted.variance }
}

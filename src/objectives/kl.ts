/**
 * Estimates of KL(pi_theta || reference) per sampled token, as expressions.
 *
 * Shape legend: B responses, T tokens, R rows (response tokens), V vocabulary.
 */
import { abs, add, clip, exp, mul, square, stopGradient, sub, sum, type Tensor } from "../graph/index.ts"

/** "+" keeps the value of the estimator and takes the gradient of k2, which is the right one in expectation. */
export type KlEstimator = "k1" | "abs" | "k2" | "k3" | "k1+" | "k3+"

export const klEstimators: readonly KlEstimator[] = ["k1", "abs", "k2", "k3", "k1+", "k3+"]

/** Largest |log-ratio| that enters exp in k3. */
const LOG_RATIO_LIMIT = 20
/** Largest |k3|. */
const K3_LIMIT = 10

export interface KlOptions {
  /** Clamp the log-ratio to +-20 and k3 to +-10, as verl does; past them k3 has no gradient. Default true. */
  readonly clamp?: boolean
}

/**
 * Per-token estimate, with d = log pi_theta - log reference:
 *   k1 = d,  abs = |d|,  k2 = d^2 / 2,  k3 = exp(-d) + d - 1
 *
 * @param logprobs_BT log pi_theta of the sampled tokens, nats
 * @param reference_BT log-probs of the same tokens under the reference, nats
 * @returns [B, T], outside the mask too
 * Source: Schulman 2020, "Approximating KL divergence"; clamps as in verl.
 */
export function klEstimate(
  kind: KlEstimator,
  logprobs_BT: Tensor,
  reference_BT: Tensor,
  options: KlOptions = {},
): Tensor {
  const difference_BT = sub(logprobs_BT, reference_BT)
  switch (kind) {
    case "k1":
      return difference_BT
    case "abs":
      return abs(difference_BT)
    case "k2":
      return mul(square(difference_BT), 0.5)
    case "k3": {
      const { clamp = true } = options
      const u_BT = sub(reference_BT, logprobs_BT)
      const safe_BT = clamp ? clip(u_BT, -LOG_RATIO_LIMIT, LOG_RATIO_LIMIT) : u_BT
      const k3_BT = sub(sub(exp(safe_BT), safe_BT), 1)
      return clamp ? clip(k3_BT, -K3_LIMIT, K3_LIMIT) : k3_BT
    }
    case "k1+":
    case "k3+": {
      const value_BT = klEstimate(kind === "k1+" ? "k1" : "k3", logprobs_BT, reference_BT, options)
      const slope_BT = klEstimate("k2", logprobs_BT, reference_BT)
      return add(sub(slope_BT, stopGradient(slope_BT)), stopGradient(value_BT))
    }
  }
}

/**
 * The divergence itself, exact at each position: KL(p || p_ref) = sum over the vocabulary of p (log p - log p_ref).
 * Its expectation over sampled tokens is what k1 estimates.
 *
 * @param logprobs_RV log pi_theta of every entry, nats: differentiable
 * @param reference_RV the reference's
 * @returns [R], nats
 */
export function fullKl(logprobs_RV: Tensor, reference_RV: Tensor): Tensor {
  return sum(mul(exp(logprobs_RV), sub(logprobs_RV, reference_RV)), { axes: [1] })
}

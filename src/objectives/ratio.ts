/**
 * Importance ratios between the policy and the behaviour policy, in logs.
 *
 * Shape legend: B sequences, T response tokens (right-padded).
 */
import {
  add,
  clip,
  div,
  lessEqual,
  maximum,
  stopGradient,
  sub,
  sum,
  where,
  type Tensor,
  type TensorLike,
} from "../graph/index.ts"
import type { ObjectiveInputs } from "./objective.ts"

/** x where it is at most the limit, else the limit; no gradient above. */
export function capped(x: Tensor, limit: TensorLike): Tensor {
  return where(lessEqual(x, limit), x, limit)
}

/** Log-probs on counted tokens, 0 elsewhere: padding may hold anything, and 0 times infinity is not 0. */
export function maskedLogprobs(inputs: ObjectiveInputs): Tensor {
  return where(inputs.mask_BT, inputs.logprobs_BT, 0)
}

/** [B, T] log pi - log behaviour on counted tokens, 0 elsewhere; limited to +-clamp unless that is null. */
export function tokenLogRatio(inputs: ObjectiveInputs, clamp: number | null): Tensor {
  const ratio_BT = where(inputs.mask_BT, sub(inputs.logprobs_BT, inputs.behaviourLogprobs_BT), 0)
  return clamp === null ? ratio_BT : clip(ratio_BT, -clamp, clamp)
}

/** [B, 1] number of counted tokens, at least 1. */
export function sequenceLengths(inputs: ObjectiveInputs): Tensor {
  return maximum(sum(inputs.mask_BT, { axes: [1], keepDims: true }), 1)
}

export interface SequenceRatioOptions {
  readonly gradient: "token" | "sequence"
  /** Largest log-ratio; null: none. */
  readonly clamp: number | null
}

/**
 * Mean of the token log-ratios of each sequence: log s_i = (1 / len_i) sum_t m_t (log pi_t - log behaviour_t).
 *
 * @returns [B, T] under gradient "token", where d log s_it / d log pi_t = 1 (straight through); [B, 1] under "sequence"
 * Source: arXiv:2507.18071 sections 4.1 and 4.3.
 */
export function sequenceLogRatio(inputs: ObjectiveInputs, options: SequenceRatioOptions): Tensor {
  const mean_B1 = div(sum(tokenLogRatio(inputs, null), { axes: [1], keepDims: true }), sequenceLengths(inputs))
  const logprobs_BT = maskedLogprobs(inputs)
  const ratio =
    options.gradient === "sequence" ? mean_B1 : add(stopGradient(mean_B1), sub(logprobs_BT, stopGradient(logprobs_BT)))
  return options.clamp === null ? ratio : capped(ratio, options.clamp)
}

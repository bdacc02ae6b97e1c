/** KL as part of the reward rather than of the loss. */
import { ShapeError } from "../errors.ts"

/**
 * Token rewards less a penalty on drift: r_t - coefficient (old_t - reference_t), the k1 estimate at sampling time.
 * Applied to every position, masked ones too.
 *
 * @param rewards [T] reward of each token
 * @param oldLogprobs [T] log-probs when the batch was sampled, nats
 * @param referenceLogprobs [T] nats
 * @throws ShapeError when the lengths differ
 * Source: arXiv:1909.08593 section 2.
 */
export function klInReward(
  rewards: ArrayLike<number>,
  oldLogprobs: ArrayLike<number>,
  referenceLogprobs: ArrayLike<number>,
  coefficient: number,
): Float64Array {
  if (rewards.length !== oldLogprobs.length || rewards.length !== referenceLogprobs.length) {
    throw new ShapeError(
      `klInReward: expected three rows of one length, got ${rewards.length}, ${oldLogprobs.length} and ${referenceLogprobs.length}. Score the same tokens.`,
    )
  }
  return Float64Array.from(rewards, (reward, t) => reward - (oldLogprobs[t]! - referenceLogprobs[t]!) * coefficient)
}

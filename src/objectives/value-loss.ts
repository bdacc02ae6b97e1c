/**
 * Loss of a value head.
 *
 * Shape legend: B responses, T tokens.
 */
import { add, clip, greater, maximum, mul, square, sub, type Tensor, type TensorLike } from "../graph/index.ts"

export interface ValueLossInputs {
  /** [B, T] values now: the differentiable input. */
  readonly values_BT: Tensor
  /** [B, T] values when the batch was sampled. */
  readonly oldValues_BT: Tensor
  /** [B, T] from the gae estimator. */
  readonly returns_BT: Tensor
  /** How far a value may move from its old one, in units of reward. */
  readonly clipRange: TensorLike
}

/**
 * 1/2 max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2) of each token.
 *
 * Source: arXiv:1707.06347; clipping as in its published implementation.
 */
export function valueLoss(inputs: ValueLossInputs): { readonly loss_BT: Tensor; readonly clipped_BT: Tensor } {
  const { values_BT, oldValues_BT, returns_BT, clipRange } = inputs
  const limited_BT = clip(values_BT, sub(oldValues_BT, clipRange), add(oldValues_BT, clipRange))
  const free_BT = square(sub(values_BT, returns_BT))
  const held_BT = square(sub(limited_BT, returns_BT))
  return { loss_BT: mul(maximum(free_BT, held_BT), 0.5), clipped_BT: greater(held_BT, free_BT) }
}

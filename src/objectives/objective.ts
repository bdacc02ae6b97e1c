/**
 * Seam 2: an objective is a loss, written once, as a differentiable graph expression over per-token inputs.
 *
 * Shape legend: B sequences, T response tokens (right-padded; padding has mask 0).
 */
import type { Tensor } from "../graph/index.ts"

export interface ObjectiveInputs {
  /** [B, T] log pi_theta of the response tokens: differentiable, as are entropy, full KL and values. */
  readonly logprobs_BT: Tensor
  /** [B, T] log-probs recorded when the batch was sampled. */
  readonly behaviourLogprobs_BT: Tensor
  /** [B, T]; present when `needs` has "reference". */
  readonly referenceLogprobs_BT?: Tensor
  /** [B, T] advantages, already broadcast to tokens. */
  readonly advantages_BT: Tensor
  /** [B, T] 1 on counted tokens, 0 elsewhere. */
  readonly mask_BT: Tensor
  /** [B, T] entropy of the next-token distribution; present when `needs` has "entropy". */
  readonly entropy_BT?: Tensor
  /**
   * [B, T] sum over the vocabulary of p (log p - log p_ref) at each token's position; present when `needs` has "fullKl".
   */
  readonly fullKl_BT?: Tensor
  /** [B, T] value head's estimate of the return from each token on; present when `needs` has "values". */
  readonly values_BT?: Tensor
  /** Scalar fed at run time under the given name of `constants`. */
  constant(name: string): Tensor
}

export interface ObjectiveOutput {
  /** [B, T] loss of each token, to be minimised; the engine sums weight x loss (see objectives/aggregation.ts). */
  readonly loss_BT: Tensor
  /** [B, T] each; reported as the mean over counted tokens (clip fractions and the like). Not differentiated. */
  readonly statistics?: Readonly<Record<string, Tensor>>
}

export type ObjectiveNeed = "reference" | "entropy" | "fullKl" | "values"

export interface Objective {
  readonly name: string
  readonly needs: readonly ObjectiveNeed[]
  /** Numbers that are fed when the graph runs, so that changing one does not compile a new graph. */
  readonly constants: Readonly<Record<string, number>>
  /** Two objectives with equal keys build equal graphs: the engine's compile cache relies on it. */
  readonly key: string
  /**
   * A sequence whose advantages are all zero contributes exactly nothing: it has no loss and no gradient, and the loss of
   * no other sequence reads it. Such sequences need not go through the network. Declared, never inferred; absent: false.
   */
  readonly silentWithoutAdvantage?: boolean
  /** Builds the expression. Pure: the same inputs give the same graph. */
  build(inputs: ObjectiveInputs): ObjectiveOutput
}

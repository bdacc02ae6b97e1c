/**
 * What the objectives of this folder offer beyond seam 2: per-token inputs by name, and a pass over the whole optimiser batch
 * for those whose constants depend on it.
 *
 * Shape legend: B sequences, T response tokens.
 */
import type { Tensor } from "../graph/index.ts"
import type { Objective, ObjectiveInputs, ObjectiveOutput } from "./objective.ts"

/** Name of the per-token input that multiplies the policy loss; see importance-weights.ts. */
export const IMPORTANCE_INPUT = "importanceWeights"

export interface BatchObjectiveInputs extends ObjectiveInputs {
  /** [B, T] fed at run time under a name of `tokenInputs`, not differentiated. Required when an objective has any. */
  tokenInput?(name: string): Tensor
}

/** One sequence of the optimiser batch, as `prepare` sees it. Arrays are [T]. */
export interface PreparationSequence {
  /** Under the weights before the step, nats. */
  readonly logprobs: ArrayLike<number>
  readonly behaviourLogprobs: ArrayLike<number>
  readonly advantages: ArrayLike<number>
  readonly mask: ArrayLike<number>
}

/** What the batch decided. */
export interface Preparation {
  /** Replace entries of `constants` for this optimiser step. */
  readonly constants: Readonly<Record<string, number>>
  /** Per name of `tokenInputs` that the objective makes itself: per sequence [T]. */
  readonly tokenInputs: Readonly<Record<string, readonly Float64Array[]>>
  /** Numbers worth a metric. */
  readonly statistics: Readonly<Record<string, number>>
}

export interface BatchObjective extends Objective {
  /** Per-token inputs that `build` asks for. */
  readonly tokenInputs: readonly string[]
  build(inputs: BatchObjectiveInputs): ObjectiveOutput
  /**
   * Present when constants depend on the whole optimiser batch: to be called with the log-probs of a forward pass before
   * each step.
   * @param random uniform numbers in [0, 1), for objectives that pick tokens at random
   */
  prepare?(batch: readonly PreparationSequence[], random: () => number): Preparation
  /** The same loss without the given terms, for the verification update; log-ratios are always clamped in it. */
  without(terms: readonly ObjectiveTerm[]): BatchObjective
}

/** Parts that an objective can do without. */
export type ObjectiveTerm = "kl" | "entropy" | "dualClip"

export function isBatchObjective(objective: Objective): objective is BatchObjective {
  return "tokenInputs" in objective && "without" in objective
}

/** The same objective with other numbers fed; its graph, and so its key, stay. */
export function withConstants<Any extends Objective>(objective: Any, constants: Readonly<Record<string, number>>): Any {
  return { ...objective, constants: { ...objective.constants, ...constants } }
}

/** Group relative policy optimisation. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/**
 * Clipped surrogate with dual clip 3, on group-relative advantages; KL to a reference by `klCoefficient`.
 *
 * Source: arXiv:2402.03300 section 4.1. Differs: token-mean over the optimiser batch, as the field now does; the paper's own
 * mean over each response is `seq-mean-token-mean`. Dual clip as in verl.
 */
export const grpo: ObjectiveRecipe = {
  name: "grpo",
  create: (options) => clippedObjective("grpo", { clipLow: 0.2, clipHigh: 0.2, dualClip: 3 }, options),
  optionNames: clippedOptionNames,
  advantage: "grpo",
  aggregation: "token-mean",
}

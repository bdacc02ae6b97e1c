/** Length-unbiased sequence policy optimisation. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/**
 * GSPO's loss with each sequence weighted by its length, which is what seq-mean-token-sum does to a sequence's loss.
 *
 * Source: arXiv:2602.05261; clip ranges of its section 5.1. Differs from TRL, which also averages a KL term, or token-level
 * losses, over the padding.
 */
export const luspo: ObjectiveRecipe = {
  name: "luspo",
  create: (options) =>
    clippedObjective("luspo", { clipLow: 2e-3, clipHigh: 2.5e-3, dualClip: null, level: "sequence" }, options),
  optionNames: clippedOptionNames,
  advantage: "grpo",
  aggregation: "seq-mean-token-sum",
}

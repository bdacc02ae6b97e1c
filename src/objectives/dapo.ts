/** Decoupled clip and dynamic sampling. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/**
 * GRPO with a higher upper clip and token-mean; dynamic sampling and the overlong penalty belong to the rollout.
 *
 * Source: arXiv:2503.14476 sections 3.1 to 3.4. No KL in its own paper.
 */
export const dapo: ObjectiveRecipe = {
  name: "dapo",
  create: (options) => clippedObjective("dapo", { clipLow: 0.2, clipHigh: 0.28, dualClip: 3 }, options),
  optionNames: clippedOptionNames,
  advantage: "grpo",
  aggregation: "token-mean",
}

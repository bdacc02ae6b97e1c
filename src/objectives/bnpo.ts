/** GRPO divided by the batch's active tokens, as TRL names it. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/** With token-mean over the whole optimiser batch it coincides with grpo; the name is kept for configs from TRL. */
export const bnpo: ObjectiveRecipe = {
  name: "bnpo",
  create: (options) => clippedObjective("bnpo", { clipLow: 0.2, clipHigh: 0.2, dualClip: 3 }, options),
  optionNames: clippedOptionNames,
  advantage: "grpo",
  aggregation: "token-mean",
}

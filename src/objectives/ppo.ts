/** Proximal policy optimisation. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/** The policy half; the critic's half is value-loss.ts. Source: arXiv:1707.06347 equation 7. */
export const ppo: ObjectiveRecipe = {
  name: "ppo",
  create: (options) => clippedObjective("ppo", { clipLow: 0.2, clipHigh: 0.2, dualClip: null }, options),
  optionNames: clippedOptionNames,
  advantage: "gae",
  aggregation: "token-mean",
}

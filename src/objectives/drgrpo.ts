/** GRPO done right: no division by the group's deviation, none by the response's length. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/** Source: arXiv:2503.20783. Its aggregation needs the longest response as constant. */
export const drgrpo: ObjectiveRecipe = {
  name: "drgrpo",
  create: (options) => clippedObjective("drgrpo", { clipLow: 0.2, clipHigh: 0.2, dualClip: 3 }, options),
  optionNames: clippedOptionNames,
  advantage: "drgrpo",
  aggregation: "seq-mean-token-sum-norm",
}

/** Group sequence policy optimisation. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { ObjectiveRecipe } from "./recipe.ts"

/** Ratio and clip per sequence. Source: arXiv:2507.18071 section 4.1; its clip ranges. */
export const gspo: ObjectiveRecipe = {
  name: "gspo",
  create: (options) =>
    clippedObjective("gspo", { clipLow: 3e-4, clipHigh: 4e-4, dualClip: null, level: "sequence" }, options),
  optionNames: clippedOptionNames,
  advantage: "grpo",
  aggregation: "seq-mean-token-mean",
}

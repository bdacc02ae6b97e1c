/** reinforce, rloo, reinforce++ and gpg: one policy gradient, told apart by their advantages. */
import { clippedObjective, clippedOptionNames } from "./clipped-surrogate.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import type { ObjectiveRecipe } from "./recipe.ts"
import { plainPolicyGradient } from "./reinforce.ts"

function eitherForm(name: string, options: ObjectiveOptions): BatchObjective {
  const { form = "clipped", ...others } = options
  return form === "plain"
    ? plainPolicyGradient(name, others)
    : clippedObjective(name, { clipLow: 0.2, clipHigh: 0.2, dualClip: null }, others)
}

/** -A log pi on raw rewards whitened over the batch. Source: Williams 1992. */
export const reinforce: ObjectiveRecipe = {
  name: "reinforce",
  create: (options) => plainPolicyGradient("reinforce", options),
  optionNames: [],
  advantage: "reinforce++",
  aggregation: "token-mean",
}

/** Clipped surrogate (or, by `form: plain`, -A log pi) on leave-one-out advantages. Source: arXiv:2402.14740. */
export const rloo: ObjectiveRecipe = {
  name: "rloo",
  create: (options) => eitherForm("rloo", options),
  optionNames: ["form", ...clippedOptionNames],
  advantage: "rloo",
  aggregation: "token-mean",
}

/** Clipped surrogate (or -A log pi) on whitened returns. Source: arXiv:2501.03262. */
export const reinforcePlusPlus: ObjectiveRecipe = {
  name: "reinforce++",
  create: (options) => eitherForm("reinforce++", options),
  optionNames: ["form", ...clippedOptionNames],
  advantage: "reinforce++",
  aggregation: "token-mean",
}

/** -A log pi on gpg's advantages. Source: arXiv:2504.02546. */
export const gpg: ObjectiveRecipe = {
  name: "gpg",
  create: (options) => plainPolicyGradient("gpg", options),
  optionNames: [],
  advantage: "gpg",
  aggregation: "token-mean",
}

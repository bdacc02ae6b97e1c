/** Objectives by name. */
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { bapo } from "./bapo.ts"
import type { BatchObjective } from "./batch-objective.ts"
import { bnpo } from "./bnpo.ts"
import { cispo } from "./cispo.ts"
import { clipCov, klCov } from "./covariance.ts"
import { dapo } from "./dapo.ts"
import { drgrpo } from "./drgrpo.ts"
import { gmpo } from "./gmpo.ts"
import { grpo } from "./grpo.ts"
import { gspo } from "./gspo.ts"
import { luspo } from "./luspo.ts"
import { suggestion } from "../config/nearest-name.ts"
import { commonOptionNames, optionIssues, type ObjectiveOptions } from "./options.ts"
import { gpg, reinforce, reinforcePlusPlus, rloo } from "./policy-gradient-recipes.ts"
import { ppo } from "./ppo.ts"
import type { ObjectiveRecipe } from "./recipe.ts"
import { sapo } from "./sapo.ts"
import { vespo } from "./vespo.ts"

const recipes: readonly ObjectiveRecipe[] = [
  grpo,
  drgrpo,
  dapo,
  bnpo,
  gspo,
  luspo,
  ppo,
  reinforce,
  rloo,
  reinforcePlusPlus,
  gpg,
  { name: "cispo", create: cispo, optionNames: ["ratioCap"], advantage: "grpo", aggregation: "token-mean" },
  {
    name: "gmpo",
    create: gmpo,
    optionNames: ["clipLow", "clipHigh"],
    advantage: "grpo",
    aggregation: "seq-mean-token-mean",
  },
  {
    name: "sapo",
    create: sapo,
    optionNames: ["temperaturePositive", "temperatureNegative", "level", "sequenceGradient", "sequenceClamp"],
    advantage: "grpo",
    aggregation: "seq-mean-token-mean",
  },
  {
    name: "bapo",
    create: bapo,
    optionNames: ["targetShare", "lowStart", "lowEnd", "lowStep", "highStart", "highEnd", "highStep"],
    advantage: "grpo",
    aggregation: "seq-mean-token-mean",
  },
  {
    name: "kl-cov",
    create: klCov,
    optionNames: ["covarianceShare", "covarianceCoefficient"],
    advantage: "grpo",
    aggregation: "token-mean",
  },
  {
    name: "clip-cov",
    create: clipCov,
    optionNames: ["clipLow", "clipHigh", "covarianceShare", "covarianceLow", "covarianceHigh"],
    advantage: "grpo",
    aggregation: "token-mean",
  },
  {
    name: "vespo",
    create: vespo,
    optionNames: ["shapePositive", "ratePositive", "shapeNegative", "rateNegative"],
    advantage: "grpo",
    aggregation: "token-mean",
  },
]

export const objectiveNames: readonly string[] = recipes.map((recipe) => recipe.name)

/** @throws ConfigError for an unknown name, with the names that exist and the nearest */
export function objectiveRecipe(name: string): ObjectiveRecipe {
  const recipe = recipes.find((candidate) => candidate.name === name)
  if (recipe === undefined) {
    const message = `objective: expected one of ${objectiveNames.join(", ")}, got ${name}. ${suggestion(name, objectiveNames)}`
    throw new ConfigError([{ path: "objective.name", message }])
  }
  return recipe
}

/** Everything wrong with the options of an objective that exists. */
export function objectiveIssues(name: string, options: ObjectiveOptions): ConfigIssue[] {
  const known: readonly string[] = [...commonOptionNames, ...objectiveRecipe(name).optionNames]
  const unread = Object.keys(options).filter((option) => !known.includes(option))
  return [
    ...unread.map((option) => ({
      path: `objective.${option}`,
      message: `${name}: expected options among ${known.join(", ")}, got ${option}. ${suggestion(option, known)}`,
    })),
    ...optionIssues(name, options),
  ]
}

/** @throws ConfigError for an unknown name, an option that the objective does not read, or a value out of range */
export function createObjective(name: string, options: ObjectiveOptions = {}): BatchObjective {
  const issues = objectiveIssues(name, options)
  if (issues.length > 0) throw new ConfigError(issues)
  return objectiveRecipe(name).create(options)
}

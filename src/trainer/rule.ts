/** From a config to the update rule: objective, base rule, PIPO around it. */
import type { ObjectiveSettings, ResolvedConfig } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import {
  aggregationWeights,
  createAdvantage,
  createObjective,
  objectiveIssues,
  objectiveRecipe,
  type AdvantageEstimator,
  type BatchObjective,
  type Objective,
  type ObjectiveOptions,
} from "../objectives/index.ts"
import { pairedXi, pipo, plainRule, randomXi, replayRule, steered, type UpdateRule } from "../pipo/index.ts"
import { deriveSeed } from "../random.ts"

/** Settings of the `objective` section that are not options of the loss itself. */
function lossOptions(settings: ObjectiveSettings): ObjectiveOptions {
  const { name: _name, advantage: _advantage, aggregation: _aggregation, aggregationConstant: _constant, normalizeStd: _std, ...options } = settings
  return options as ObjectiveOptions
}

/** Problems of the `objective` section that need the objectives to be known. */
export function objectiveProblems(config: ResolvedConfig): ConfigIssue[] {
  const problems: ConfigIssue[] = []
  const collect = (check: () => readonly ConfigIssue[] | void): void => {
    try {
      problems.push(...(check() ?? []))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.issues)
    }
  }
  collect(() => objectiveIssues(config.objective.name, lossOptions(config.objective)))
  if (problems.some(({ path }) => path === "objective.name")) return problems
  collect(() => void createAdvantageOf(config))
  collect(() => void aggregator(config)([Float32Array.of(1)]))
  return problems
}

export function createObjectiveOf(config: ResolvedConfig): BatchObjective {
  return createObjective(config.objective.name, lossOptions(config.objective))
}

/** @throws ConfigError for an unknown estimator, or one that needs what this trainer does not sample */
export function createAdvantageOf(config: ResolvedConfig): AdvantageEstimator {
  const recipe = objectiveRecipe(config.objective.name)
  const { advantage = recipe.advantage, normalizeStd } = config.objective
  const estimator = createAdvantage(advantage, {
    ...(advantage === recipe.advantage ? recipe.advantageOptions : {}),
    ...(normalizeStd === undefined ? {} : { scale: normalizeStd ? "group" : "none" }),
  })
  if (estimator.needs.length > 0) {
    const message = `advantage ${advantage}: expected an estimator that needs rewards alone, got one that needs ${estimator.needs.join(" and ")}. Choose another estimator.`
    throw new ConfigError([{ path: "objective.advantage", message }])
  }
  return estimator
}

/** Aggregation weights of an optimiser batch, as the config wants them. */
export function aggregator(config: ResolvedConfig): (masks: readonly Float32Array[]) => Float32Array[] {
  const mode = config.objective.aggregation ?? objectiveRecipe(config.objective.name).aggregation
  const given = config.objective["aggregationConstant"]
  const constant = typeof given === "number" ? given : config.rollout.maxResponseTokens
  return (masks) => aggregationWeights(mode, masks, { constant })
}

export function createRule(config: ResolvedConfig, objective: Objective): UpdateRule {
  const base = plainRule({ objective, epochs: config.optimizer.epochs })
  if (!config.pipo.enabled) return base
  if (config.pipo.acts === "step-size") return steered(base, config.steering)
  const rule = verifyingRule(config, base)
  return config.pipo.acts === "both" ? steered(rule, config.steering) : rule
}

/** The base rule with an update on the previous batch before its own. */
function verifyingRule(config: ResolvedConfig, base: UpdateRule): UpdateRule {
  const { enabled: _enabled, preset: _preset, acts: _acts, signal, ...options } = config.pipo
  if (signal === "paired") return pairedXi(base, options)
  if (signal === "constant") return replayRule(base, options)
  if (signal === "random") return randomXi(base, { ...options, seed: deriveSeed(config.seed, "random-xi") })
  return pipo(base, options)
}

/** From a config to the update rule: objective, base rule, PIPO around it. */
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import {
  aggregationWeights,
  createObjective,
  objectiveIssues,
  withCritic,
  type BatchObjective,
  type Objective,
} from "../objectives/index.ts"
import { pipo, plainRule, randomXi, replayRule, steered, type UpdateRule } from "../pipo/index.ts"
import { deriveSeed } from "../random.ts"
import { aggregationMode, createAdvantageOf, criticOf, lossOptions, unreadSettings } from "./objective-parts.ts"

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
  collect(() => unreadSettings(config))
  collect(() => skippingIssues(config))
  return problems
}

/** What keeps the objective from leaving out responses without advantage, in words; undefined when nothing does. */
export function whyNothingIsSkipped(config: ResolvedConfig): string | undefined {
  const { name, klCoefficient, klIn } = config.objective
  if (criticOf(config) !== undefined) return "the critic learns from every response"
  if (createObjectiveOf(config).silentWithoutAdvantage === true) return undefined
  if (klCoefficient > 0 && klIn === "loss") return "the KL loss acts on every response (objective.klCoefficient)"
  if (Number(config.objective["entropyCoefficient"] ?? 0) !== 0) return "the entropy bonus acts on every response (objective.entropyCoefficient)"
  return `${name} looks at every response`
}

function skippingIssues(config: ResolvedConfig): ConfigIssue[] {
  const reason = config.train.skipWithoutAdvantage === "always" ? whyNothingIsSkipped(config) : undefined
  if (reason === undefined) return []
  const message = `expected an objective that is silent without advantage, but ${reason}. Use auto or never, or change the objective.`
  return [{ path: "train.skipWithoutAdvantage", message }]
}

export function createObjectiveOf(config: ResolvedConfig): BatchObjective {
  return createObjective(config.objective.name, lossOptions(config.objective))
}

/** The objective and, where the advantage needs values, the loss of the critic that gives them. */
export function criticized(config: ResolvedConfig, objective: Objective): Objective {
  const critic = criticOf(config)
  return critic === undefined || objective.needs.includes("values") ? objective : withCritic(objective, critic.loss)
}

/** Aggregation weights of an optimiser batch, as the config wants them. */
export function aggregator(config: ResolvedConfig): (masks: readonly Float32Array[]) => Float32Array[] {
  const { aggregationConstant, divideByRows } = config.objective
  const constant = aggregationConstant ?? config.rollout.maxResponseTokens
  const options = { constant, ...(divideByRows === undefined ? {} : { divideByRows }) }
  return (masks) => aggregationWeights(aggregationMode(config), masks, options)
}

export function createRule(config: ResolvedConfig, objective: Objective): UpdateRule {
  const base = plainRule({ objective, epochs: config.optimizer.epochs })
  if (!config.pipo.enabled) return base
  if (config.pipo.acts === "step-size") return steered(base, config.steering, { warmupSteps: waitedSteps(config) })
  return verifyingRule(config, base)
}

/** The base rule with an update on the previous batch before its own. */
function verifyingRule(config: ResolvedConfig, base: UpdateRule): UpdateRule {
  const { enabled: _enabled, preset: _preset, acts: _acts, duringWarmup: _duringWarmup, signal, ...settings } = config.pipo
  const options = { ...settings, warmupSteps: waitedSteps(config) }
  if (signal === "constant") return replayRule(base, options)
  if (signal === "random") return randomXi(base, { ...options, seed: deriveSeed(config.seed, "random-xi") })
  return pipo(base, options)
}

/** Iterations of the warm-up that judge no update. */
function waitedSteps({ optimizer, pipo }: ResolvedConfig): number {
  return pipo.duringWarmup === "wait" ? optimizer.warmupSteps : 0
}

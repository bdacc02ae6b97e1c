/** What the `objective` section says beside the loss itself: options of advantages, critic, aggregation, and their conflicts. */
import type { ObjectiveSettings, ResolvedConfig } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import type { ValueHeadConfig } from "../model/value-head.ts"
import {
  createAdvantage,
  groupScales,
  objectiveRecipe,
  severalRewardsEstimator,
  type AdvantageEstimator,
  type AdvantageOptions,
  type CriticOptions,
  type ObjectiveOptions,
} from "../objectives/index.ts"

/** Settings of the `objective` section that are not options of the loss. */
const besideTheLoss = [
  "name",
  "advantage",
  "aggregation",
  "aggregationConstant",
  "divideByRows",
  "normalizeStd",
  "klIn",
  "klTarget",
  "klHorizon",
  "referenceEvery",
  "importanceCorrection",
  "importanceMaximum",
  "importanceMinimum",
  "rewardAggregation",
  "rewardWeights",
  "gamma",
  "gaeLambda",
  "valueCoefficient",
  "valueClip",
  "valueTrunk",
  "valueLearningRateScale",
] as const satisfies readonly (keyof ObjectiveSettings)[]

/** Options of the loss. A divergence off the reward is no term of it. */
export function lossOptions(settings: ObjectiveSettings): ObjectiveOptions {
  const beside: ReadonlySet<string> = new Set(besideTheLoss)
  const options = Object.fromEntries(Object.entries(settings).filter(([name]) => !beside.has(name)))
  return {
    ...options,
    ...(settings.klIn === "reward" ? { klCoefficient: 0 } : {}),
    ...(settings.importanceCorrection === undefined ? {} : { importance: true }),
  }
}

/** The estimators that several rewards can take the place of. */
const groupScaledAdvantages: readonly string[] = Object.keys(groupScales)

function isGroupScaled(advantage: string): advantage is keyof typeof groupScales {
  return groupScaledAdvantages.includes(advantage)
}

function advantageName({ objective }: ResolvedConfig): string {
  return objective.advantage ?? objectiveRecipe(objective.name).advantage
}

/** @throws ConfigError for an unknown estimator, or several rewards with one that does not normalise them */
export function createAdvantageOf(config: ResolvedConfig): AdvantageEstimator {
  const recipe = objectiveRecipe(config.objective.name)
  const { normalizeStd, rewardAggregation, rewardWeights, gamma, gaeLambda } = config.objective
  const advantage = advantageName(config)
  const scale = normalizeStd === undefined ? undefined : normalizeStd ? "group" : "none"
  const options: AdvantageOptions = {
    ...(advantage === recipe.advantage ? recipe.advantageOptions : {}),
    ...(scale === undefined ? {} : { scale, normalizeStd: scale === "group" }),
    ...(gamma === undefined ? {} : { gamma }),
    ...(gaeLambda === undefined ? {} : { lambda: gaeLambda }),
  }
  const estimator = createAdvantage(advantage, options)
  if (rewardAggregation === undefined) return estimator
  if (!isGroupScaled(advantage)) {
    const message = `expected an advantage among ${groupScaledAdvantages.join(", ")} with rewardAggregation, got ${advantage}. Set objective.advantage, or leave rewardAggregation out.`
    throw new ConfigError([{ path: "objective.rewardAggregation", message }])
  }
  return severalRewardsEstimator({
    aggregation: rewardAggregation,
    scale: scale ?? groupScales[advantage],
    ...(rewardWeights === undefined ? {} : { weights: rewardWeights }),
  })
}

/** The critic that the estimator needs; undefined where it needs none. */
export function criticOf(config: ResolvedConfig): { readonly loss: CriticOptions; readonly head: ValueHeadConfig } | undefined {
  if (!createAdvantageOf(config).needs.includes("values")) return undefined
  const { valueCoefficient, valueClip, valueTrunk = "shared", valueLearningRateScale } = config.objective
  return {
    loss: {
      ...(valueCoefficient === undefined ? {} : { coefficient: valueCoefficient }),
      ...(valueClip === undefined ? {} : { clip: valueClip }),
    },
    head: { trunk: valueTrunk, ...(valueLearningRateScale === undefined ? {} : { learningRateScale: valueLearningRateScale }) },
  }
}

/** Which estimators read a setting; the others would ignore it. */
const readBy: Readonly<Partial<Record<keyof ObjectiveSettings, readonly string[]>>> = {
  normalizeStd: [...groupScaledAdvantages, "grpo-passk"],
  gamma: ["gae", "reinforce++"],
  gaeLambda: ["gae"],
  valueCoefficient: ["gae"],
  valueClip: ["gae"],
  valueTrunk: ["gae"],
  valueLearningRateScale: ["gae"],
}

/** Settings that the chosen advantage or aggregation would ignore. */
export function unreadSettings(config: ResolvedConfig): ConfigIssue[] {
  const { objective } = config
  const advantage = advantageName(config)
  const issues = Object.entries(readBy)
    .filter(([name, readers]) => objective[name] !== undefined && !readers!.includes(advantage))
    .map(([name, readers]) => ({
      path: `objective.${name}`,
      message: `expected the advantage ${readers!.join(" or ")} beside it, got ${advantage}, which does not read it. Remove it.`,
    }))
  const aggregation = aggregationMode(config)
  const unused = (["aggregationConstant", "divideByRows"] as const).filter((name) => objective[name] !== undefined && aggregation !== "seq-mean-token-sum-norm")
  return [
    ...issues,
    ...unused.map((name) => ({
      path: `objective.${name}`,
      message: `expected aggregation: seq-mean-token-sum-norm beside it, got ${aggregation}, which does not read it. Remove it.`,
    })),
  ]
}

export function aggregationMode({ objective }: ResolvedConfig): string {
  return objective.aggregation ?? objectiveRecipe(objective.name).aggregation
}

/** Advantages, aggregation, KL and the objectives. */
export { applyMask, denseRewards } from "./advantages/common.ts"
export { groupScales } from "./advantages/grpo.ts"
export { advantageNames, createAdvantage } from "./advantages/registry.ts"
export type { AdvantageName, AdvantageOptions } from "./advantages/registry.ts"
export type { AdvantageEstimator, AdvantageNeed, AdvantageResult, RewardedResponse } from "./advantages/estimator.ts"
export { severalRewards, severalRewardsEstimator } from "./advantages/several-rewards.ts"
export type { RewardAggregation, SeveralRewardsOptions } from "./advantages/several-rewards.ts"
export { aggregationModes, aggregationWeights, exactAggregationWeights } from "./aggregation.ts"
export type { AggregationMode, AggregationOptions } from "./aggregation.ts"
export { IMPORTANCE_INPUT, isBatchObjective, withConstants } from "./batch-objective.ts"
export type {
  BatchObjective,
  BatchObjectiveInputs,
  ObjectiveTerm,
  Preparation,
  PreparationSequence,
} from "./batch-objective.ts"
export { criticInputs, withCritic } from "./critic.ts"
export type { CriticOptions } from "./critic.ts"
export { evaluateObjective } from "./evaluate-objective.ts"
export type { ObjectiveResult, ObjectiveRun } from "./evaluate-objective.ts"
export { importanceWeights } from "./importance-weights.ts"
export type { ImportanceCorrection, ImportanceOptions } from "./importance-weights.ts"
export { adaptiveKlController, fixedKlController } from "./kl-controller.ts"
export type { AdaptiveKlOptions, KlController } from "./kl-controller.ts"
export { klInReward } from "./kl-in-reward.ts"
export { fullKl, klEstimate, klEstimators } from "./kl.ts"
export type { KlEstimator, KlOptions } from "./kl.ts"
export type { Objective, ObjectiveInputs, ObjectiveNeed, ObjectiveOutput } from "./objective.ts"
export type { ObjectiveOptions } from "./options.ts"
export type { ObjectiveRecipe } from "./recipe.ts"
export { createObjective, objectiveIssues, objectiveNames, objectiveRecipe } from "./registry.ts"
export { valueLoss } from "./value-loss.ts"
export type { ValueLossInputs } from "./value-loss.ts"

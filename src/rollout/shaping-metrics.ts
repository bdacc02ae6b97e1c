/** What choosing, filtering and shaping did to a step's rollouts. None of it is ever NaN. */
import type { CurriculumSettings, DynamicSamplingSettings, OverlongSettings } from "../config/index.ts"
import { mean } from "../statistics.ts"
import { byGroup, isFlat, successRate } from "./group-filter.ts"
import type { Sampled, StepRollout } from "./rollout-stage.ts"

export interface ShapingMetricsOptions {
  readonly promptsPerStep: number
  readonly dynamicSampling: DynamicSamplingSettings
  readonly overlong: OverlongSettings
  readonly maskTruncated: boolean
  readonly curriculum: CurriculumSettings
  /** Problems whose success rate is remembered. */
  readonly remembered: number
}

function meanOrZero(values: readonly number[]): number {
  return values.length === 0 ? 0 : mean(values)
}

/**
 * Always: `sampledResponses`. With any of the settings on: `trainedGroups`, `emptyBatch` (1 when there is none) and
 * `zeroVarianceShareTrained`, the share of trained groups whose training rewards are all one. With the setting itself:
 *   dynamic sampling  `sampledPrompts`, `samplingRounds`, `droppedGroups`, `costFactor` (prompts sampled / promptsPerStep)
 *   overlong          `overlongPenalty`, mean over the judged responses, and `overlongShare`, those that have one
 *   maskTruncated     `maskedShare` of the responses trained on
 *   curriculum        of the prompts it chose: `curriculumSuccessRate` now, `curriculumEstimate` before, `curriculumKnownShare`;
 *                     `curriculumProblems` remembered
 */
export function shapingMetrics(sampled: Sampled, rollouts: readonly StepRollout[], options: ShapingMetricsOptions): Record<string, number> {
  const { dynamicSampling, overlong, maskTruncated, curriculum } = options
  const all = { sampledResponses: rollouts.length }
  if (!dynamicSampling.enabled && overlong.bufferTokens === 0 && !maskTruncated && !curriculum.enabled) return all
  const judged = rollouts.filter(({ failed }) => !failed)
  const trained = judged.filter((rollout) => rollout.trained)
  const groups = byGroup(trained)
  return {
    ...all,
    trainedGroups: groups.length,
    emptyBatch: Number(trained.every(({ masked }) => masked)),
    zeroVarianceShareTrained: meanOrZero(groups.map((group) => Number(isFlat(group.map(({ trainingReward }) => trainingReward))))),
    ...(dynamicSampling.enabled ? costMetrics(sampled, options.promptsPerStep) : {}),
    ...(overlong.bufferTokens > 0 ? overlongMetrics(judged) : {}),
    ...(maskTruncated ? { maskedShare: meanOrZero(trained.map(({ masked }) => Number(masked))) } : {}),
    ...(curriculum.enabled ? curriculumMetrics(sampled, judged, options.remembered) : {}),
  }
}

function costMetrics({ prompts, kept, rounds }: Sampled, promptsPerStep: number): Record<string, number> {
  return {
    sampledPrompts: prompts.length,
    samplingRounds: rounds,
    droppedGroups: prompts.length - kept.size,
    costFactor: prompts.length / promptsPerStep,
  }
}

function overlongMetrics(judged: readonly StepRollout[]): Record<string, number> {
  const penalties = judged.map(({ verdict, trainingReward }) => verdict.reward - trainingReward)
  return { overlongPenalty: meanOrZero(penalties), overlongShare: meanOrZero(penalties.map((penalty) => Number(penalty > 0))) }
}

function curriculumMetrics({ prompts }: Sampled, judged: readonly StepRollout[], remembered: number): Record<string, number> {
  const chosen = prompts.filter(({ uniform }) => !uniform)
  const rates = byGroup(judged.filter(({ group }) => !prompts[group]!.uniform)).map(successRate)
  return {
    curriculumSuccessRate: meanOrZero(rates),
    curriculumEstimate: meanOrZero(chosen.map(({ estimate }) => estimate!.mean)),
    curriculumKnownShare: meanOrZero(chosen.map(({ estimate }) => Number(estimate!.count > 0))),
    curriculumProblems: remembered,
  }
}

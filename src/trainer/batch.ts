/** From verified rollouts to the batch that update rules plan on, and to the numbers that describe it. */
import type { AdvantageEstimator } from "../objectives/index.ts"
import type { BatchSequence, PipoBatch } from "../pipo/index.ts"
import { byGroup, isFlat } from "../rollout/group-filter.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((total, x) => total + x, 0) / values.length
}

/** Rollouts that the step trains on or whose verdict failed: those of the groups that were not dropped. */
export function keptRollouts(rollouts: readonly StepRollout[]): StepRollout[] {
  return rollouts.filter(({ trained }) => trained)
}

/**
 * The batch of a step. Advantages come from the training rewards, means from what the verifier said; responses whose verdict
 * failed are left out of both. A masked response counts among its group and has no token in the loss.
 * @param rollouts   all that were sampled
 * @param reference  log-probs of the reference policy for `keptRollouts(rollouts)`
 */
export function makeBatch(step: number, rollouts: readonly StepRollout[], estimator: AdvantageEstimator, reference: readonly Float32Array[] | undefined): PipoBatch {
  const judged = keptRollouts(rollouts).map((rollout, i) => ({ rollout, i })).filter(({ rollout }) => !rollout.failed)
  const masks = judged.map(({ rollout }) => new Float32Array(rollout.sequence.tokens.length).fill(1))
  const { advantages } = estimator.estimate(judged.map(({ rollout }, k) => ({ reward: rollout.trainingReward, group: rollout.group, mask: masks[k]! })))
  const sequences = judged.map(({ rollout, i }, k): BatchSequence => ({
    promptTokens: rollout.promptTokens,
    responseTokens: rollout.sequence.tokens,
    behaviourLogprobs: rollout.sequence.policyLogprobs,
    advantages: rollout.masked ? new Float32Array(masks[k]!.length) : Float32Array.from(advantages[k]!),
    mask: rollout.masked ? new Float32Array(masks[k]!.length) : masks[k]!,
    group: rollout.group,
    ...(reference === undefined ? {} : { referenceLogprobs: reference[i]! }),
  }))
  const measured = measuredRollouts(rollouts)
  return {
    step,
    meanReward: mean(measured.map(({ verdict }) => verdict.reward)),
    trainedMeanReward: mean(judged.map(({ rollout }) => rollout.verdict.reward)),
    rewardStandardError: rewardStandardError(measured),
    truncationRate: mean(rollouts.map(({ sequence }) => Number(sequence.stopReason === "length"))),
    sequences,
  }
}

/** The rollouts that the mean reward of the step is over: judged, of prompts drawn without preference. */
export function measuredRollouts(rollouts: readonly StepRollout[]): StepRollout[] {
  return rollouts.filter(({ failed, representative }) => representative && !failed)
}

/** Prompts are independent, the responses of one are not: the error of the mean is that of the groups' means. */
function rewardStandardError(measured: readonly StepRollout[]): number {
  const rates = byGroup(measured).map(successRate)
  const centre = mean(rates)
  const deviation = Math.sqrt(rates.reduce((total, rate) => total + (rate - centre) ** 2, 0) / Math.max(rates.length - 1, 1))
  return deviation / Math.sqrt(Math.max(rates.length, 1))
}

function successRate(group: readonly StepRollout[]): number {
  return mean(group.map(({ verdict }) => verdict.reward))
}

/** Edges of the histogram of groups by success rate: [0], (0, 1/4], (1/4, 1/2], (1/2, 3/4], (3/4, 1), [1]. */
const RATE_BINS = 6

function rateBin(rate: number): number {
  if (rate <= 0) return 0
  if (rate >= 1) return RATE_BINS - 1
  return Math.min(Math.ceil(rate * 4), 4)
}

/** Mean reward and number of judged responses of each source, when problems name theirs (mixtures, verl's `data_source`). */
function sourceMetrics(judged: readonly StepRollout[]): Record<string, unknown> {
  const rewards = new Map<string, number[]>()
  for (const { problem, verdict } of judged) {
    if (problem.source === undefined) continue
    const known = rewards.get(problem.source)
    if (known === undefined) rewards.set(problem.source, [verdict.reward])
    else known.push(verdict.reward)
  }
  if (rewards.size === 0) return {}
  const bySource = [...rewards].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    rewardBySource: Object.fromEntries(bySource.map(([source, values]) => [source, mean(values)])),
    responsesBySource: Object.fromEntries(bySource.map(([source, values]) => [source, values.length])),
  }
}

/** Metrics of what was sampled. */
export function batchMetrics(rollouts: readonly StepRollout[], batch: PipoBatch): { readonly sampledTokens: number; readonly [metric: string]: unknown } {
  const judged = rollouts.filter(({ failed }) => !failed)
  const lengths = rollouts.map(({ sequence }) => sequence.tokens.length)
  const groups = byGroup(judged)
  const flat = groups.filter((group) => isFlat(group.map(({ verdict }) => verdict.reward)))
  const histogram = Array.from({ length: RATE_BINS }, () => 0)
  for (const group of groups) histogram[rateBin(successRate(group))]! += 1
  return {
    mu: batch.meanReward,
    muStandardError: batch.rewardStandardError ?? 0,
    responseLength: mean(lengths),
    truncationRate: mean(rollouts.map(({ sequence }) => Number(sequence.stopReason === "length"))),
    zeroVarianceShare: groups.length === 0 ? 0 : flat.length / groups.length,
    successRateHistogram: histogram,
    boundaryWeightShare: boundaryWeightShare(batch),
    noAnswer: rollouts.filter(({ verdict }) => verdict.status === "no-answer").length,
    verifierFailures: rollouts.length - judged.length,
    sampledTokens: lengths.reduce((total, length) => total + length, 0),
    ...sourceMetrics(judged),
  }
}

/** Share of the total |advantage| that falls on groups with one response of a kind: nearly solved or nearly hopeless prompts. */
function boundaryWeightShare(batch: PipoBatch): number {
  let [near, all] = [0, 0]
  for (const group of byGroup(batch.sequences)) {
    const values = group.map(({ advantages }) => advantages[0] ?? 0)
    const weight = values.reduce((total, value) => total + Math.abs(value), 0)
    const positive = values.filter((value) => value > 0).length
    all += weight
    if (positive === 1 || positive === values.length - 1) near += weight
  }
  return all === 0 ? 0 : near / all
}

/** From verified rollouts to the batch that update rules plan on, and to the numbers that describe it. */
import {
  applyMask,
  criticInputs,
  denseRewards,
  IMPORTANCE_INPUT,
  importanceWeights,
  klInReward,
  type AdvantageEstimator,
  type ImportanceCorrection,
  type ImportanceOptions,
  type RewardedResponse,
} from "../objectives/index.ts"
import type { BatchSequence, PipoBatch } from "../pipo/index.ts"
import { byGroup, isFlat, successRate } from "../rollout/group-filter.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { mean, standardError } from "../statistics.ts"
import { componentRewards } from "./reward-components.ts"

/** Rollouts that the step trains on or whose verdict failed: those of the groups that were not dropped. */
export function keptRollouts(rollouts: readonly StepRollout[]): StepRollout[] {
  return rollouts.filter(({ trained }) => trained)
}

/** What was computed about the kept rollouts, in their order, before they become a batch. Arrays are [T] per rollout. */
export interface BatchScores {
  /** Log-probs under the reference policy, nats. */
  readonly reference?: readonly Float32Array[]
  /** Values under the weights before the step. */
  readonly values?: readonly Float32Array[]
  /** Reward of the greedy response, by group. */
  readonly greedyRewards?: ReadonlyMap<number, number>
  /** The estimator wants the component rewards of each verdict. */
  readonly rewards?: boolean
  /** Weight of the divergence that is taken off the reward of each token. */
  readonly klInReward?: number
  readonly correction?: BatchCorrection
}

/** The trainer's own log-probs, which stand in for the sampler's, and how the difference is weighted. */
export interface BatchCorrection extends ImportanceOptions {
  readonly mode: ImportanceCorrection
  /** Undefined where nothing depends on them: the sampler's stay. */
  readonly old: readonly (Float32Array | undefined)[]
}

/** A response as an estimator reads it. */
function rewarded(rollout: StepRollout, mask: Float32Array, behaviour: Float32Array, i: number, scores: BatchScores): RewardedResponse {
  const { reference, klInReward: coefficient } = scores
  const greedyReward = scores.greedyRewards?.get(rollout.group)
  const response = { reward: rollout.trainingReward, group: rollout.group, mask }
  const rewards = scores.rewards === true ? componentRewards(rollout) : undefined
  const tokenRewards =
    coefficient === undefined ? undefined : applyMask([klInReward(denseRewards("train", response, i), behaviour, reference![i]!, coefficient)], [mask])[0]!
  return {
    ...response,
    ...(tokenRewards === undefined ? {} : { tokenRewards }),
    ...(scores.values === undefined ? {} : { values: scores.values[i]! }),
    ...(greedyReward === undefined ? {} : { greedyReward }),
    ...rewards,
  }
}

/** Per-token inputs of the objective beside advantages and log-probs; undefined where there are none. */
function tokenInputsOf(
  k: number,
  oldValues: Float32Array | undefined,
  returns: readonly Float64Array[] | undefined,
): Record<string, Float32Array> | undefined {
  if (oldValues === undefined || returns === undefined) return undefined
  return { [criticInputs.oldValues]: oldValues, [criticInputs.returns]: Float32Array.from(returns[k]!) }
}

/**
 * The batch of a step. Advantages come from the training rewards, means from what the verifier said; responses whose verdict
 * failed are left out of both. A masked response counts among its group and has no token in the loss.
 * @param rollouts  all that were sampled
 * @param scores    of `keptRollouts(rollouts)`
 */
export function makeBatch(step: number, rollouts: readonly StepRollout[], estimator: AdvantageEstimator, scores: BatchScores = {}): PipoBatch {
  const { reference, values, correction } = scores
  const judged = keptRollouts(rollouts).map((rollout, i) => ({ rollout, i })).filter(({ rollout }) => !rollout.failed)
  const masks = judged.map(({ rollout }) => new Float32Array(rollout.sequence.tokens.length).fill(1))
  const behaviour = judged.map(({ rollout, i }) => correction?.old[i] ?? rollout.sequence.policyLogprobs)
  const { advantages, returns } = estimator.estimate(judged.map(({ rollout, i }, k) => rewarded(rollout, masks[k]!, behaviour[k]!, i, scores)))
  const sequences = judged.map(({ rollout, i }, k): BatchSequence => {
    const tokenInputs = tokenInputsOf(k, values?.[i], returns)
    return {
      promptTokens: rollout.promptTokens,
      responseTokens: rollout.sequence.tokens,
      behaviourLogprobs: behaviour[k]!,
      advantages: rollout.masked ? new Float32Array(masks[k]!.length) : Float32Array.from(advantages[k]!),
      mask: rollout.masked ? new Float32Array(masks[k]!.length) : masks[k]!,
      group: rollout.group,
      ...(reference === undefined ? {} : { referenceLogprobs: reference[i]! }),
      ...(tokenInputs === undefined ? {} : { tokenInputs }),
    }
  })
  const measured = measuredRollouts(rollouts)
  return {
    step,
    meanReward: mean(measured.map(({ verdict }) => verdict.reward)),
    trainedMeanReward: mean(judged.map(({ rollout }) => rollout.verdict.reward)),
    // Prompts are independent, the responses to one are not: the error is that of the groups' means.
    rewardStandardError: standardError(byGroup(measured).map(successRate)),
    sequences: correction === undefined ? sequences : correctedSequences(sequences, rollouts, correction),
  }
}

/**
 * Sequences with the trainer's log-probs in place of the sampler's, and the weights that make up for the difference.
 * @param sequences  of a batch of `rollouts`
 */
export function correctedSequences(
  sequences: readonly BatchSequence[],
  rollouts: readonly StepRollout[],
  correction: BatchCorrection,
): BatchSequence[] {
  const judged = keptRollouts(rollouts)
    .map((rollout, i) => ({ rollout, i }))
    .filter(({ rollout }) => !rollout.failed)
  const old = judged.map(({ rollout, i }) => correction.old[i] ?? rollout.sequence.policyLogprobs)
  // Of exactly the distribution sampled from: the weights make up for its cuts (top-k, top-p) too.
  const sampler = judged.map(({ rollout }) => rollout.sequence.logprobs)
  const masks = judged.map(({ rollout }) => new Float32Array(rollout.sequence.tokens.length).fill(1))
  const weights = importanceWeights(correction.mode, old, sampler, masks, correction)
  return sequences.map((sequence, k) => ({
    ...sequence,
    behaviourLogprobs: old[k]!,
    tokenInputs: { ...sequence.tokenInputs, [IMPORTANCE_INPUT]: Float32Array.from(weights[k]!) },
  }))
}

/** The rollouts that the mean reward of the step is over: judged, of prompts drawn without preference. */
export function measuredRollouts(rollouts: readonly StepRollout[]): StepRollout[] {
  return rollouts.filter(({ failed, representative }) => representative && !failed)
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

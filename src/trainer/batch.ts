/** From verified rollouts to the batch that update rules plan on, and to the numbers that describe it. */
import type { AdvantageEstimator } from "../objectives/index.ts"
import type { BatchSequence, PipoBatch } from "../pipo/index.ts"
import type { Rollout } from "../rollout/rollout.ts"

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((total, x) => total + x, 0) / values.length
}

function groupsOf<T extends { readonly group: number }>(items: readonly T[]): T[][] {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const members = groups.get(item.group)
    if (members === undefined) groups.set(item.group, [item])
    else members.push(item)
  }
  return [...groups.values()]
}

/** What the trainer makes of a step's rollouts. */
export interface TrainerBatch extends PipoBatch {
  /** Verifier reward of each sequence. */
  readonly rewards: readonly number[]
}

/** The batch of a step: responses whose verdict failed are left out, of the means too. */
export function makeBatch(step: number, rollouts: readonly Rollout[], estimator: AdvantageEstimator, reference: readonly Float32Array[] | undefined): TrainerBatch {
  const judged = rollouts.map((rollout, i) => ({ rollout, i })).filter(({ rollout }) => !rollout.failed)
  const masks = judged.map(({ rollout }) => new Float32Array(rollout.sequence.tokens.length).fill(1))
  const { advantages } = estimator.estimate(judged.map(({ rollout }, k) => ({ reward: rollout.verdict.reward, group: rollout.group, mask: masks[k]! })))
  const sequences = judged.map(({ rollout, i }, k): BatchSequence => ({
    promptTokens: rollout.promptTokens,
    responseTokens: rollout.sequence.tokens,
    behaviourLogprobs: rollout.sequence.policyLogprobs,
    advantages: Float32Array.from(advantages[k]!),
    mask: masks[k]!,
    group: rollout.group,
    ...(reference === undefined ? {} : { referenceLogprobs: reference[i]! }),
  }))
  const rewards = judged.map(({ rollout }) => rollout.verdict.reward)
  const meanReward = mean(rewards)
  return { step, meanReward, trainedMeanReward: meanReward, rewardStandardError: meanOfGroups(judged.map(({ rollout }) => rollout)).standardError, sequences, rewards }
}

/** Prompts are independent, the responses of one are not: the error of the mean is that of the groups' means. */
function meanOfGroups(judged: readonly Rollout[]): { readonly rates: readonly number[]; readonly standardError: number } {
  const rates = groupsOf(judged).map((group) => mean(group.map(({ verdict }) => verdict.reward)))
  const centre = mean(rates)
  const deviation = Math.sqrt(rates.reduce((total, rate) => total + (rate - centre) ** 2, 0) / Math.max(rates.length - 1, 1))
  return { rates, standardError: deviation / Math.sqrt(Math.max(rates.length, 1)) }
}

/** Edges of the histogram of groups by success rate: [0], (0, 1/4], (1/4, 1/2], (1/2, 3/4], (3/4, 1), [1]. */
const RATE_BINS = 6

function rateBin(rate: number): number {
  if (rate <= 0) return 0
  if (rate >= 1) return RATE_BINS - 1
  return Math.min(Math.ceil(rate * 4), 4)
}

/** Mean reward and number of judged responses of each source, when problems name theirs (mixtures, verl's `data_source`). */
function sourceMetrics(judged: readonly Rollout[]): Record<string, unknown> {
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
export function batchMetrics(rollouts: readonly Rollout[], batch: PipoBatch): { readonly sampledTokens: number; readonly [metric: string]: unknown } {
  const judged = rollouts.filter(({ failed }) => !failed)
  const lengths = rollouts.map(({ sequence }) => sequence.tokens.length)
  const groups = groupsOf(judged)
  const { rates, standardError } = meanOfGroups(judged)
  const flat = groups.filter((group) => group.every(({ verdict }) => verdict.reward === group[0]!.verdict.reward))
  const histogram = Array.from({ length: RATE_BINS }, () => 0)
  for (const rate of rates) histogram[rateBin(rate)]! += 1
  return {
    mu: batch.meanReward,
    muStandardError: standardError,
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
  for (const group of groupsOf(batch.sequences)) {
    const values = group.map(({ advantages }) => advantages[0] ?? 0)
    const weight = values.reduce((total, value) => total + Math.abs(value), 0)
    const positive = values.filter((value) => value > 0).length
    all += weight
    if (positive === 1 || positive === values.length - 1) near += weight
  }
  return all === 0 ? 0 : near / all
}

/** What a step's scores say: the critic, the greedy baselines, the distance to sampler and reference. Nothing where there are none. */
import { criticInputs, IMPORTANCE_INPUT } from "../objectives/index.ts"
import type { BatchSequence, PipoBatch } from "../pipo/index.ts"
import type { Rollout } from "../rollout/rollout.ts"
import { mean } from "../statistics.ts"
import type { BatchScores } from "./batch.ts"
import type { GreedyBaselines } from "./greedy-baseline.ts"

/** The numbers of a per-token array on counted tokens. */
function counted(sequences: readonly BatchSequence[], rowOf: (sequence: BatchSequence, index: number) => ArrayLike<number>): number[] {
  return sequences.flatMap((sequence, k) => {
    const row = rowOf(sequence, k)
    return Array.from(sequence.mask).flatMap((m, t) => (m === 0 ? [] : [row[t]!]))
  })
}

/** null for nothing: a metric is never NaN. */
function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : mean(values)
}

function variance(values: readonly number[]): number {
  const centre = meanOf(values) ?? 0
  return meanOf(values.map((x) => (x - centre) ** 2)) ?? 0
}

/**
 * 1 - Var(R - V) / Var(R) over counted tokens: 1 for a critic that knows the returns, 0 for a constant one, negative for one that is
 * worse than that. null where the returns do not vary.
 */
export function explainedVariance(returns: readonly number[], values: readonly number[]): number | null {
  const total = variance(returns)
  return total === 0 ? null : 1 - variance(returns.map((r, i) => r - values[i]!)) / total
}

/** Means of the component rewards by name. */
function componentMeans(judged: readonly Rollout[]): Record<string, unknown> {
  const sums = new Map<string, number[]>()
  for (const { verdict } of judged) {
    for (const { name, reward } of verdict.components ?? []) {
      if (reward !== undefined) sums.set(name, [...(sums.get(name) ?? []), reward])
    }
  }
  return { rewardComponents: Object.fromEntries([...sums].map(([name, values]) => [name, meanOf(values)])) }
}

/** @param rollouts  those that scores were computed of */
export function scoreMetrics({ sequences }: PipoBatch, rollouts: readonly Rollout[], scores: BatchScores, greedy: GreedyBaselines | undefined): Record<string, unknown> {
  const metrics: Record<string, unknown> = {}
  const judged = rollouts.filter(({ failed }) => !failed)
  if (scores.values !== undefined) {
    const returns = counted(sequences, ({ tokenInputs }) => tokenInputs?.[criticInputs.returns] ?? [])
    const values = counted(sequences, ({ tokenInputs }) => tokenInputs?.[criticInputs.oldValues] ?? [])
    Object.assign(metrics, { explainedVariance: explainedVariance(returns, values), meanValue: meanOf(values), meanReturn: meanOf(returns) })
  }
  if (greedy !== undefined) {
    Object.assign(metrics, { greedyReward: meanOf([...greedy.rewards.values()]), greedyTokens: greedy.tokens, greedyFailures: greedy.failures })
  }
  if (scores.klInReward !== undefined) {
    const drift = counted(sequences, ({ behaviourLogprobs, referenceLogprobs }) => behaviourLogprobs.map((x, t) => x - referenceLogprobs![t]!))
    metrics["kl"] = meanOf(drift)
  }
  if (scores.correction !== undefined) {
    // Over the responses that the trainer scored: the others have no advantage.
    const { old } = scores.correction
    const scored = new Set(rollouts.filter((_, i) => old[i] !== undefined))
    const [responses, samples] = [
      sequences.filter((_, k) => scored.has(judged[k]!)),
      judged.filter((rollout) => scored.has(rollout)),
    ]
    const weights = counted(responses, ({ tokenInputs }) => tokenInputs?.[IMPORTANCE_INPUT] ?? [])
    const gaps = counted(responses, ({ behaviourLogprobs }, k) =>
      behaviourLogprobs.map((x, t) => Math.abs(x - samples[k]!.sequence.logprobs[t]!)),
    )
    Object.assign(metrics, {
      samplerMismatch: gaps.reduce((most, gap) => Math.max(most, gap), 0),
      importanceWeight: meanOf(weights),
      importanceMaskedFraction: meanOf(weights.map((w) => Number(w === 0))),
    })
  }
  if (scores.rewards === true) Object.assign(metrics, componentMeans(judged))
  return metrics
}

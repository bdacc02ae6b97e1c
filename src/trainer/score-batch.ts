/**
 * What stands between sampled responses and the batch that is trained on: log-probs of the reference, values of the critic, rewards of
 * greedy responses, log-probs of the trainer where the sampler's are not trusted. Each only where the config asks for it.
 *
 * Shape legend: T response tokens of one response.
 */
import type { ImportanceCorrection, ImportanceOptions } from "../objectives/index.ts"
import type { SnapshotId } from "../engine/engine.ts"
import { EngineError } from "../errors.ts"
import type { KlController } from "../objectives/index.ts"
import type { PipoBatch } from "../pipo/index.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { correctedSequences, keptRollouts, makeBatch, type BatchScores } from "./batch.ts"
import { greedyBaselines, type GreedyBaselines } from "./greedy-baseline.ts"
import type { RunParts } from "./run-parts.ts"
import { scoreMetrics } from "./score-metrics.ts"

/** Which scores the objective and the advantage of a run need. */
export interface ScoringNeeds {
  /** Log-probs of the sampled tokens under the reference policy. */
  readonly reference: boolean
  readonly values: boolean
  readonly greedy: boolean
  readonly rewards: boolean
  /** The divergence is taken off the rewards. */
  readonly klInReward: boolean
  readonly correction: ({ readonly mode: ImportanceCorrection } & ImportanceOptions) | undefined
}

/** What a run carries from step to step for this. */
export interface ScoringState {
  /** Snapshot of the policy that the objective compares with, where it needs one. */
  readonly reference: SnapshotId | undefined
  readonly kl: KlController
}

export interface ScoredBatch {
  readonly batch: PipoBatch
  readonly metrics: Readonly<Record<string, unknown>>
  /** Log-probs of the current policy, nats, of the rollouts that it had to score. */
  readonly own: ReadonlyMap<StepRollout, Float32Array>
  /** Cost of greedy responses: no part of the batch's own mean reward. */
  readonly greedy: Pick<GreedyBaselines, "tokens" | "sampleSeconds" | "verifySeconds">
}

const noGreedy: ScoredBatch["greedy"] = { tokens: 0, sampleSeconds: 0, verifySeconds: 0 }

export async function scoreBatch(parts: RunParts, step: number, rollouts: readonly StepRollout[], state: ScoringState): Promise<ScoredBatch> {
  const { engine, config, estimator, scoring } = parts
  const { temperature } = config.rollout
  const kept = keptRollouts(rollouts)
  const sequences = kept.map(({ promptTokens, sequence }) => ({ promptTokens, responseTokens: sequence.tokens }))
  const own = scoring.values || correctsAll(parts) ? await ownScores(parts, sequences) : undefined
  const reference = scoring.reference && state.reference !== undefined ? await engine.logprobs(sequences, { policy: state.reference, temperature }) : undefined
  const greedy = scoring.greedy ? await greedyBaselines(parts.greedy, kept) : undefined
  const scores: BatchScores = {
    ...(reference === undefined ? {} : { reference }),
    ...(own?.values === undefined || !scoring.values ? {} : { values: own.values }),
    ...(greedy === undefined ? {} : { greedyRewards: greedy.rewards }),
    ...(scoring.rewards ? { rewards: true } : {}),
    ...(scoring.klInReward ? { klInReward: state.kl.coefficient } : {}),
    ...(own === undefined || scoring.correction === undefined ? {} : { correction: { old: own.logprobs, ...scoring.correction } }),
  }
  const batch = makeBatch(step, rollouts, estimator, scores)
  if (own !== undefined || scoring.correction === undefined) {
    const scored = new Map(own === undefined ? [] : kept.map((rollout, i) => [rollout, own.logprobs[i]!]))
    return { batch, metrics: scoreMetrics(batch, kept, scores, greedy), own: scored, greedy: greedy ?? noGreedy }
  }
  const scored = await scoreWithAdvantage(parts, kept, batch)
  const correction = { ...scoring.correction, old: kept.map((rollout) => scored.get(rollout)) }
  const corrected = { ...batch, sequences: correctedSequences(batch.sequences, rollouts, correction) }
  return {
    batch: corrected,
    metrics: scoreMetrics(corrected, kept, { ...scores, correction }, greedy),
    own: scored,
    greedy: greedy ?? noGreedy,
  }
}

/** Whether a correction reads the log-probs of every response: unless those without advantage contribute nothing. */
function correctsAll({ scoring, config, leavesOutSilent }: RunParts): boolean {
  return (
    scoring.correction !== undefined &&
    (scoring.klInReward || !leavesOutSilent || config.train.skipWithoutAdvantage === "never")
  )
}

/** The trainer's log-probs of the responses that have an advantage. */
async function scoreWithAdvantage(
  { engine, config }: RunParts,
  kept: readonly StepRollout[],
  batch: PipoBatch,
): Promise<Map<StepRollout, Float32Array>> {
  const judged = kept.filter(({ failed }) => !failed)
  const wanted = judged.filter((_, k) => batch.sequences[k]!.advantages.some((advantage) => advantage !== 0))
  if (wanted.length === 0) return new Map()
  const sequences = wanted.map(({ promptTokens, sequence }) => ({ promptTokens, responseTokens: sequence.tokens }))
  const logprobs = await engine.logprobs(sequences, { temperature: config.rollout.temperature })
  return new Map(wanted.map((rollout, i) => [rollout, logprobs[i]!]))
}

/** Under the weights before the step, in one pass where the engine has one. */
async function ownScores({ engine, config, scoring }: RunParts, sequences: Parameters<RunParts["engine"]["logprobs"]>[0]): Promise<{ readonly logprobs: Float32Array[]; readonly values?: Float32Array[] }> {
  const { temperature } = config.rollout
  if (!scoring.values) return { logprobs: await engine.logprobs(sequences, { temperature }) }
  const scores = await engine.score?.(sequences, { temperature })
  if (scores?.values === undefined) throw new EngineError("train: expected values from the engine, got none. Use an engine with a value head, or another advantage than gae.")
  return scores
}

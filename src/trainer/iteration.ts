/** One iteration of the algorithm: sample, verify, plan, update, commit. */
import type { AdamOptions, SnapshotId } from "../engine/engine.ts"
import type { BatchSequence } from "../pipo/index.ts"
import { deriveSeed, randomStream } from "../random.ts"
import { collectRollouts, type Rollout } from "../rollout/rollout.ts"
import type { CompletionLine, MetricsLine } from "../runs/index.ts"
import { batchMetrics, makeBatch } from "./batch.ts"
import { executeUpdate, type OptimiserStep, type UpdateContext } from "./execute-update.ts"
import type { RunParts } from "./run-parts.ts"
import { learningRateFactor } from "./schedule.ts"
import { updateMetrics, type ExecutedUpdate } from "./update-metrics.ts"

export interface Iteration {
  readonly metrics: MetricsLine
  readonly completions: readonly CompletionLine[]
  /** Every optimiser step that was tried, in order. */
  readonly optimiserSteps: readonly OptimiserStep[]
}

/** @param reference snapshot of the policy that the objective compares with, where it needs one */
export async function iterate(parts: RunParts, step: number, reference: SnapshotId | undefined): Promise<Iteration> {
  const { config, task, rule } = parts
  const { promptsPerStep } = config.rollout
  const started = performance.now()
  // What came before the step, an evaluation say, is not the step's.
  parts.engine.takeTimes?.()
  const problems = Array.from({ length: promptsPerStep }, (_, i) => task.trainProblem(config.seed, (step - 1) * promptsPerStep + i))
  const { rollouts, sampleSeconds, verifySeconds } = await collectRollouts(parts.rollout, problems, config.seed, step)

  const trainStarted = performance.now()
  const batch = makeBatch(step, rollouts, parts.estimator, await referenceLogprobs(parts, rollouts, reference))
  const plan = rule.plan(batch)
  const context = updateContext(parts, step)
  const executed: ExecutedUpdate[] = []
  for (const update of plan.updates) {
    const steps = await executeUpdate(context, update)
    executed.push({ kind: update.kind, steps })
    if (steps.some(({ applied }) => !applied)) break
  }
  rule.commit(batch, { explorationApplied: explorationApplied(executed) })
  const trainSeconds = (performance.now() - trainStarted) / 1000

  const sampled = batchMetrics(rollouts, batch)
  const updated = updateMetrics(executed)
  return {
    metrics: {
      ...sampled,
      ...plan.metrics,
      ...updated,
      step,
      mu: batch.meanReward,
      learningRate: context.adam.learningRate,
      time: {
        at: new Date().toISOString(),
        seconds: (performance.now() - started) / 1000,
        sampleSeconds,
        verifySeconds,
        trainSeconds,
        sampledTokensPerSecond: sampled.sampledTokens / sampleSeconds,
        trainedTokensPerSecond: updated.trainedTokens / trainSeconds,
        ...parts.engine.takeTimes?.(),
      },
    },
    completions: completionLines(step, rollouts, batch.sequences).slice(0, config.logging.completionsPerStep),
    optimiserSteps: executed.flatMap(({ steps }) => steps),
  }
}

function updateContext({ config, engine, aggregate }: RunParts, step: number): UpdateContext & { readonly adam: AdamOptions } {
  const { learningRate, beta1, beta2, eps, weightDecay, gradientClip, miniBatches } = config.optimizer
  const factor = learningRateFactor(config.optimizer, step, config.train.steps)
  const random = randomStream(deriveSeed(config.seed, "objective"), step)
  return {
    engine,
    aggregate,
    miniBatches,
    adam: { learningRate: learningRate * factor, beta1, beta2, eps, weightDecay, gradientClip },
    temperature: config.rollout.temperature,
    random: () => random.uniform(),
  }
}

function explorationApplied(executed: readonly ExecutedUpdate[]): boolean {
  const explored = executed.filter(({ kind }) => kind === "exploration")
  return explored.length > 0 && explored.every(({ steps }) => steps.length > 0 && steps.every(({ applied }) => applied))
}

async function referenceLogprobs(parts: RunParts, rollouts: readonly Rollout[], reference: SnapshotId | undefined): Promise<Float32Array[] | undefined> {
  if (reference === undefined) return undefined
  const sequences = rollouts.map(({ promptTokens, sequence }) => ({ promptTokens, responseTokens: sequence.tokens }))
  return parts.engine.logprobs(sequences, { policy: reference, temperature: parts.config.rollout.temperature })
}

/** @param trained the batch's sequences: the judged rollouts, in order */
function completionLines(step: number, rollouts: readonly Rollout[], trained: readonly BatchSequence[]): CompletionLine[] {
  let next = 0
  return rollouts.map(({ group, problem, text, verdict, sequence, failed }): CompletionLine => ({
    step,
    group,
    problem: problem.id,
    prompt: problem.prompt,
    completion: text,
    gold: problem.gold,
    reward: verdict.reward,
    status: verdict.status,
    extracted: verdict.extracted ?? null,
    reason: verdict.reason,
    advantage: failed ? null : (trained[next++]!.advantages[0] ?? 0),
    stopReason: sequence.stopReason,
  }))
}

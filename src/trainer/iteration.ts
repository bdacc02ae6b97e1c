/** One iteration of the algorithm: sample, verify, plan, update, commit. */
import type { AdamOptions } from "../engine/engine.ts"
import type { KlController } from "../objectives/index.ts"
import type { PipoBatch, Plan } from "../pipo/index.ts"
import { expectedAccuracy } from "../evaluation/held-out.ts"
import { deriveSeed, randomStream } from "../random.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import type { CompletionLine, MetricsLine } from "../runs/index.ts"
import { batchMetrics, measuredRollouts } from "./batch.ts"
import { comparedWithPrevious, improvementMetrics } from "./compare-with-previous.ts"
import { completionLines } from "./completion-lines.ts"
import { executeUpdate, type ExecutedUpdate, type OptimiserStep, type UpdateContext } from "./execute-update.ts"
import { adaptiveCoefficient, followKl } from "./kl-control.ts"
import type { KeptPolicy } from "./kept-policy.ts"
import type { ReferencePolicy } from "./reference-policy.ts"
import type { RunParts } from "./run-parts.ts"
import { learningRateFactor } from "./schedule.ts"
import { scoreBatch, type ScoringState } from "./score-batch.ts"
import { updateMetrics } from "./update-metrics.ts"

export interface Iteration {
  readonly metrics: MetricsLine
  readonly completions: readonly CompletionLine[]
  /** Every optimiser step that was tried, in order. */
  readonly optimiserSteps: readonly OptimiserStep[]
}

/** What a run carries from step to step beside the weights and the rule's own state. */
export interface RunState {
  /** The policy that the objective compares with, where it needs one. */
  readonly reference: ReferencePolicy | undefined
  /** That of the previous iteration, where the rule compares with it. */
  readonly previous: KeptPolicy | undefined
  /** The last one that the rule asked to keep. */
  readonly best: KeptPolicy
  /** Weight of the divergence from the reference. */
  readonly kl: KlController
}

/** A step that is sampled, scored and planned, before its updates. */
export interface PlannedStep {
  readonly step: number
  /** Dropped groups included. */
  readonly rollouts: readonly StepRollout[]
  readonly plan: Plan
  readonly context: UpdateContext
  /** Sampling and verification. */
  readonly sampleSeconds: number
  /** What was computed of the responses since. */
  readonly scoreSeconds: number
}

/** @param beforeUpdate  looks at the step, and changes nothing in it; its time is not the step's */
export async function iterate(
  parts: RunParts,
  step: number,
  { reference, previous, best, kl }: RunState,
  beforeUpdate?: (planned: PlannedStep) => Promise<void>,
): Promise<Iteration> {
  const { config, engine, rule } = parts
  const started = performance.now()
  // What came before the step, an evaluation say, is not the step's.
  engine.takeTimes?.()
  const { rollouts, metrics: shaping, sampleSeconds, verifySeconds, offPolicySteps } = await parts.rollouts.collect(step)

  const trainStarted = performance.now()
  const scoring: ScoringState = { reference: reference?.snapshot, kl }
  const { batch: scored, metrics: scores, own, greedy } = await scoreBatch(parts, step, rollouts, scoring)
  const lag = offPolicySteps === undefined ? {} : { offPolicySteps }
  const improvement =
    previous === undefined
      ? {}
      : { improvement: await comparedWithPrevious(parts, step, measuredRollouts(rollouts), previous, own) }
  const batch: PipoBatch = { ...scored, ...lag, ...improvement }
  const plan = rule.plan(batch)
  const context = updateContext(parts, step, scoring)
  const planned = performance.now()
  await beforeUpdate?.({
    step,
    rollouts,
    plan,
    context,
    sampleSeconds: sampleSeconds + verifySeconds,
    scoreSeconds: (planned - trainStarted) / 1000,
  })
  const lookSeconds = (performance.now() - planned) / 1000
  // The batch was sampled and scored by the policy that is left here: a plan that returns has no updates on it.
  if (plan.policy === "return") await best.restore()
  if (plan.policy === "keep") await best.keep()
  const executed: ExecutedUpdate[] = []
  for (const update of plan.updates) {
    const outcome = await executeUpdate(context, update)
    executed.push(outcome)
    if (outcome.steps.some(({ applied }) => !applied)) break
  }
  rule.commit(batch, { explorationApplied: explorationApplied(executed) })
  const ended = performance.now()
  const engineTimes = engine.takeTimes?.()
  const trainSeconds = (ended - trainStarted) / 1000 - lookSeconds - greedy.sampleSeconds - greedy.verifySeconds

  const held = await heldOutAfterStep(parts)
  const sampled = batchMetrics(rollouts, batch)
  const updated = updateMetrics(executed)
  const coefficient = adaptiveCoefficient(config.objective, kl)
  followKl(kl, scores["kl"] ?? updated["kl"], batch.sequences.length)
  return {
    metrics: {
      ...sampled,
      sampledTokens: sampled.sampledTokens + greedy.tokens,
      ...shaping,
      ...scores,
      ...improvementMetrics(batch.improvement),
      ...plan.metrics,
      ...updated,
      ...coefficient,
      ...held,
      ...lag,
      step,
      mu: batch.meanReward,
      learningRate: context.adam.learningRate,
      time: {
        at: new Date().toISOString(),
        seconds: (ended - started) / 1000 - lookSeconds,
        sampleSeconds: sampleSeconds + greedy.sampleSeconds,
        verifySeconds: verifySeconds + greedy.verifySeconds,
        trainSeconds,
        ...(offPolicySteps === undefined ? {} : { waitSeconds: (trainStarted - started) / 1000 }),
        sampledTokensPerSecond: (sampled.sampledTokens + greedy.tokens) / (sampleSeconds + greedy.sampleSeconds),
        trainedTokensPerSecond: updated.trainedTokens / trainSeconds,
        ...engineTimes,
      },
    },
    completions: completionLines(parts, step, rollouts, batch.sequences),
    optimiserSteps: executed.flatMap(({ steps }) => steps),
  }
}

function updateContext({ config, engine, aggregate }: RunParts, step: number, { reference, kl }: ScoringState): UpdateContext & { readonly adam: AdamOptions } {
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
    constants: adaptiveCoefficient(config.objective, kl),
    reference,
    skipsSilent: config.train.skipWithoutAdvantage !== "never",
  }
}

/** J of the policy that the step's updates made, where a teacher-forced pass tells it without sampling noise. */
async function heldOutAfterStep({ config, heldOut, task }: RunParts): Promise<Record<string, number>> {
  const { stepSize, expected } = config.evaluation
  if (!expected || stepSize === 0 || task.heldOut.length === 0) return {}
  // The step's weights are made: it is finished, also by a run that was asked to stop.
  const accuracy = await expectedAccuracy({ ...heldOut, signal: undefined }, task.heldOut.slice(0, stepSize))
  return accuracy === undefined ? {} : { expectedAccuracy: accuracy.mean }
}

function explorationApplied(executed: readonly ExecutedUpdate[]): boolean {
  const explored = executed.filter(({ kind }) => kind === "exploration")
  return explored.length > 0 && explored.every(({ steps, skippedSteps }) => steps.length + skippedSteps > 0 && steps.every(({ applied }) => applied))
}

/** Supervised training on solutions: for models from scratch, which would otherwise never earn a reward. */
import type { AccuracyKind } from "../analysis/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { TrainSequence } from "../engine/engine.ts"
import { ConfigError, NumericsError } from "../errors.ts"
import { evaluateHeldOut, hasExpectedAccuracy, type HeldOutContext } from "../evaluation/held-out.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { aggregationWeights } from "../objectives/index.ts"
import { crossEntropy } from "../objectives/supervised.ts"
import { deriveSeed } from "../random.ts"
import { encodePrompt, encodeResponse, type PromptFormat } from "../rollout/prompt-encoder.ts"
import { Stopping } from "./stopping.ts"

export interface WarmStartProgress {
  readonly step: number
  readonly loss: number
  /** Held-out accuracy, in steps that measured it. */
  readonly accuracy?: number
}

/** Where a warm start stands. */
export interface WarmStartPoint {
  /** Steps that are made. */
  readonly step: number
  /** The accuracy after the last of them is not measured yet, though it is time for it. */
  readonly evaluationDue: boolean
}

/** How prompts become tokens the config says. */
export interface WarmStartContext extends Omit<HeldOutContext, "promptFormat"> {
  readonly config: ResolvedConfig
  readonly onProgress: (progress: WarmStartProgress) => void
  readonly stopRequested: () => boolean
  /** Gives steps and evaluations up when it is asked to; its engine is `engine`. */
  readonly stopping?: Stopping
  /** Where it goes on, with the weights and moments of then; the beginning when absent. */
  readonly from?: WarmStartPoint
  /** Called where weights and moments are those of a point to go on from, every few evaluations. */
  readonly onPoint?: (point: WarmStartPoint) => Promise<void>
}

/** Evaluations from one point to go on from to the next. */
const EVALUATIONS_BETWEEN_POINTS = 2

export interface WarmStartResult {
  readonly steps: number
  readonly accuracy: number
  /** It was asked to stop; where it goes on. */
  readonly stopped?: WarmStartPoint
  /** Which held-out accuracy it is. */
  readonly measure: AccuracyKind
  /** The target was reached within the steps. */
  readonly reached: boolean
}

/** Where solutions come from, and how they become tokens. */
export interface SolutionSource {
  readonly tokenizer: Tokenizer
  readonly eosTokens: readonly number[]
  readonly task: Task
  readonly promptFormat: PromptFormat
  readonly seed: number
}

/** The solutions of one optimiser step, weighted as the mean over their tokens. */
export function supervisedBatch(
  { tokenizer, eosTokens, task, promptFormat, seed }: SolutionSource,
  step: number,
  size: number,
): TrainSequence[] {
  const stream = deriveSeed(seed, "warm-start")
  const solved = Array.from({ length: size }, (_, i) => {
    const problem = task.trainProblem(stream, (step - 1) * size + i)
    if (problem.solution === undefined) {
      throw new ConfigError([{ path: "warmStart", message: `expected problems with a solution to imitate, got ${problem.id} of ${task.name} without one. Leave warmStart out, or name the solution column.` }])
    }
    const responseTokens = encodeResponse(problem.solution, tokenizer, eosTokens)
    const promptTokens = encodePrompt(problem, tokenizer, promptFormat)
    return { promptTokens, responseTokens, mask: new Float32Array(responseTokens.length).fill(1) }
  })
  const weights = aggregationWeights("token-mean", solved.map(({ mask }) => mask))
  return solved.map(({ promptTokens, responseTokens, mask }, i): TrainSequence => {
    const unused = new Float32Array(mask.length)
    return { promptTokens, responseTokens, mask, behaviourLogprobs: unused, advantages: unused, weights: weights[i]! }
  })
}

/**
 * Trains on solutions until the held-out accuracy (expected where answers are unique, else greedy) reaches the target.
 * @throws NumericsError when a step could not be applied
 */
export async function warmStart(context: WarmStartContext): Promise<WarmStartResult> {
  const { engine, config, task, tokenizer, eosTokens } = context
  const measure = warmStartMeasure(context)
  const { targetAccuracy, learningRate, warmupSteps, batchSize, maxSteps, evalEvery, weightDecay } = config.warmStart
  const { beta1, beta2, eps, gradientClip } = config.optimizer
  const solutions = { tokenizer, eosTokens, task, promptFormat: config.rollout, seed: config.seed }
  const stopping = context.stopping ?? new Stopping(engine, undefined)
  const { from } = context
  let accuracy = 0
  const stoppedAt = (steps: number, evaluationDue: boolean): WarmStartResult => ({
    steps,
    accuracy,
    measure,
    reached: false,
    stopped: { step: steps, evaluationDue },
  })
  for (let step = from === undefined ? 1 : from.evaluationDue ? from.step : from.step + 1; step <= maxSteps; step++) {
    const made = from?.evaluationDue === true && step === from.step
    let loss = Number.NaN
    if (!made) {
      const batch = supervisedBatch(solutions, step, batchSize)
      const trained = await stopping.part(() => engine.forwardBackward(batch, crossEntropy))
      if (trained === undefined) return stoppedAt(step - 1, false)
      loss = trained.result.loss
      const rate = learningRate * Math.min(1, warmupSteps === 0 ? 1 : step / warmupSteps)
      const { applied } = await engine.optimStep({ learningRate: rate, beta1, beta2, eps, weightDecay, gradientClip })
      if (!applied || !Number.isFinite(loss)) {
        throw new NumericsError(
          `warm start: expected a finite loss and gradient at step ${step}, got ${loss}. Lower warmStart.learningRate.`,
        )
      }
    }
    const measured = step % evalEvery === 0 || step === maxSteps
    if (measured) {
      const evaluated = await stopping.part(() => warmStartAccuracy(context))
      if (evaluated === undefined) return stoppedAt(step, true)
      accuracy = evaluated.result
    }
    context.onProgress({ step, loss, ...(measured ? { accuracy } : {}) })
    if (measured && accuracy >= targetAccuracy) return { steps: step, accuracy, measure, reached: true }
    if (step < maxSteps && context.stopRequested()) return stoppedAt(step, false)
    if (step < maxSteps && step % (EVALUATIONS_BETWEEN_POINTS * evalEvery) === 0) {
      await context.onPoint?.({ step, evaluationDue: false })
    }
  }
  return { steps: maxSteps, accuracy, measure, reached: false }
}

/** Which accuracy a warm start aims at: the expected one where the held-out answers are unique, else the greedy one. */
export function warmStartMeasure({ config, task }: Pick<WarmStartContext, "config" | "task">): AccuracyKind {
  const { size } = config.evaluation
  return hasExpectedAccuracy(size === "all" ? task.heldOut : task.heldOut.slice(0, size)) ? "expected" : "greedy"
}

async function warmStartAccuracy({ config, ...rest }: WarmStartContext): Promise<number> {
  const context = { ...rest, promptFormat: config.rollout }
  const size = config.evaluation.size
  const limit = size === "all" ? {} : { size }
  const { expectedAccuracy } = await evaluateHeldOut(context, { greedy: false, expected: true, ...limit })
  if (expectedAccuracy !== undefined) return expectedAccuracy
  return (await evaluateHeldOut(context, { greedy: true, expected: false, ...limit })).greedyAccuracy ?? 0
}


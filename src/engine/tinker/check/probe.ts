/** The fixed requests of the check, and what is asked of a model with them. */
import type { AdamParams, Datum, ForwardBackwardOutput, OptimStepOutput, TinkerClient, TinkerSession, TrainingModel } from "../../../tinker/index.ts"
import { tokenLoss, type ProtocolLoss } from "../loss-formulas.ts"

/** Small ids are tokens in every vocabulary. */
export const PROBE_TOKENS: readonly number[] = [3, 7, 5, 9, 4, 8, 6, 10, 5]
/** Tokens of them that are prompt. */
export const PROBE_PROMPT = 3

/** One sequence: `all` tokens, the first `prompt` of them not counted. */
export interface ProbeSequence {
  readonly all: readonly number[]
  readonly prompt: number
}

export const probeSequence: ProbeSequence = { all: PROBE_TOKENS, prompt: PROBE_PROMPT }
/** Another one, so that a batch has two. */
export const otherSequence: ProbeSequence = { all: [4, 6, 9, 3, 8], prompt: 2 }

export interface ProbeRows {
  /** One number per counted token; 1 when absent. */
  readonly weights?: readonly number[]
  readonly advantages?: readonly number[]
  readonly logprobs?: readonly number[]
}

export function probeDatum({ all, prompt }: ProbeSequence, rows: ProbeRows, withWeights: boolean): Datum {
  const length = all.length - 1
  const start = prompt - 1
  const counted = length - start
  const placed = (values: readonly number[]): number[] => [...Array.from({ length: start }, () => 0), ...values]
  const weights = rows.weights ?? Array.from({ length: counted }, () => 1)
  return {
    tokens: all.slice(0, -1),
    targets: all.slice(1),
    ...(withWeights ? { weights: placed(weights) } : {}),
    ...(rows.advantages === undefined ? {} : { advantages: placed(rows.advantages) }),
    ...(rows.logprobs === undefined ? {} : { logprobs: placed(rows.logprobs) }),
  }
}

/** Number of counted tokens. */
export function countedTokens({ all, prompt }: ProbeSequence): number {
  return all.length - prompt
}

/** The counted part of a row of the server. */
export function countedPart(row: Float32Array, sequence: ProbeSequence): number[] {
  return Array.from(row.slice(row.length - countedTokens(sequence)))
}

/** Log-probs of the sampler that put ratios on both sides of every clip, and advantages of both signs. */
export function offPolicyRows(logprobs: readonly number[]): { readonly advantages: number[]; readonly logprobs: number[] } {
  const shifts = [-0.6, 0.5, 0.05, -0.02, 0.9, -1.2]
  return { logprobs: logprobs.map((lp, t) => lp - shifts[t % shifts.length]!), advantages: logprobs.map((_, t) => (t % 2 === 0 ? 1 : -0.7)) }
}

/** Said in every request: servers differ in what they take when nothing is said. */
export const probeConfigs: Readonly<Partial<Record<ProtocolLoss, Readonly<Record<string, number>>>>> = {
  ppo: { clip_low_threshold: 0.7, clip_high_threshold: 1.3 },
  cispo: { clip_low_threshold: 0.5, clip_high_threshold: 2 },
  dro: { beta: 0.2 },
}

/** Gradient of a protocol loss by each counted log-prob, weights 1. */
export function gradientOf(loss: ProtocolLoss, logprobs: readonly number[], rows: { readonly advantages: readonly number[]; readonly logprobs: readonly number[] }): number[] {
  return logprobs.map((logprob, t) => tokenLoss(loss, probeConfigs[loss] ?? {}, { logprob, behaviour: rows.logprobs[t]!, advantage: rows.advantages[t]!, weight: 1 }).gradient)
}

/** Adam that moves in proportion to the gradient: its epsilon is far above the second moment. */
export const proportional: AdamParams = { learningRate: 1, beta1: 0.9, beta2: 0.95, eps: 1, weightDecay: 0, gradClipNorm: 0 }
/** Adam as one trains with. */
export const usual: AdamParams = { ...proportional, learningRate: 5e-3, eps: 1e-8 }

/** A model for one question, made like all others and unloaded afterwards: some servers hold one at a time. */
export class Prober {
  readonly client: TinkerClient
  readonly session: TinkerSession
  readonly baseModel: string
  readonly rank: number
  /** Whether losses other than cross entropy take weights. */
  withWeights = true

  constructor(client: TinkerClient, session: TinkerSession, baseModel: string, rank: number) {
    this.client = client
    this.session = session
    this.baseModel = baseModel
    this.rank = rank
  }

  async withModel<T>(work: (model: TrainingModel) => Promise<T>): Promise<T> {
    const model = await this.session.createModel({ baseModel: this.baseModel, lora: { rank: this.rank, seed: 11 } })
    try {
      return await work(model)
    } finally {
      await model.unload()
    }
  }

  async logprobs(model: TrainingModel, sequence: ProbeSequence = probeSequence): Promise<number[]> {
    const { outputs } = await model.forward([probeDatum(sequence, {}, true)])
    return countedPart(outputs[0]!.logprobs, sequence)
  }

  /** One step with the given gradients by the counted log-probs, sent as importance sampling at ratio 1. */
  async linearStep(model: TrainingModel, gradient: readonly number[], adam: AdamParams, others: readonly Datum[] = []): Promise<OptimStepOutput> {
    const logprobs = await this.logprobs(model)
    const datum = probeDatum(probeSequence, { advantages: gradient.map((g) => -g), logprobs }, this.withWeights)
    return this.step(model, [datum, ...others], "importance_sampling", adam)
  }

  async step(model: TrainingModel, data: readonly Datum[], loss: string, adam: AdamParams): Promise<OptimStepOutput> {
    const passed: Promise<ForwardBackwardOutput> = model.forwardBackward(data, loss)
    const stepped = model.optimStep(adam)
    await Promise.allSettled([passed, stepped])
    await passed
    return stepped
  }
}

export function gradNorm({ metrics }: OptimStepOutput): number | undefined {
  return Object.entries(metrics).find(([name]) => /(^|[./])grad_norm(:|$)/.test(name))?.[1]
}

/** Euclidean length of the difference. */
export function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((total, x, i) => total + (x - b[i]!) ** 2, 0))
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i]!)), 0)
}

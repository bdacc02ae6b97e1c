/**
 * Seam 1: the engine. The same verbs as the Tinker protocol, so that the embedded engine and a cluster are
 * interchangeable. An engine owns the weights; everything above it owns data, rewards and the choice of loss.
 *
 * Shape legend: B sequences, T response tokens of one sequence.
 */
import type { FileHashes } from "../integrity/index.ts"
import type { Objective } from "../objectives/objective.ts"

export interface EngineCapabilities {
  readonly name: string
  /** Longest prompt plus response, tokens. */
  readonly contextLength: number
  readonly vocabularySize: number
  /** 0 when the engine's weights are elsewhere and nobody says. */
  readonly parameterCount: number
  readonly trainableParameterCount: number
  readonly training: "full" | "lora"
  /** Sampled log-probs are those of exactly the distribution sampled from. */
  readonly exactBehaviourLogprobs: boolean
  readonly entropy: boolean
  /** `score` gives values, and objectives may need "values". */
  readonly valueHead: boolean
  /** Objectives may need "fullKl": the divergence from a snapshot over the whole vocabulary. Absent: no. */
  readonly fullKl?: boolean
  readonly snapshots: boolean
  readonly gradientClipping: boolean
  /** Samples with `precision: int8`. Absent: no. */
  readonly int8Sampling?: boolean
  /** `sample` tells its listener of tokens as they come. Absent: no, and responses come whole. */
  readonly streaming?: boolean
  /** How the engine's server adds up losses; the engine's own numbers do not depend on it. Absent for engines without one. */
  readonly lossReduction?: "sum" | "mean-per-sequence"
}

/** What products are computed in: float32, or weights and activations rounded to eight bits. */
export type SamplingPrecision = "f32" | "int8"

export interface SamplingOptions {
  /** 0 is greedy. Default 1. */
  readonly temperature?: number
  /** Keep the k most likely tokens; 0 or absent keeps all. */
  readonly topK?: number
  /** Keep the smallest set of tokens whose probability reaches this. Default 1. */
  readonly topP?: number
  /** Drop tokens below this share of the most likely token's probability. Default 0. */
  readonly minP?: number
  readonly maxTokens: number
  readonly stopTokens?: readonly number[]
  /** Compared with the decoded response; the response ends with the token that completes one. */
  readonly stopStrings?: readonly string[]
  /** Default f32. The same for all requests of a call. */
  readonly precision?: SamplingPrecision
}

export interface SampleRequest {
  readonly promptTokens: readonly number[]
  /** One response per seed. The same seed gives the same tokens whatever else is in the batch. */
  readonly seeds: readonly number[]
  readonly options: SamplingOptions
}

export interface SampleProgress {
  /** Complete. */
  readonly responses: number
  /** Tokens that are sampled, or that a complete response did without, among all that the requests allow: from 0 to 1. */
  readonly share: number
}

export interface Sequence {
  /** Response tokens, with the stop token when there was one. */
  readonly tokens: readonly number[]
  /** [T] log-prob of each token under exactly the distribution sampled from (temperature, top-k, top-p, min-p), nats. */
  readonly logprobs: Float32Array
  /** [T] log-prob under softmax(logits / temperature) without truncation: what the training graph computes. */
  readonly policyLogprobs: Float32Array
  readonly stopReason: "stop" | "length"
}

/** A token of a response whose rest is still to come. */
export interface SampledToken {
  /** Index of the request. */
  readonly request: number
  /** Index of the seed within the request. */
  readonly response: number
  readonly token: number
}

/** Hears of each token in the order in which a response gets them. */
export type TokenListener = (token: SampledToken) => void

/** A prompt with one response, to be scored. */
export interface TokenSequence {
  readonly promptTokens: readonly number[]
  readonly responseTokens: readonly number[]
}

/** One response with all that an objective may read. Arrays are [T], one entry per response token. */
export interface TrainSequence extends TokenSequence {
  readonly behaviourLogprobs: Float32Array
  readonly referenceLogprobs?: Float32Array
  readonly advantages: Float32Array
  /** 1 where the token counts, 0 where it does not. */
  readonly mask: Float32Array
  /**
   * Aggregation weight of each token's loss over the whole optimiser batch: the loss is sum of weight x loss.
   * See objectives/aggregation.ts. Zero where mask is zero.
   */
  readonly weights: Float32Array
  /** Further per-token inputs that the objective asks for by name (BatchObjective.tokenInputs). */
  readonly tokenInputs?: Readonly<Record<string, Float32Array>>
}

export interface LossReport {
  /** Sum over all tokens of weight x loss. */
  readonly loss: number
  /** Per sequence [T], in the order of the batch: log-probs under the weights before the step. */
  readonly logprobs: Float32Array[]
  /** Per sequence [T]: entropy of the next-token distribution, nats. Empty when the engine has none. */
  readonly entropies: Float32Array[]
  /** Statistics of the objective: mean over the counted tokens of the batch. */
  readonly statistics: Readonly<Record<string, number>>
  /** Tokens that went through the network, prompt included, padding excluded. */
  readonly tokens: number
}

export interface AdamOptions {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled. */
  readonly weightDecay: number
  /** Largest global gradient norm; 0 is off. */
  readonly gradientClip: number
}

export interface StepReport {
  /** Global norm before clipping. */
  readonly gradientNorm: number
  /** False when the gradients were not finite: weights and moments are untouched, gradients dropped. */
  readonly applied: boolean
}

export interface ForwardOptions {
  /** Which weights: the current ones, or a snapshot. */
  readonly policy?: "current" | SnapshotId
  /** Logits are divided by this before the softmax. Default 1. */
  readonly temperature?: number
  /**
   * Aborted: an engine that can stops between two micro-batches, and the promise is rejected with the signal's reason.
   * Of a batch that was to be trained on, part of the gradients may be there: `clearGradients` drops them.
   */
  readonly signal?: AbortSignal
}

export interface TrainOptions extends Pick<ForwardOptions, "temperature" | "signal"> {
  /** The policy that an objective which needs "fullKl" measures the divergence from. */
  readonly reference?: SnapshotId
}

/** Per sequence [T], in the order of the batch. */
export interface SequenceScores {
  /** Nats. */
  readonly logprobs: Float32Array[]
  /** Of the next-token distribution, nats. */
  readonly entropies: Float32Array[]
  /** Value of the state before each token; present when the engine has a value head. */
  readonly values?: Float32Array[]
}

export type SnapshotId = string & { readonly __snapshot?: never }

/** Weights that stand still, to be sampled from while the engine's own are trained. */
export interface FrozenPolicy {
  /** As `Engine.sample`; the log-probs are those of the weights that stand still. */
  sample(requests: readonly SampleRequest[], signal?: AbortSignal): Promise<Sequence[][]>
  /** Gives up what is kept for it. Nothing of it may be under way. */
  release(): Promise<void>
}

export interface Engine {
  readonly capabilities: EngineCapabilities
  /**
   * `result[i][j]` answers seed j of request i.
   * @param signal   aborts: no token is told any more, and the promise is rejected with the signal's reason
   * @param onToken  hears of tokens as they come, from engines whose capabilities say `streaming`. What it throws ends
   *                 the sampling, and `sample` throws it too
   */
  sample(requests: readonly SampleRequest[], signal?: AbortSignal, onToken?: TokenListener): Promise<Sequence[][]>
  /** How far the call of `sample` under way is, or the last one when none is. Engines that cannot tell lack it. */
  sampled?(): SampleProgress
  /** The weights as they are now, for sampling while they are trained. Engines that cannot do both at once lack it. */
  freeze?(): Promise<FrozenPolicy>
  /** Forward only: per sequence [T] log-probs of the response tokens. */
  logprobs(sequences: readonly TokenSequence[], options?: ForwardOptions): Promise<Float32Array[]>
  /** Forward only, all that the engine knows of the response tokens. Required of engines with a value head. */
  score?(sequences: readonly TokenSequence[], options?: ForwardOptions): Promise<SequenceScores>
  /** Adds the gradients of the batch to those accumulated since the last optimStep. */
  forwardBackward(batch: readonly TrainSequence[], objective: Objective, options?: TrainOptions): Promise<LossReport>
  /** One AdamW step on the accumulated gradients, which are cleared. */
  optimStep(adam: AdamOptions): Promise<StepReport>
  /** Drops gradients accumulated since the last optimStep. */
  clearGradients(): Promise<void>
  /** Copies weights (and optimiser state) aside, in memory or on the server. */
  snapshot(options?: { readonly optimizer?: boolean }): Promise<SnapshotId>
  /** A snapshot of what `save` wrote earlier: the reference policy of a resumed run. The current weights stay. */
  importSnapshot(directory: string): Promise<SnapshotId>
  /**
   * Writes a snapshot's weights into an existing folder, from which `importSnapshot` reads them.
   * @returns SHA-256 of the files; those that an engine does not tell are read once more by who needs them
   */
  exportSnapshot(id: SnapshotId, directory: string): Promise<FileHashes | void>
  restore(id: SnapshotId): Promise<void>
  release(id: SnapshotId): Promise<void>
  /** Forgets first and second moments: a new stage of training starts. */
  resetOptimizer(): Promise<void>
  /** Writes weights (Hugging Face layout) and optimiser state into an existing folder. @returns as `exportSnapshot` */
  save(directory: string): Promise<FileHashes | void>
  load(directory: string): Promise<void>
  /** Writes the policy alone as a Hugging Face folder, adapters merged in. @returns as `exportSnapshot` */
  saveModel(directory: string, dtype?: "f32" | "bf16" | "f16"): Promise<FileHashes | void>
  /** What happened since the last call that a person should know; engines that have nothing to say lack it. */
  takeNotes?(): string[]
  /** Where the time since the last call went, seconds; engines that run here lack it. */
  takeTimes?(): EngineTimes
  close(): Promise<void>
}

export interface EngineTimes {
  /** Waiting for a server. */
  readonly serverSeconds: number
  /** Our own code meanwhile: encoding, decoding, the objective. */
  readonly clientSeconds: number
}

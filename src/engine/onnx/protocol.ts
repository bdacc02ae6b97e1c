/** Messages between the engine and its worker. All values are structured-cloneable. */
import type { FileHashes } from "../../integrity/index.ts"
import type { ModelConfig, WeightType } from "../../model/config.ts"
import type { LoraConfig } from "../../model/lora.ts"
import type { ValueHeadConfig } from "../../model/value-head.ts"
import type { WeightsSource } from "../../model/weights-source.ts"
import type {
  AdamOptions,
  LossReport,
  SampledToken,
  SampleRequest,
  SamplingPrecision,
  Sequence,
  SequenceScores,
  StepReport,
  TokenSequence,
  TrainSequence,
} from "../engine.ts"
import type { Program, TrainProgram } from "./programs.ts"
import type { SamplerLimits } from "./sampler.ts"

export interface WorkerSettings {
  readonly config: ModelConfig
  readonly lora: LoraConfig | undefined
  readonly valueHead: ValueHeadConfig | undefined
  /** The worker reads or makes the weights, and owns them. */
  readonly source: WeightsSource
  readonly seed: number
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>
  readonly generation: Readonly<Record<string, unknown>> | undefined
  /** Threads of one operator. */
  readonly threads: number
  readonly limits: SamplerLimits
  /** Tokens of a micro-batch in training and scoring, padding included. */
  readonly tokenBudget: number
  /** Set to 1 to stop sampling, scoring or training before its next piece. */
  readonly cancel: SharedArrayBuffer
  /** Of the call of `sample` under way: responses that are complete; tokens that are sampled or no longer needed. */
  readonly sampled: SharedArrayBuffer
}

/** The verbs of the worker: arguments and result. */
export interface WorkerCalls {
  addProgram: [args: { readonly program: Program }, result: undefined]
  /** With `tell`, tokens are sent ahead of the result. */
  sample: [
    args: {
      readonly requests: readonly SampleRequest[]
      readonly precision: SamplingPrecision
      readonly tell: boolean
    },
    result: Sequence[][],
  ]
  score: [
    args: { readonly program: string; readonly sequences: readonly TokenSequence[]; readonly policy: string },
    result: SequenceScores,
  ]
  train: [
    args: {
      readonly program: Omit<TrainProgram, "model">
      readonly batch: readonly TrainSequence[]
      readonly constants: Readonly<Record<string, number>>
      /** The program and the snapshot that give the reference's distributions; for objectives that need "fullKl". */
      readonly distribution?: { readonly program: string; readonly policy: string }
    },
    result: LossReport,
  ]
  optimStep: [args: AdamOptions, result: StepReport]
  gradients: [args: undefined, result: Map<string, Float32Array>]
  weights: [args: undefined, result: Map<string, Float32Array>]
  clearGradients: [args: undefined, result: undefined]
  snapshot: [args: { readonly optimizer: boolean }, result: string]
  importSnapshot: [args: { readonly directory: string }, result: string]
  exportSnapshot: [args: { readonly id: string; readonly directory: string }, result: FileHashes]
  restore: [args: { readonly id: string }, result: undefined]
  release: [args: { readonly id: string }, result: undefined]
  resetOptimizer: [args: undefined, result: undefined]
  save: [
    args: {
      readonly directory: string
      readonly optimizer: boolean
      readonly merge: boolean
      readonly dtype: WeightType
    },
    result: FileHashes,
  ]
  load: [args: { readonly directory: string }, result: undefined]
  close: [args: undefined, result: undefined]
}

export type WorkerVerb = keyof WorkerCalls

export interface WorkerRequest {
  readonly id: number
  readonly verb: WorkerVerb
  readonly args: unknown
}

/** Errors cross the thread as their class name and message. A `told` comes before the result, any number of times. */
export type WorkerReply =
  | { readonly id: number; readonly told: SampledToken }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string; readonly stack: string | undefined } }

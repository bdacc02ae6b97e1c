/**
 * The embedded engine: compiles the policy to ONNX graphs here and has a worker thread run them on onnxruntime, so that the
 * event loop stays free. Weights, gradients, moments and caches live in the worker; sampler and trainer share one copy.
 */
import { EngineError } from "../../errors.ts"
import type { FileHashes } from "../../integrity/index.ts"
import { parameterCount, elementCount, type ParameterSpec } from "../../model/weights.ts"
import type { ModelConfig, WeightType } from "../../model/config.ts"
import type { GenerationDefaults } from "../../model/generation-config.ts"
import type { LoraConfig } from "../../model/lora.ts"
import { valueHeadSpecs, type ValueHeadConfig } from "../../model/value-head.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import type { WeightsSource } from "../../model/weights-source.ts"
import type { Objective } from "../../objectives/objective.ts"
import type {
  AdamOptions,
  Engine,
  EngineCapabilities,
  ForwardOptions,
  LossReport,
  SampleProgress,
  SampleRequest,
  Sequence,
  SequenceScores,
  SnapshotId,
  StepReport,
  TokenListener,
  TokenSequence,
  TrainOptions,
  TrainSequence,
} from "../engine.ts"
import { checkSampleRequests, checkSequences } from "../request-checks.ts"
import {
  decodeProgram,
  distributionProgram,
  prefillProgram,
  samplingPrograms,
  scoreProgram,
  trainedSpecs,
  trainProgram,
  wholeHead,
  type Program,
  type ProgramOptions,
  type TrainProgram,
} from "./programs.ts"
import type { SamplerLimits } from "./sampler.ts"
import { WorkerClient } from "./worker-client.ts"

export interface OnnxEngineOptions {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly weights: WeightsSource
  readonly generation?: GenerationDefaults
  readonly lora?: LoraConfig
  /** Adds a critic: one linear output per position, which starts at zero. Default none. */
  readonly valueHead?: ValueHeadConfig
  /** Seed of fresh adapters. */
  readonly seed?: number
  /** Threads of one operator. Default 2. */
  readonly threads?: number
  /** Sequences decoded at once. Default 128. */
  readonly sampleBatch?: number
  /** Tokens of a micro-batch, padding included. Default 2048. */
  readonly tokenBudget?: number
  /** Vocabulary entries per piece of the output projection in training. Default 4096; 0 never cuts. */
  readonly headChunk?: number
  readonly gradientCheckpointing?: boolean
  /** Bytes that keys and values may take while sampling. Default 2 GiB. */
  readonly cacheBytes?: number
}

// Pieces of some 30 MB: the allocator of glibc keeps those, and larger ones are taken from the system anew each time.
const defaultHeadChunk = 4096

/** A listener that hears nothing after an abort, and whose first error ends the sampling instead of the process. */
class ListenerGuard {
  readonly hear: TokenListener
  #failure: { readonly error: unknown } | undefined

  constructor(onToken: TokenListener, signal: AbortSignal | undefined, cancel: () => void) {
    this.hear = (token) => {
      if (this.#failure !== undefined || signal?.aborted === true) return
      try {
        onToken(token)
      } catch (error) {
        this.#failure = { error }
        cancel()
      }
    }
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** How an engine with these options compiles its graphs. */
export function programOptionsOf(options: OnnxEngineOptions): ProgramOptions {
  const { config, lora, valueHead } = options
  return {
    config,
    headChunk: options.headChunk ?? defaultHeadChunk,
    gradientCheckpointing: options.gradientCheckpointing ?? false,
    threads: options.threads ?? 2,
    ...(lora === undefined ? {} : { lora }),
    ...(valueHead === undefined ? {} : { valueHead }),
  }
}

/** How much an engine with these options runs at once. */
export function samplerLimitsOf(options: OnnxEngineOptions): SamplerLimits {
  return {
    batch: options.sampleBatch ?? 128,
    tokenBudget: options.tokenBudget ?? 2048,
    cacheBytes: options.cacheBytes ?? 2 * 1024 ** 3,
  }
}

export class OnnxEngine implements Engine {
  readonly capabilities: EngineCapabilities
  readonly #programs: ProgramOptions
  readonly #client: WorkerClient
  readonly #cancel: Int32Array
  readonly #sampled: Int32Array
  #requestedTokens = 0
  readonly #compiled = new Map<string, Promise<Program>>()
  readonly #stopWorker = (): void => {
    Atomics.store(this.#cancel, 0, 1)
  }

  private constructor(options: OnnxEngineOptions) {
    const { config, lora, valueHead, tokenizer } = options
    this.#programs = programOptionsOf(options)
    const count = (specs: readonly ParameterSpec[]): number => specs.reduce((total, { shape }) => total + elementCount(shape), 0)
    this.capabilities = {
      name: "onnx",
      contextLength: config.contextLength,
      vocabularySize: config.vocabularySize,
      parameterCount: parameterCount(config) + (valueHead === undefined ? 0 : count(valueHeadSpecs(config))),
      trainableParameterCount: count(trainedSpecs(this.#programs)),
      training: lora === undefined ? "full" : "lora",
      exactBehaviourLogprobs: true,
      entropy: true,
      valueHead: valueHead !== undefined,
      fullKl: wholeHead(this.#programs),
      snapshots: true,
      int8Sampling: true,
      streaming: true,
      gradientClipping: true,
    }
    const [cancel, sampled] = [new SharedArrayBuffer(4), new SharedArrayBuffer(8)]
    this.#cancel = new Int32Array(cancel)
    this.#sampled = new Int32Array(sampled)
    this.#client = new WorkerClient({
      config,
      lora,
      valueHead,
      source: options.weights,
      seed: options.seed ?? 0,
      tokenizerFiles: tokenizer.files,
      generation: options.generation as Readonly<Record<string, unknown>> | undefined,
      threads: options.threads ?? 2,
      limits: samplerLimitsOf(options),
      tokenBudget: samplerLimitsOf(options).tokenBudget,
      cancel,
      sampled,
    })
  }

  static async create(options: OnnxEngineOptions): Promise<OnnxEngine> {
    const engine = new OnnxEngine(options)
    // The first call waits for the weights: a broken file is reported here and not at the first sample.
    await engine.#client.call("clearGradients", undefined)
    return engine
  }

  #program<P extends Program>(key: string, build: () => P): Promise<P> {
    let compiled = this.#compiled.get(key)
    if (compiled === undefined) {
      const program = build()
      compiled = this.#client.call("addProgram", { program }).then(() => program)
      this.#compiled.set(key, compiled)
    }
    return compiled as Promise<P>
  }

  async sample(
    requests: readonly SampleRequest[],
    signal?: AbortSignal,
    onToken?: TokenListener,
  ): Promise<Sequence[][]> {
    signal?.throwIfAborted()
    const precision = checkSampleRequests(requests, this.capabilities)
    const { prefill, decode } = samplingPrograms(precision)
    await this.#program(prefill, () => prefillProgram(this.#programs, precision))
    await this.#program(decode, () => decodeProgram(this.#programs, precision))
    const cancel = this.#stopWorker
    const listener = onToken === undefined ? undefined : new ListenerGuard(onToken, signal, cancel)
    return this.#untilAborted(signal, cancel, async () => {
      this.#sampled.fill(0)
      this.#requestedTokens = requests.reduce((total, { seeds, options }) => total + seeds.length * options.maxTokens, 0)
      const sequences = await this.#client.call(
        "sample",
        { requests, precision, tell: listener !== undefined },
        listener?.hear,
      )
      listener?.throwIfFailed()
      return sequences
    })
  }

  /** Work that the worker leaves before its next piece once the signal is aborted. @throws the signal's reason */
  async #untilAborted<T>(signal: AbortSignal | undefined, cancel: () => void, work: () => Promise<T>): Promise<T> {
    // Compiling took time: the signal may have come in between.
    signal?.throwIfAborted()
    signal?.addEventListener("abort", cancel, { once: true })
    try {
      const result = await work()
      signal?.throwIfAborted()
      return result
    } finally {
      signal?.removeEventListener("abort", cancel)
      Atomics.store(this.#cancel, 0, 0)
    }
  }

  sampled(): SampleProgress {
    return { responses: Atomics.load(this.#sampled, 0), share: Atomics.load(this.#sampled, 1) / Math.max(1, this.#requestedTokens) }
  }

  async logprobs(sequences: readonly TokenSequence[], options: ForwardOptions = {}): Promise<Float32Array[]> {
    return (await this.score(sequences, options)).logprobs
  }

  /** Log-probs, entropies and (with a value head) values of response tokens. */
  async score(sequences: readonly TokenSequence[], options: ForwardOptions = {}): Promise<SequenceScores> {
    checkSequences("logprobs", sequences, this.capabilities)
    if (sequences.length === 0) return { logprobs: [], entropies: [], ...(this.capabilities.valueHead ? { values: [] } : {}) }
    const temperature = options.temperature ?? 1
    const program = await this.#program(`score@${temperature}`, () => scoreProgram(this.#programs, temperature))
    const args = { program: program.key, sequences, policy: options.policy ?? "current" }
    return this.#untilAborted(options.signal, this.#stopWorker, () => this.#client.call("score", args))
  }

  async forwardBackward(batch: readonly TrainSequence[], objective: Objective, options: TrainOptions = {}): Promise<LossReport> {
    checkSequences("forwardBackward", batch, this.capabilities)
    if (batch.length === 0) throw new EngineError("forwardBackward: expected at least one sequence, got none. Skip the update when the batch is empty.")
    const temperature = options.temperature ?? 1
    const program: TrainProgram = await this.#program(`train:${objective.key}@${temperature}`, () => trainProgram(this.#programs, objective, temperature))
    const { model: _, ...rest } = program
    const distribution = objective.needs.includes("fullKl") ? await this.#referenceDistribution(objective.name, temperature, options.reference) : undefined
    const args = {
      program: rest,
      batch,
      constants: objective.constants,
      ...(distribution === undefined ? {} : { distribution }),
    }
    return this.#untilAborted(options.signal, this.#stopWorker, () => this.#client.call("train", args))
  }

  async #referenceDistribution(who: string, temperature: number, policy: SnapshotId | undefined): Promise<{ program: string; policy: string }> {
    if (policy === undefined) {
      throw new EngineError(`forwardBackward: expected a reference policy for ${who}, which measures a divergence, got none. Give options.reference.`)
    }
    const { key } = await this.#program(`distribution@${temperature}`, () => distributionProgram(this.#programs, temperature))
    return { program: key, policy }
  }

  optimStep(adam: AdamOptions): Promise<StepReport> {
    return this.#client.call("optimStep", adam)
  }

  /** Gradients accumulated so far, by parameter name. For tests and inspection: copies them all. */
  gradients(): Promise<Map<string, Float32Array>> {
    return this.#client.call("gradients", undefined)
  }

  /** All weights by parameter name. For tests and inspection: copies them all. */
  weights(): Promise<Map<string, Float32Array>> {
    return this.#client.call("weights", undefined)
  }

  async clearGradients(): Promise<void> {
    await this.#client.call("clearGradients", undefined)
  }

  snapshot(options: { readonly optimizer?: boolean } = {}): Promise<SnapshotId> {
    return this.#client.call("snapshot", { optimizer: options.optimizer ?? false })
  }

  importSnapshot(directory: string): Promise<SnapshotId> {
    return this.#client.call("importSnapshot", { directory })
  }

  exportSnapshot(id: SnapshotId, directory: string): Promise<FileHashes> {
    return this.#client.call("exportSnapshot", { id, directory })
  }

  async restore(id: SnapshotId): Promise<void> {
    await this.#client.call("restore", { id })
  }

  async release(id: SnapshotId): Promise<void> {
    await this.#client.call("release", { id })
  }

  async resetOptimizer(): Promise<void> {
    await this.#client.call("resetOptimizer", undefined)
  }

  save(directory: string): Promise<FileHashes> {
    return this.#client.call("save", { directory, optimizer: true, merge: false, dtype: "f32" })
  }

  saveModel(directory: string, dtype: WeightType = "f32"): Promise<FileHashes> {
    return this.#client.call("save", { directory, optimizer: false, merge: true, dtype })
  }

  async load(directory: string): Promise<void> {
    await this.#client.call("load", { directory })
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

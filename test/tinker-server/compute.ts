/** A model of the test server: real weights, gradients and samples, by the embedded engine. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SnapshotId, TrainSequence } from "../../src/engine/engine.ts"
import { OnnxEngine } from "../../src/engine/onnx/onnx-engine.ts"
import { loadModelFolder } from "../../src/model/folder.ts"
import { loraTargets } from "../../src/model/lora.ts"
import { Refusal, type ServerBehaviour } from "./behaviour.ts"
import { serverLoss } from "./losses.ts"

interface TensorJson {
  readonly data: number[]
}
export interface DatumJson {
  readonly model_input: { readonly chunks: { readonly tokens: number[] }[] }
  readonly loss_fn_inputs: { readonly target_tokens: TensorJson; readonly weights?: TensorJson; readonly advantages?: TensorJson; readonly logprobs?: TensorJson }
}
export interface PassJson {
  readonly data: DatumJson[]
  readonly loss_fn: string
  readonly loss_fn_config?: Record<string, number> | null
}

interface Accumulated {
  readonly sequence: Omit<TrainSequence, "weights">
  readonly weights: number[]
  readonly loss: string
  readonly config: Record<string, number>
}

/** Engines that stand idle, by rank and seed: compiling their graphs takes longer than a test. */
const idle = new Map<string, { readonly engine: OnnxEngine; readonly fresh: SnapshotId }[]>()
const all = new Set<OnnxEngine>()

/** Ends every engine; for the end of a test file. */
export async function closeEngines(): Promise<void> {
  await Promise.all([...all].map((engine) => engine.close()))
  all.clear()
  idle.clear()
}

/** A step without gradients moves by the moments alone, as on real servers. */
const noGradient: TrainSequence = {
  promptTokens: [1],
  responseTokens: [1],
  behaviourLogprobs: Float32Array.of(0),
  advantages: Float32Array.of(0),
  mask: Float32Array.of(0),
  weights: Float32Array.of(0),
}

export class ServerModel {
  readonly #engine: OnnxEngine
  readonly #fresh: SnapshotId
  readonly #key: string
  #accumulated: Accumulated[] = []
  #snapshots = new Map<string, SnapshotId>()
  /** What was saved for sampling and is loaded, where that is done in place. */
  #loadedSampler: string | undefined
  /** Optimiser steps taken. */
  steps = 0

  private constructor(engine: OnnxEngine, fresh: SnapshotId, key: string) {
    this.#engine = engine
    this.#fresh = fresh
    this.#key = key
  }

  static async create(folder: string, rank: number, seed: number): Promise<ServerModel> {
    const key = JSON.stringify([folder, rank, rank === 0 ? 0 : seed])
    const waiting = idle.get(key)?.pop()
    if (waiting !== undefined) return new ServerModel(waiting.engine, waiting.fresh, key)
    const { config, tokenizer, generation } = await loadModelFolder(folder)
    const lora = rank === 0 ? {} : { lora: { rank, alpha: 32, targets: loraTargets } }
    const engine = await OnnxEngine.create({ config, tokenizer, generation, weights: { kind: "folder", directory: folder }, seed, threads: 1, ...lora })
    all.add(engine)
    return new ServerModel(engine, await engine.snapshot(), key)
  }

  /** Gradients that wait for a step. */
  takeGradients(): unknown[] {
    return this.#accumulated.splice(0)
  }

  giveGradients(gradients: readonly unknown[]): void {
    this.#accumulated.push(...(gradients as Accumulated[]))
  }

  /** Puts the engine back as it was made. */
  async dispose(): Promise<void> {
    await this.#engine.clearGradients()
    await this.#engine.resetOptimizer()
    await this.#engine.restore(this.#fresh)
    for (const id of this.#snapshots.values()) await this.#engine.release(id)
    const waiting = idle.get(this.#key) ?? []
    waiting.push({ engine: this.#engine, fresh: this.#fresh })
    idle.set(this.#key, waiting)
  }

  weights(): Promise<Map<string, Float32Array>> {
    return this.#engine.weights()
  }

  async pass(pass: PassJson, behaviour: ServerBehaviour, backward: boolean): Promise<unknown> {
    const asked = pass.loss_fn
    const reported = behaviour.lies[asked] ?? asked
    const done = behaviour.quietLies[asked] ?? reported
    const [low, high] = behaviour.cispoBounds
    const config = pass.loss_fn_config ?? (asked === "cispo" ? { clip_low_threshold: low, clip_high_threshold: high } : {})
    const sequences = pass.data.map(sequenceOf)
    const logprobs = await this.#engine.logprobs(sequences.map(({ sequence }) => sequence))
    if (backward) this.#accumulated.push(...sequences.map(({ sequence, weights }) => ({ sequence, weights, loss: done, config })))
    return {
      loss_fn_output_type: "scalar",
      loss_fn_outputs: sequences.map(({ sequence, weights }, i) => {
        const losses = tokenLosses(reported, config, logprobs[i]!, sequence, weights)
        return { logprobs: tensor(logprobs[i]!), elementwise_loss: tensor(losses) }
      }),
      metrics: {},
    }
  }

  async optimStep(adam: Record<string, number>, behaviour: ServerBehaviour): Promise<unknown> {
    const asked = {
      learningRate: adam["learning_rate"] ?? 1e-4,
      beta1: adam["beta1"] ?? 0.9,
      beta2: adam["beta2"] ?? 0.95,
      eps: adam["eps"] ?? 1e-12,
      weightDecay: adam["weight_decay"] ?? 0,
      gradientClip: behaviour.gradientClipping ? (adam["grad_clip_norm"] ?? 0) : 0,
    }
    const used = behaviour.adam === "all" ? asked : { ...asked, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 }
    const count = this.#accumulated.length
    // In the order of their arrival, one group of equal losses at a time.
    for (let start = 0; start < count; ) {
      const { loss, config } = this.#accumulated[start]!
      let end = start + 1
      while (end < count && this.#accumulated[end]!.loss === loss && JSON.stringify(this.#accumulated[end]!.config) === JSON.stringify(config)) end += 1
      const batch = this.#accumulated.slice(start, end).map(({ sequence, weights }): TrainSequence => {
        const divisor = behaviour.reduction === "sum" ? 1 : Math.max(sum(weights), 1e-9) * count
        return { ...sequence, weights: Float32Array.from(weights, (w) => w / divisor) }
      })
      await this.#engine.forwardBackward(batch, serverLoss(loss, config))
      start = end
    }
    if (count === 0) await this.#engine.forwardBackward([noGradient], serverLoss("cross_entropy", {}))
    this.#accumulated = []
    const { gradientNorm } = await this.#engine.optimStep(used)
    this.steps += 1
    if (behaviour.gradNorm === "null") return { metrics: { "skyrl.ai/grad_norm": null } }
    return { metrics: behaviour.gradNorm ? { "skyrl.ai/grad_norm": gradientNorm, "skyrl.ai/learning_rate": used.learningRate } : {} }
  }

  async save(directory: string): Promise<void> {
    await this.#engine.save(directory)
  }

  async load(directory: string, optimizer: boolean): Promise<void> {
    await this.#engine.load(directory)
    if (!optimizer) await this.#engine.resetOptimizer()
  }

  async keepForSampling(name: string): Promise<void> {
    this.#snapshots.set(name, await this.#engine.snapshot())
  }

  async sample(name: string, request: SampleJson, behaviour: ServerBehaviour, eos: readonly number[]): Promise<unknown> {
    const snapshot = this.#snapshots.get(name)
    if (snapshot === undefined) throw new Refusal(404, `Checkpoint not found: ${name}`)
    if (behaviour.samplesInPlace) {
      if (this.#loadedSampler !== name) await this.#engine.restore(snapshot)
      this.#loadedSampler = name
      return this.#sampleNow(request, behaviour, eos)
    }
    const current = await this.#engine.snapshot()
    await this.#engine.restore(snapshot)
    try {
      return await this.#sampleNow(request, behaviour, eos)
    } finally {
      await this.#engine.restore(current)
      await this.#engine.release(current)
    }
  }

  async #sampleNow({ prompt, num_samples = 1, sampling_params: params, prompt_logprobs }: SampleJson, behaviour: ServerBehaviour, eos: readonly number[]): Promise<unknown> {
    const promptTokens = prompt.chunks.flatMap(({ tokens }) => tokens)
    const stop = (params.stop ?? []) as number[]
    const stopTokens = behaviour.implicitStop ? [...new Set([...stop, ...eos])] : stop
    const seeds = Array.from({ length: num_samples }, (_, i) => (params.seed ?? 0) + i)
    const { temperature = 1, top_k = -1, top_p = 1, max_tokens: maxTokens } = params
    const options = { temperature, topP: top_p, topK: Math.max(top_k, 0), maxTokens, stopTokens }
    const [sequences] = await this.#engine.sample([{ promptTokens, seeds, options }])
    const policy = await this.#engine.logprobs(sequences!.map(({ tokens }) => ({ promptTokens, responseTokens: tokens })))
    const ofPrompt = prompt_logprobs === true && promptTokens.length > 1 ? await this.#engine.logprobs([{ promptTokens: promptTokens.slice(0, 1), responseTokens: promptTokens.slice(1) }]) : undefined
    return {
      sequences: sequences!.map(({ tokens, logprobs, stopReason }, i) => {
        const given = behaviour.sampleLogprobs === "policy" ? policy[i]! : logprobs
        const length = stopReason === "stop" && !behaviour.stopTokenIncluded ? tokens.length - 1 : tokens.length
        return { stop_reason: stopReason, tokens: tokens.slice(0, length), logprobs: Array.from(given.slice(0, length)) }
      }),
      prompt_logprobs: ofPrompt === undefined ? null : Array.from(ofPrompt[0]!),
      topk_prompt_logprobs: null,
    }
  }
}

export interface SampleJson {
  readonly num_samples?: number
  readonly prompt: { readonly chunks: { readonly tokens: number[] }[] }
  readonly sampling_params: {
    readonly max_tokens: number
    readonly seed?: number
    readonly stop?: unknown[] | null
    readonly temperature?: number
    readonly top_k?: number
    readonly top_p?: number
  }
  readonly prompt_logprobs?: boolean
}

function sum(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0)
}

function tensor(values: ArrayLike<number>): unknown {
  return { data: Array.from(values), dtype: "float32", shape: [values.length] }
}

function sequenceOf({ model_input, loss_fn_inputs: inputs }: DatumJson): { readonly sequence: Omit<TrainSequence, "weights">; readonly weights: number[] } {
  const tokens = model_input.chunks.flatMap((chunk) => chunk.tokens)
  const targets = inputs.target_tokens.data
  if (tokens.length !== targets.length || tokens.length === 0 || tokens.some((token, t) => t > 0 && token !== targets[t - 1])) {
    throw new Refusal(400, "target_tokens are not the model_input, shifted by one")
  }
  const weights = inputs.weights?.data ?? targets.map(() => 1)
  const array = (values: TensorJson | undefined): Float32Array => {
    if (values !== undefined && values.data.length !== targets.length) throw new Refusal(400, `expected ${targets.length} numbers, got ${values.data.length}`)
    return values === undefined ? new Float32Array(targets.length) : Float32Array.from(values.data)
  }
  return {
    sequence: {
      promptTokens: tokens.slice(0, 1),
      responseTokens: targets,
      behaviourLogprobs: array(inputs.logprobs),
      advantages: array(inputs.advantages),
      mask: Float32Array.from(weights, (w) => (w === 0 ? 0 : 1)),
    },
    weights,
  }
}

/** In plain numbers, apart from the graph that makes the gradients. */
function tokenLosses(name: string, config: Record<string, number>, logprobs: Float32Array, sequence: Omit<TrainSequence, "weights">, weights: readonly number[]): Float32Array {
  const { clip_low_threshold: low = name === "cispo" ? 0 : 0.8, clip_high_threshold: high = name === "cispo" ? 4 : 1.2, beta = 0.1 } = config
  return Float32Array.from(logprobs, (lp, t) => {
    const weight = weights[t]!
    if (weight === 0) return 0
    const [lq, A] = [sequence.behaviourLogprobs[t]!, sequence.advantages[t]!]
    const r = Math.exp(lp - lq)
    const cut = Math.min(Math.max(r, low), high)
    switch (name) {
      case "cross_entropy":
        return -weight * lp
      case "importance_sampling":
        return -weight * r * A
      case "ppo":
        return -weight * Math.min(r * A, cut * A)
      case "cispo":
        return -weight * cut * lp * A
      default:
        return -weight * (lp * A - (beta / 2) * (lp - lq) ** 2)
    }
  })
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "pirl-tinker-server-"))
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

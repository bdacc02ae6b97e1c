/** A model on the server: its requests in order, its results as they come. */
import type { TinkerClient, RequestOptions } from "./client.ts"
import { chunkDatums, encodeDatum } from "./encode.ts"
import { TinkerError } from "./errors.ts"
import { Lane } from "./lane.ts"
import { Sampler } from "./sampler.ts"
import {
  anythingSchema,
  forwardBackwardSchema,
  optimStepSchema,
  samplerSavedSchema,
  savedSchema,
  type AdamParams,
  type Datum,
  type ForwardBackwardOutput,
  type LossName,
  type ModelInfo,
  type OptimStepOutput,
} from "./wire.ts"

/** Numbers tried for a sampling session whose first request was answered to nobody. */
const MOST_NUMBERS = 3

export interface PassOptions extends RequestOptions {
  readonly config?: Readonly<Record<string, number>>
  /** Limits of one request; the protocol's when absent. */
  readonly limits?: { readonly datums?: number; readonly characters?: number }
}

/**
 * Calls may be made without waiting for the ones before: they are submitted in their order, and the server works on them while the
 * next are on their way.
 *
 *     const passed = model.forwardBackward(data, "importance_sampling")
 *     const stepped = model.optimStep(adam)
 *     await Promise.all([passed, stepped])
 */
export class TrainingModel {
  readonly id: string
  readonly #client: TinkerClient
  readonly #lane = new Lane()
  readonly #nextSamplingSession: () => number

  constructor(client: TinkerClient, id: string, nextSamplingSession: () => number) {
    this.#client = client
    this.id = id
    this.#nextSamplingSession = nextSamplingSession
  }

  toString(): string {
    return `TrainingModel(${this.id})`
  }

  /** Log-probs and losses; no gradients. */
  forward(data: readonly Datum[], loss: LossName = "cross_entropy", options: PassOptions = {}): Promise<ForwardBackwardOutput> {
    return this.#pass("forward", data, loss, options)
  }

  /** Adds the gradients of the data to those since the last `optimStep`. */
  forwardBackward(data: readonly Datum[], loss: LossName, options: PassOptions = {}): Promise<ForwardBackwardOutput> {
    return this.#pass("forward_backward", data, loss, options)
  }

  async #pass(verb: "forward" | "forward_backward", data: readonly Datum[], loss: LossName, { config, limits, signal }: PassOptions): Promise<ForwardBackwardOutput> {
    if (data.length === 0) return { outputs: [], metrics: {} }
    const client = this.#client
    const chunks = client.transport.busy(() => chunkDatums(data.map(encodeDatum), limits))
    const results = chunks.map((chunk) => {
      const submit = (): Promise<{ seqId: number; requestId: string }> =>
        this.#lane.submit(async (seqId) => {
          const request = verb === "forward" ? client.forwardRequest.bind(client) : client.forwardBackwardRequest.bind(client)
          return { seqId, requestId: await request(this.id, seqId, chunk, loss, config, { signal }) }
        })
      return submit().then(({ seqId, requestId }) =>
        client.result({
          what: `${verb} ${seqId} of ${this.id}`,
          requestId,
          schema: forwardBackwardSchema,
          signal,
          resubmit: () => (verb === "forward" ? client.forwardRequest(this.id, seqId, chunk, loss, config, { signal }) : client.forwardBackwardRequest(this.id, seqId, chunk, loss, config, { signal })),
        }),
      )
    })
    const answers = await allOf(results)
    const outputs = answers.flatMap((answer) => answer.outputs)
    this.#checkOutputs(verb, data, outputs)
    return { outputs, metrics: mergeMetrics(answers, chunks.map((chunk) => chunk.length)) }
  }

  #checkOutputs(verb: string, data: readonly Datum[], outputs: ForwardBackwardOutput["outputs"]): void {
    if (outputs.length !== data.length) {
      throw new TinkerError("answer", `tinker: ${verb} of ${this.id}: expected outputs for ${data.length} sequences, got ${outputs.length}. The server speaks another version of the protocol.`)
    }
    outputs.forEach(({ logprobs }, i) => {
      const { length } = data[i]!.targets
      if (logprobs.length !== length) {
        throw new TinkerError("answer", `tinker: ${verb} of ${this.id}: expected ${length} log-probs for sequence ${i}, got ${logprobs.length}. The server speaks another version of the protocol.`)
      }
    })
  }

  /** One AdamW step on the gradients since the last one. */
  async optimStep(adam: AdamParams, { signal }: RequestOptions = {}): Promise<OptimStepOutput> {
    const client = this.#client
    const { seqId, requestId } = await this.#lane.submit(async (seqId) => ({ seqId, requestId: await client.optimStepRequest(this.id, seqId, adam, { signal }) }))
    return client.result({
      what: `optim_step ${seqId} of ${this.id}`,
      requestId,
      schema: optimStepSchema,
      signal,
      resubmit: () => client.optimStepRequest(this.id, seqId, adam, { signal }),
    })
  }

  /**
   * Keeps weights and optimiser state on the server.
   * @returns `tinker://MODEL/weights/NAME`
   */
  async saveWeights(name: string, { signal }: RequestOptions = {}): Promise<string> {
    const client = this.#client
    try {
      const { seqId, requestId } = await this.#lane.submit(async (seqId) => ({ seqId, requestId: await client.saveWeightsRequest(this.id, seqId, name, { signal }) }))
      return (await client.result({ what: `save_weights ${name} (${seqId}) of ${this.id}`, requestId, schema: savedSchema, signal })).path
    } catch (error) {
      // Our first attempt reached the server and its answer was lost: the name is ours.
      if (!(error instanceof TinkerError) || error.kind !== "conflict" || !error.repeated) throw error
      const path = `tinker://${this.id}/weights/${name}`
      await client.weightsInfo(path, { signal })
      return path
    }
  }

  /** Only as the first request of a new model. */
  async loadWeights(path: string, options: RequestOptions & { readonly optimizer?: boolean } = {}): Promise<void> {
    const { optimizer = true, signal } = options
    const client = this.#client
    const { seqId, requestId } = await this.#lane.submit(async (seqId) => ({ seqId, requestId: await client.loadWeightsRequest(this.id, seqId, path, optimizer, { signal }) }))
    await client.result({ what: `load_weights ${path} (${seqId}) into ${this.id}`, requestId, schema: anythingSchema, signal })
  }

  /** The weights as they are now, for sampling in this session only. */
  async sampler({ signal }: RequestOptions = {}): Promise<Sampler> {
    const client = this.#client
    for (let attempt = 0; ; attempt++) {
      const samplingSessionSeqId = this.#nextSamplingSession()
      try {
        const { seqId, requestId } = await this.#lane.submit(async (seqId) => ({
          seqId,
          requestId: await client.saveWeightsForSamplerRequest(this.id, seqId, { samplingSessionSeqId }, { signal }),
        }))
        const { samplingSessionId, path } = await client.result({ what: `save_weights_for_sampler (${seqId}) of ${this.id}`, requestId, schema: samplerSavedSchema, signal })
        if (samplingSessionId !== undefined) return new Sampler(client, { samplingSessionId })
        if (path !== undefined) return new Sampler(client, { modelPath: path })
        throw new TinkerError("answer", `tinker: save_weights_for_sampler of ${this.id}: expected a sampling session or a path, got neither. The server speaks another version of the protocol.`)
      } catch (error) {
        // The answer to our first attempt was lost; the weights are the same under another number.
        if (!(error instanceof TinkerError) || error.kind !== "conflict" || !error.repeated || attempt >= MOST_NUMBERS) throw error
      }
    }
  }

  /** Keeps the weights for sampling under a name, also past this session. @returns their path */
  async saveForSampler(name: string, { signal }: RequestOptions = {}): Promise<string> {
    const client = this.#client
    const path = `tinker://${this.id}/sampler_weights/${name}`
    try {
      const { requestId } = await this.#lane.submit(async (seqId) => ({ requestId: await client.saveWeightsForSamplerRequest(this.id, seqId, { name }, { signal }) }))
      const saved = await client.result({ what: `save_weights_for_sampler ${name} of ${this.id}`, requestId, schema: samplerSavedSchema, signal })
      return saved.path ?? path
    } catch (error) {
      if (!(error instanceof TinkerError) || error.kind !== "conflict" || !error.repeated) throw error
      return path
    }
  }

  info(options: RequestOptions = {}): Promise<ModelInfo> {
    return this.#client.getInfo(this.id, options)
  }

  /** Frees what the model takes on the server. */
  async unload({ signal }: RequestOptions = {}): Promise<void> {
    const requestId = await this.#client.unloadModelRequest(this.id, { signal })
    await this.#client.result({ what: `unload_model ${this.id}`, requestId, schema: anythingSchema, signal })
  }
}

/** Waits for all, also after one failed: nothing of ours is under way any more when the error is thrown. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason
    return outcome.value
  })
}

/** Metrics of the parts; `:sum` in a name adds, everything else is averaged by sequences. */
function mergeMetrics(parts: readonly ForwardBackwardOutput[], sizes: readonly number[]): Record<string, number> {
  const merged: Record<string, number> = {}
  const total = sizes.reduce((sum, size) => sum + size, 0)
  parts.forEach(({ metrics }, i) => {
    for (const [name, value] of Object.entries(metrics)) {
      merged[name] = (merged[name] ?? 0) + (name.endsWith(":sum") ? value : (value * sizes[i]!) / total)
    }
  })
  return merged
}

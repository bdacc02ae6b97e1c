/** The protocol, one method per endpoint. Methods whose name ends in `Request` answer with the number of a result to wait for. */
import { createWriteStream } from "node:fs"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { z } from "zod"
import type { Clock } from "./clock.ts"
import { encodeAdam, encodePrompt, encodeSampling } from "./encode.ts"
import { TinkerError } from "./errors.ts"
import { waitForResult, type FutureOptions } from "./future.ts"
import { Transport, type Call, type TransportOptions } from "./transport.ts"
import {
  anythingSchema,
  capabilitiesSchema,
  checkpointsSchema,
  createdModelSchema,
  healthSchema,
  modelInfoSchema,
  pendingSchema,
  samplingSessionSchema,
  sessionSchema,
  trainingRunSchema,
  trainingRunsSchema,
  weightsInfoSchema,
  type AdamParams,
  type Checkpoint,
  type LoraSettings,
  type LossName,
  type ModelInfo,
  type SamplingParams,
  type SessionAnswer,
  type TrainingRun,
  type WeightsInfo,
} from "./wire.ts"

export interface TinkerClientOptions extends TransportOptions {
  /** Longest time of one operation on the server, from its acceptance to its result. Default one hour. */
  readonly resultTimeoutMs?: number
  /** Longest time of one question for a result. Default 45 s. */
  readonly pollTimeoutMs?: number
  /** Hears why the server keeps us waiting. */
  readonly onQueue?: (state: string) => void
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

/** Where a sample comes from. */
export type SampleSource =
  | { readonly samplingSessionId: string; readonly seqId: number }
  | { readonly modelPath: string }
  | { readonly baseModel: string }

/** Version of the protocol's official client that this one follows. */
export const PROTOCOL_VERSION = "0.18.0"

export class TinkerClient {
  readonly transport: Transport
  readonly #results: Pick<TinkerClientOptions, "resultTimeoutMs" | "pollTimeoutMs" | "onQueue">

  /** @throws ConfigError when the address, key or proxy cannot be used */
  constructor(options: TinkerClientOptions) {
    this.transport = new Transport(options)
    const { resultTimeoutMs, pollTimeoutMs, onQueue } = options
    this.#results = { ...(resultTimeoutMs === undefined ? {} : { resultTimeoutMs }), ...(pollTimeoutMs === undefined ? {} : { pollTimeoutMs }), ...(onQueue === undefined ? {} : { onQueue }) }
  }

  get address(): string {
    return this.transport.address
  }

  get clock(): Clock {
    return this.transport.clock
  }

  toString(): string {
    return `TinkerClient(${this.address})`
  }

  #post<T>(path: string, body: object | string, schema: z.ZodType<T>, { signal }: RequestOptions = {}): Promise<T> {
    return this.transport.json({ what: path, path, body, signal }, schema)
  }

  #get<T>(path: string, schema: z.ZodType<T>, { signal }: RequestOptions = {}): Promise<T> {
    return this.transport.json({ what: path, path, signal }, schema)
  }

  async #request(path: string, body: object | string, options: RequestOptions): Promise<string> {
    return (await this.#post(path, body, pendingSchema, options)).request_id
  }

  /** Waits for the result of a request. */
  result<T>(options: FutureOptions<T>): Promise<T> {
    const { resultTimeoutMs, pollTimeoutMs, onQueue } = this.#results
    return waitForResult(this.transport, { timeoutMs: resultTimeoutMs, pollTimeoutMs, onQueue, ...options })
  }

  /** Whether it answers at all: one attempt, without repetitions. */
  async health(options: RequestOptions = {}): Promise<string> {
    return (await this.transport.once({ what: "healthz", path: "healthz", signal: options.signal }, healthSchema)).status
  }

  /** Names of the base models that the server offers. */
  async supportedModels(options: RequestOptions = {}): Promise<string[]> {
    const { supported_models } = await this.#get("get_server_capabilities", capabilitiesSchema, options)
    return supported_models.map(({ model_name }) => model_name)
  }

  clientConfig(options: RequestOptions = {}): Promise<unknown> {
    return this.#post("client/config", { sdk_version: PROTOCOL_VERSION }, anythingSchema, options)
  }

  createSession(details: { readonly tags?: readonly string[]; readonly userMetadata?: Readonly<Record<string, string>> } = {}, options: RequestOptions = {}): Promise<SessionAnswer> {
    const { tags = [], userMetadata } = details
    return this.#post(
      "create_session",
      { tags, ...(userMetadata === undefined ? {} : { user_metadata: userMetadata }), sdk_version: PROTOCOL_VERSION, type: "create_session" },
      sessionSchema,
      options,
    )
  }

  /** One attempt. @throws TinkerError of kind `not-found` when the server forgot the session */
  async heartbeat(sessionId: string, { signal }: RequestOptions = {}): Promise<void> {
    const call: Call = { what: "session_heartbeat", path: "session_heartbeat", body: { session_id: sessionId, type: "session_heartbeat" }, signal }
    await this.transport.once(call, anythingSchema)
  }

  createModelRequest(
    details: { readonly sessionId: string; readonly modelSeqId: number; readonly baseModel: string; readonly lora: LoraSettings; readonly modelRole?: string },
    options: RequestOptions = {},
  ): Promise<{ readonly request_id: string; readonly model_id?: string | undefined }> {
    const { rank, seed, trainUnembed, trainMlp, trainAttention } = details.lora
    const lora_config = {
      rank,
      ...(seed === undefined ? {} : { seed }),
      ...(trainUnembed === undefined ? {} : { train_unembed: trainUnembed }),
      ...(trainMlp === undefined ? {} : { train_mlp: trainMlp }),
      ...(trainAttention === undefined ? {} : { train_attn: trainAttention }),
    }
    const role = details.modelRole === undefined ? {} : { model_role: details.modelRole }
    const body = { session_id: details.sessionId, model_seq_id: details.modelSeqId, base_model: details.baseModel, lora_config, ...role, type: "create_model" }
    return this.#post("create_model", body, createdModelSchema, options)
  }

  getInfo(modelId: string, options: RequestOptions = {}): Promise<ModelInfo> {
    return this.#post("get_info", { model_id: modelId, type: "get_info" }, modelInfoSchema, options)
  }

  unloadModelRequest(modelId: string, options: RequestOptions = {}): Promise<string> {
    return this.#request("unload_model", { model_id: modelId, type: "unload_model" }, options)
  }

  /** @param data  the JSON of each sequence, see `encodeDatum` and `chunkDatums` */
  forwardBackwardRequest(modelId: string, seqId: number, data: readonly string[], loss: LossName, config: Readonly<Record<string, number>> | undefined, options: RequestOptions = {}): Promise<string> {
    return this.#request("forward_backward", passBody("forward_backward_input", modelId, seqId, data, loss, config), options)
  }

  forwardRequest(modelId: string, seqId: number, data: readonly string[], loss: LossName, config: Readonly<Record<string, number>> | undefined, options: RequestOptions = {}): Promise<string> {
    return this.#request("forward", passBody("forward_input", modelId, seqId, data, loss, config), options)
  }

  optimStepRequest(modelId: string, seqId: number, adam: AdamParams, options: RequestOptions = {}): Promise<string> {
    return this.#request("optim_step", { model_id: modelId, adam_params: encodeAdam(adam), seq_id: seqId, type: "optim_step" }, options)
  }

  saveWeightsRequest(modelId: string, seqId: number, name: string, options: RequestOptions = {}): Promise<string> {
    return this.#request("save_weights", { model_id: modelId, path: name, seq_id: seqId, type: "save_weights" }, options)
  }

  loadWeightsRequest(modelId: string, seqId: number, path: string, optimizer: boolean, options: RequestOptions = {}): Promise<string> {
    return this.#request("load_weights", { model_id: modelId, path, optimizer, seq_id: seqId, type: "load_weights" }, options)
  }

  /** @param target  a name to keep them under, or the number of a sampling session for which alone they are made */
  saveWeightsForSamplerRequest(modelId: string, seqId: number, target: { readonly name: string } | { readonly samplingSessionSeqId: number }, options: RequestOptions = {}): Promise<string> {
    const place = "name" in target ? { path: target.name } : { sampling_session_seq_id: target.samplingSessionSeqId }
    return this.#request("save_weights_for_sampler", { model_id: modelId, ...place, seq_id: seqId, type: "save_weights_for_sampler" }, options)
  }

  async createSamplingSession(sessionId: string, seqId: number, source: { readonly baseModel: string } | { readonly modelPath: string }, options: RequestOptions = {}): Promise<string> {
    const from = "baseModel" in source ? { base_model: source.baseModel } : { model_path: source.modelPath }
    const body = { session_id: sessionId, sampling_session_seq_id: seqId, ...from, type: "create_sampling_session" }
    return (await this.#post("create_sampling_session", body, samplingSessionSchema, options)).sampling_session_id
  }

  sampleRequest(
    source: SampleSource,
    details: { readonly prompt: ArrayLike<number>; readonly numSamples: number; readonly params: SamplingParams; readonly promptLogprobs?: boolean },
    options: RequestOptions = {},
  ): Promise<string> {
    const from =
      "samplingSessionId" in source
        ? { sampling_session_id: source.samplingSessionId, seq_id: source.seqId }
        : "modelPath" in source
          ? { model_path: source.modelPath }
          : { base_model: source.baseModel }
    const body = {
      num_samples: details.numSamples,
      prompt: encodePrompt(details.prompt),
      sampling_params: encodeSampling(details.params),
      ...from,
      prompt_logprobs: details.promptLogprobs ?? false,
      topk_prompt_logprobs: 0,
      type: "sample",
    }
    return this.#request("asample", body, options)
  }

  weightsInfo(path: string, options: RequestOptions = {}): Promise<WeightsInfo> {
    return this.#post("weights_info", { tinker_path: path }, weightsInfoSchema, options)
  }

  trainingRuns(page: { readonly limit?: number; readonly offset?: number } = {}, options: RequestOptions = {}): Promise<TrainingRun[]> {
    const { limit = 20, offset = 0 } = page
    return this.#get(`training_runs?limit=${limit}&offset=${offset}`, trainingRunsSchema, options)
  }

  trainingRun(modelId: string, options: RequestOptions = {}): Promise<TrainingRun> {
    return this.#get(`training_runs/${encodeURIComponent(modelId)}`, trainingRunSchema, options)
  }

  checkpoints(modelId: string, options: RequestOptions = {}): Promise<Checkpoint[]> {
    return this.#get(`training_runs/${encodeURIComponent(modelId)}/checkpoints`, checkpointsSchema, options)
  }

  /** One that is gone already is no error. */
  async deleteCheckpoint(modelId: string, kind: "weights" | "sampler_weights", name: string, { signal }: RequestOptions = {}): Promise<void> {
    const path = `training_runs/${encodeURIComponent(modelId)}/checkpoints/${kind}/${encodeURIComponent(name)}`
    try {
      await this.transport.json({ what: "deletion of a checkpoint", method: "DELETE", path, signal }, anythingSchema)
    } catch (error) {
      if (!(error instanceof TinkerError) || error.kind !== "not-found") throw error
    }
  }

  /** Downloads what was saved for sampling (the adapter) as an archive. */
  async downloadArchive(modelId: string, name: string, file: string, { signal }: RequestOptions = {}): Promise<void> {
    const path = `training_runs/${encodeURIComponent(modelId)}/checkpoints/${encodeURIComponent(name)}/archive`
    await this.transport.download({ what: "archive of a checkpoint", path, signal }, (pieces) => pipeline(Readable.from(pieces), createWriteStream(file)))
  }
}

function passBody(key: string, modelId: string, seqId: number, data: readonly string[], loss: LossName, config: Readonly<Record<string, number>> | undefined): string {
  const settings = config === undefined ? "" : `,"loss_fn_config":${JSON.stringify(config)}`
  return `{"model_id":${JSON.stringify(modelId)},"${key}":{"data":[${data.join(",")}],"loss_fn":${JSON.stringify(loss)}${settings}},"seq_id":${seqId}}`
}

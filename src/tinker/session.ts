/** A session: what keeps models loaded. A server unloads the models of a session that is silent for some minutes. */
import type { RequestOptions, TinkerClient } from "./client.ts"
import { TinkerError } from "./errors.ts"
import { TrainingModel } from "./model.ts"
import { Sampler } from "./sampler.ts"
import { anythingSchema, modelSchema, type LoraSettings } from "./wire.ts"

const HEARTBEAT_MS = 10_000

export interface SessionOptions extends RequestOptions {
  readonly tags?: readonly string[]
  readonly userMetadata?: Readonly<Record<string, string>>
  /** Default 10 s. */
  readonly heartbeatMs?: number
  /** Hears what the server says at the start, and of heartbeats that fail. */
  readonly onNote?: (text: string) => void
}

export class TinkerSession {
  readonly id: string
  readonly client: TinkerClient
  readonly #stop = new AbortController()
  readonly #onNote: (text: string) => void
  #lost = false
  #models = 0
  #samplingSessions = 0

  private constructor(client: TinkerClient, id: string, onNote: (text: string) => void) {
    this.client = client
    this.id = id
    this.#onNote = onNote
  }

  /** Opens a session and keeps it alive until `close`. */
  static async open(client: TinkerClient, options: SessionOptions = {}): Promise<TinkerSession> {
    const { tags, userMetadata, heartbeatMs = HEARTBEAT_MS, onNote = (): void => {}, signal } = options
    const answer = await client.createSession({ ...(tags === undefined ? {} : { tags }), ...(userMetadata === undefined ? {} : { userMetadata }) }, { signal })
    if (typeof answer.error_message === "string") {
      throw new TinkerError("invalid", `tinker: create_session: expected ${client.address} to open a session, got: ${client.transport.redact(answer.error_message)}. Follow its words.`)
    }
    for (const message of [answer.warning_message, answer.info_message]) {
      if (typeof message === "string") onNote(`${client.address} says: ${client.transport.redact(message)}`)
    }
    const session = new TinkerSession(client, answer.session_id, onNote)
    void session.#beat(heartbeatMs)
    return session
  }

  /** The server said that it does not know this session. */
  get lost(): boolean {
    return this.#lost
  }

  /** The first is sent at once: a server may count the silence from it, and keep for ever what never had one. */
  async #beat(everyMs: number): Promise<void> {
    const { signal } = this.#stop
    let failures = 0
    for (let beats = 0; !signal.aborted && !this.#lost; beats++) {
      try {
        if (beats > 0) await this.client.clock.sleep(everyMs, { signal, background: true })
        await this.client.heartbeat(this.id, { signal })
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof TinkerError && error.kind === "not-found") this.#lost = true
        failures += 1
        if (this.#lost || failures === 3) this.#onNote(`heartbeat: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  /** A new model: adapters on a base model, or all its weights with rank 0. */
  async createModel(details: { readonly baseModel: string; readonly lora: LoraSettings; readonly modelRole?: string }, options: RequestOptions = {}): Promise<TrainingModel> {
    const { client } = this
    const created = await client.createModelRequest({ sessionId: this.id, modelSeqId: this.#models++, ...details }, options)
    const what = `create_model on ${details.baseModel} with rank ${details.lora.rank}`
    const id = { modelId: created.model_id }
    if (id.modelId === undefined) {
      id.modelId = (await client.result({ what, requestId: created.request_id, schema: modelSchema, signal: options.signal })).model_id
    } else {
      await client.result({ what, requestId: created.request_id, schema: anythingSchema, signal: options.signal })
    }
    return new TrainingModel(client, id.modelId, () => this.#samplingSessions++)
  }

  /** Samples from a base model, or from weights that were saved for sampling. */
  async createSampler(source: { readonly baseModel: string } | { readonly modelPath: string }, options: RequestOptions = {}): Promise<Sampler> {
    return new Sampler(this.client, { samplingSessionId: await this.client.createSamplingSession(this.id, this.#samplingSessions++, source, options) })
  }

  /** Ends the heartbeats. Models stay until the server notices, or until they are unloaded. */
  close(): void {
    this.#stop.abort()
  }
}

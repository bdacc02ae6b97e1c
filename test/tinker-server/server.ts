/**
 * A server of the Tinker protocol for tests: everything it computes is real (losses, samples, optimiser steps, by the embedded engine
 * on a tiny model), and every fault that a test plans happens. On the loopback interface, on a port that is free.
 */
import { EventEmitter, once } from "node:events"
import { mkdirSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { defaultBehaviour, Refusal, type Fault, type PlannedFault, type ServerBehaviour } from "./behaviour.ts"
import { removeDirectory, ServerModel, temporaryDirectory, type PassJson, type SampleJson } from "./compute.ts"

type Json = Record<string, unknown>

interface FutureRecord {
  /** Last part of the path of the request that began it; unset until that request is answered. */
  operation?: string
  status: "pending" | "done" | "failed"
  result: unknown
  detail: string
  waiting: (() => void)[]
}

interface ModelRecord {
  readonly rank: number
  readonly baseModel: string
  readonly numbered: Map<number, { readonly content: string; readonly requestId: string }>
  requests: number
  loaded: ServerModel | undefined
}

export interface TestServerOptions extends Partial<ServerBehaviour> {
  /** Folder of the base model. */
  readonly folder: string
  /** Tokens that end a response. */
  readonly eos: readonly number[]
}

export class TestServer {
  readonly behaviour: ServerBehaviour
  readonly #folder: string
  readonly #eos: readonly number[]
  readonly #files = temporaryDirectory()
  #server: Server | undefined
  #port = 0
  #work: Promise<void> = Promise.resolve()
  #generation = 0
  #sessions = new Set<string>()
  #sampling = new Map<string, { readonly model: string; readonly name: string }>()
  #models = new Map<string, ModelRecord>()
  #futures = new Map<string, FutureRecord>()
  #checkpoints = new Map<string, "pending" | "done">()
  #samplerNames = new Set<string>()
  /** Gradients in places that are free. */
  #left: (readonly unknown[])[] = []
  #plans: { readonly plan: PlannedFault; seen: number }[] = []
  #count = 0
  /** Last parts of the paths of all requests, in order. */
  readonly requests: string[] = []
  /** Optimiser steps of all models, also of those that are gone. */
  appliedSteps = 0
  /** Bodies of the requests to one path. */
  readonly bodies: { readonly path: string; readonly body: Json }[] = []
  faultsMet = 0
  /** Requests that are not answered yet and whose client still waits. */
  openRequests = 0
  readonly #arrived = new EventEmitter().setMaxListeners(0)

  private constructor({ folder, eos, ...behaviour }: TestServerOptions) {
    this.behaviour = { ...defaultBehaviour, ...behaviour }
    this.#folder = folder
    this.#eos = eos
  }

  static async start(options: TestServerOptions): Promise<TestServer> {
    const server = new TestServer(options)
    await server.#listen()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  plan(...faults: readonly PlannedFault[]): void {
    this.#plans.push(...faults.map((plan) => ({ plan, seen: 0 })))
  }

  /** Weights of the model that was created last and is still loaded. */
  async weights(): Promise<Map<string, Float32Array>> {
    await this.#work
    const loaded = [...this.#models.values()].filter(({ loaded }) => loaded !== undefined)
    const weights = await loaded.at(-1)!.loaded!.weights()
    return new Map([...weights].map(([name, values]) => [name, values.slice()]))
  }

  checkpointNames(): string[] {
    return [...this.#checkpoints.keys()]
  }

  loadedModels(): number {
    return [...this.#models.values()].filter(({ loaded }) => loaded !== undefined).length
  }

  async close(): Promise<void> {
    await this.#stopListening()
    this.#generation += 1
    await this.#work
    for (const model of this.#models.values()) await model.loaded?.dispose()
    removeDirectory(this.#files)
  }

  async #listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.openRequests += 1
      response.on("close", () => void (this.openRequests -= 1))
      void this.#handle(request, response)
    })
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async #stopListening(): Promise<void> {
    const server = this.#server!
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }

  /** What a crash leaves: everything, the data base without the models in memory, or the files alone. */
  async restart(keep: "all" | "database" | "checkpoints"): Promise<void> {
    await this.#stopListening()
    if (keep !== "all") {
      this.#generation += 1
      this.#left = []
      for (const record of this.#models.values()) {
        const { loaded } = record
        record.loaded = undefined
        if (loaded !== undefined) this.#work = this.#work.then(() => loaded.dispose())
      }
      for (const future of this.#futures.values()) {
        if (future.status === "pending") this.#settle(future, "failed", undefined, "Model not loaded (likely stale request from previous server)")
      }
      for (const [name, state] of this.#checkpoints) if (state === "pending") this.#checkpoints.delete(name)
    }
    if (keep === "checkpoints") {
      this.#sessions.clear()
      this.#sampling.clear()
      this.#models.clear()
      this.#futures.clear()
    }
    await this.#work
    await this.#listen()
  }

  #settle(future: FutureRecord, status: "done" | "failed", result: unknown, detail: string): void {
    Object.assign(future, { status, result, detail })
    for (const wake of future.waiting.splice(0)) wake()
  }

  #faultOf(path: string, body: Json): Fault | undefined {
    for (const entry of this.#plans) {
      if (entry.plan.path !== path) continue
      if (entry.plan.of !== undefined && this.#futures.get(String(body["request_id"]))?.operation !== entry.plan.of) continue
      entry.seen += 1
      if (entry.seen >= entry.plan.nth && entry.seen < entry.plan.nth + (entry.plan.times ?? 1)) {
        this.faultsMet += 1
        return entry.plan.fault
      }
    }
    return undefined
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!.replace(/^\/api\/v1\//, "")
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = parts.length === 0 ? {} : (JSON.parse(Buffer.concat(parts).toString("utf8")) as Json)
    const name = path.split("/").at(-1)!.split("?")[0]!
    this.requests.push(name)
    this.bodies.push({ path: name, body })
    this.#arrived.emit("request")
    const fault = this.#faultOf(name, body)
    const answer = (status: number, value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...headers })
      response.end(value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value))
    }
    try {
      if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.milliseconds))
      if (fault?.kind === "hold") await this.#held(fault, response)
      if (fault?.kind === "forget-session") this.#sessions.clear()
      if (fault !== undefined && "done" in fault === false && fault.kind !== "delay" && fault.kind !== "hold" && fault.kind !== "forget-session") return await this.#fail(fault, request, answer)
      if (fault !== undefined && "done" in fault && fault.done !== true) return await this.#fail(fault, request, answer)
      if (this.behaviour.key !== undefined && request.headers["x-api-key"] !== this.behaviour.key) throw new Refusal(401, `Invalid API key ${String(request.headers["x-api-key"])}`)
      const result = await this.#route(request.method!, path, body, response)
      const begun = this.#futures.get(String((result as Json | undefined)?.["request_id"]))
      if (begun !== undefined) begun.operation ??= name
      if (fault !== undefined && "done" in fault) return await this.#fail(fault, request, answer)
      if (response.writableEnded || response.headersSent) return
      answer(result === undefined ? 204 : 200, result)
    } catch (error) {
      if (response.writableEnded || response.destroyed) return
      if (error instanceof Refusal) answer(error.status, { detail: error.message })
      else answer(500, { detail: String(error) })
    }
  }

  async #fail(fault: Fault, request: IncomingMessage, answer: (status: number, value: unknown, headers?: Record<string, string>) => void): Promise<void> {
    if (fault.kind === "status") {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) }
      return answer(fault.status, fault.body ?? { detail: `planned ${fault.status}` }, headers)
    }
    if (fault.kind === "drop") {
      request.socket.destroy()
      return
    }
    if (fault.kind === "restart") await this.restart(fault.keep)
  }

  async #held({ until, count }: Extract<Fault, { kind: "hold" }>, response: ServerResponse): Promise<void> {
    const given = new AbortController()
    response.on("close", () => given.abort())
    try {
      while (this.requests.filter((path) => path === until).length < count) await once(this.#arrived, "request", { signal: given.signal })
    } catch {
      // The client gave up.
    }
  }

  #model(id: unknown): ModelRecord {
    const model = this.#models.get(String(id))
    if (model === undefined) throw new Refusal(404, "Model not found")
    return model
  }

  #future(work: () => Promise<unknown>): string {
    const requestId = String(++this.#count)
    const future: FutureRecord = { status: "pending", result: undefined, detail: "", waiting: [] }
    this.#futures.set(requestId, future)
    const generation = this.#generation
    this.#work = this.#work.then(async () => {
      if (generation !== this.#generation) return
      try {
        const result = await work()
        if (generation === this.#generation) this.#settle(future, "done", result, "")
      } catch (error) {
        if (generation === this.#generation) this.#settle(future, "failed", undefined, error instanceof Error ? error.message : String(error))
      }
    })
    return requestId
  }

  /** A request with a number: the same number is the same request. */
  #numbered(model: ModelRecord, body: Json, work: (loaded: ServerModel) => Promise<unknown>): Json {
    const seqId = body["seq_id"] as number | undefined
    const content = JSON.stringify(body)
    const known = seqId === undefined || !this.behaviour.idempotent ? undefined : model.numbered.get(seqId)
    if (known !== undefined && known.content !== content) throw new Refusal(409, "Training request sequence number was reused")
    if (known !== undefined && this.#futures.has(known.requestId)) return pending(known.requestId)
    model.requests += 1
    const requestId = this.#future(async () => {
      if (model.loaded === undefined) throw new Error("Model not loaded (likely stale request from previous server)")
      return work(model.loaded)
    })
    if (seqId !== undefined) model.numbered.set(seqId, { content, requestId })
    return pending(requestId)
  }

  async #route(method: string, path: string, body: Json, response: ServerResponse): Promise<unknown> {
    if (this.behaviour.otherVersion && path !== "healthz") return { data: { version: 9 } }
    if (method === "DELETE") return this.#delete(path)
    if (path.startsWith("training_runs")) return this.#runs(path, response)
    switch (path) {
      case "healthz":
        return { status: "ok" }
      case "get_server_capabilities":
        return { supported_models: this.behaviour.models.map((model_name) => ({ model_name })), extra: 1 }
      case "client/config":
        return { pjwt_auth_enabled: false }
      case "create_session": {
        const id = `session_${++this.#count}`
        this.#sessions.add(id)
        return { type: "create_session", session_id: id, info_message: null, warning_message: null, error_message: null }
      }
      case "session_heartbeat":
        if (!this.#sessions.has(String(body["session_id"]))) throw new Refusal(404, "Session not found")
        return { type: "session_heartbeat" }
      case "create_model":
        return this.#createModel(body)
      case "get_info": {
        const { baseModel, rank } = this.#model(body["model_id"])
        return { model_id: body["model_id"], status: "created", model_data: { base_model: baseModel, lora_config: { rank }, model_name: baseModel } }
      }
      case "unload_model": {
        const model = this.#model(body["model_id"])
        return pending(
          this.#future(async () => {
            const { loaded } = model
            model.loaded = undefined
            if (this.behaviour.inheritsGradients && loaded !== undefined) this.#left.push(loaded.takeGradients())
            await loaded?.dispose()
            return { model_id: body["model_id"], status: "unloaded" }
          }),
        )
      }
      case "forward":
      case "forward_backward":
        return this.#pass(path, body)
      case "optim_step":
        return this.#numbered(this.#model(body["model_id"]), body, async (loaded) => {
          const result = await loaded.optimStep(body["adam_params"] as Record<string, number>, this.behaviour)
          this.appliedSteps += 1
          return result
        })
      case "save_weights":
        return this.#save(body)
      case "load_weights":
        return this.#load(body)
      case "save_weights_for_sampler":
        return this.#saveForSampler(body)
      case "create_sampling_session": {
        if (!this.#sessions.has(String(body["session_id"]))) throw new Refusal(404, "Session not found")
        const parsed = /^tinker:\/\/([^/]+)\/(?:sampler_weights\/)?([^/]+)$/.exec(String(body["model_path"]))
        if (parsed === null) throw new Refusal(400, "only model_path is known to this test server")
        const id = `sampling_${++this.#count}`
        this.#sampling.set(id, { model: parsed[1]!, name: parsed[2]! })
        return { type: "create_sampling_session", sampling_session_id: id }
      }
      case "asample":
        return this.#sample(body)
      case "retrieve_future":
        return this.#retrieve(String(body["request_id"]), response)
      case "weights_info": {
        const state = this.#checkpoints.get(String(body["tinker_path"]))
        if (state === undefined) throw new Refusal(404, "Checkpoint not found")
        if (state === "pending") throw new Refusal(425, "Checkpoint is still being created")
        return { base_model: this.behaviour.models[0], is_lora: true, lora_rank: 4 }
      }
      default:
        throw new Refusal(404, "Not Found")
    }
  }

  #createModel(body: Json): Json {
    if (!this.#sessions.has(String(body["session_id"]))) throw new Refusal(404, "Session not found")
    const { rank, seed = 0 } = body["lora_config"] as { rank: number; seed?: number }
    const id = `model_${++this.#count}`
    const model: ModelRecord = { rank, baseModel: String(body["base_model"]), numbered: new Map(), requests: 0, loaded: undefined }
    this.#models.set(id, model)
    const requestId = this.#future(async () => {
      if (rank < 0 || rank > this.behaviour.maxRank) throw new Error(`LoRA rank ${rank} must be between 1 and ${this.behaviour.maxRank}`)
      if (this.loadedModels() >= this.behaviour.maxModels) throw new Error(`Maximum number of LoRA adapters (${this.behaviour.maxModels}) reached`)
      model.loaded = await ServerModel.create(this.#folder, rank, seed)
      model.loaded.giveGradients(this.#left.pop() ?? [])
      return { model_id: id, base_model: model.baseModel, lora_config: body["lora_config"] }
    })
    return { model_id: id, base_model: model.baseModel, status: "created", request_id: requestId }
  }

  #pass(path: string, body: Json): Json {
    const input = body[path === "forward" ? "forward_input" : "forward_backward_input"] as PassJson
    if (!this.behaviour.losses.includes(input.loss_fn)) throw new Refusal(422, `Input should be ${this.behaviour.losses.join(" or ")}`)
    return this.#numbered(this.#model(body["model_id"]), body, (loaded) => loaded.pass(input, this.behaviour, path === "forward_backward"))
  }

  #save(body: Json): Json {
    const model = this.#model(body["model_id"])
    const name = String(body["path"])
    if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name)) throw new Refusal(422, "path: String should match pattern")
    const path = `tinker://${String(body["model_id"])}/weights/${name}`
    if (this.#checkpoints.has(path)) throw new Refusal(409, `Checkpoint '${name}' already exists`)
    this.#checkpoints.set(path, "pending")
    model.requests += 1
    return pending(
      this.#future(async () => {
        if (model.loaded === undefined) throw new Error("Model not loaded (likely stale request from previous server)")
        const directory = this.#directoryOf(path)
        mkdirSync(directory, { recursive: true })
        await model.loaded.save(directory)
        this.#checkpoints.set(path, "done")
        return { path, type: "save_weights" }
      }),
    )
  }

  #directoryOf(path: string): string {
    return join(this.#files, path.replaceAll(/[^a-zA-Z0-9_-]/g, "_"))
  }

  #load(body: Json): Json {
    const model = this.#model(body["model_id"])
    const path = String(body["path"])
    if (model.requests > 0) throw new Refusal(400, `LoadWeights is not permitted with seq_id ${String(body["seq_id"])}`)
    const state = this.#checkpoints.get(path)
    if (state === undefined) throw new Refusal(404, `Checkpoint not found: ${path}`)
    if (state === "pending") throw new Refusal(425, "Checkpoint is still being created")
    model.requests += 1
    return pending(
      this.#future(async () => {
        if (model.loaded === undefined) throw new Error("Model not loaded (likely stale request from previous server)")
        await model.loaded.load(this.#directoryOf(path), body["optimizer"] !== false)
        return { type: "load_weights" }
      }),
    )
  }

  #saveForSampler(body: Json): Json {
    const modelId = String(body["model_id"])
    const model = this.#model(modelId)
    const session = body["sampling_session_seq_id"] as number | undefined
    if (body["path"] === undefined && (session === undefined || body["seq_id"] === undefined)) throw new Refusal(422, "Either 'path' or both must be provided")
    const name = (body["path"] as string | undefined) ?? `ss${session}_seq${String(body["seq_id"])}`
    const key = `${modelId}/${name}`
    if (this.#samplerNames.has(key)) throw new Refusal(409, `Checkpoint '${name}' already exists`)
    this.#samplerNames.add(key)
    const sampling = session === undefined ? undefined : `sampling_${++this.#count}`
    if (sampling !== undefined) this.#sampling.set(sampling, { model: modelId, name })
    model.requests += 1
    return pending(
      this.#future(async () => {
        if (model.loaded === undefined) throw new Error("Model not loaded (likely stale request from previous server)")
        await model.loaded.keepForSampling(name)
        return { path: sampling === undefined ? `tinker://${modelId}/${name}` : null, type: "save_weights_for_sampler", sampling_session_id: sampling ?? null }
      }),
    )
  }

  #sample(body: Json): Json {
    const id = body["sampling_session_id"] as string | undefined
    const parsed = /^tinker:\/\/([^/]+)\/(?:sampler_weights\/)?([^/]+)$/.exec(String(body["model_path"]))
    const place = id === undefined ? (parsed === null ? undefined : { model: parsed[1]!, name: parsed[2]! }) : this.#sampling.get(id)
    if (place === undefined) throw new Refusal(404, "Sampling session not found")
    const { stop, max_tokens } = (body as unknown as SampleJson).sampling_params
    if (max_tokens <= 0) throw new Refusal(400, "max_tokens must be a positive number")
    if ((stop ?? []).some((item) => typeof item !== "number")) throw new Refusal(400, "this test server stops at tokens only")
    const model = this.#model(place.model)
    return pending(
      this.#future(async () => {
        if (model.loaded === undefined) throw new Error("Model not loaded (likely stale request from previous server)")
        return model.loaded.sample(place.name, body as unknown as SampleJson, this.behaviour, this.#eos)
      }),
    )
  }

  async #retrieve(requestId: string, response: ServerResponse): Promise<unknown> {
    const future = this.#futures.get(requestId)
    if (future === undefined) throw new Refusal(404, "Future not found")
    if (future.status === "pending") {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.behaviour.holdMs)
        const wake = (): void => {
          clearTimeout(timer)
          resolve()
        }
        future.waiting.push(wake)
        response.on("close", wake)
      })
    }
    if (future.status === "pending") throw new Refusal(408, "Timeout waiting for result")
    if (future.status === "failed") throw new Refusal(400, future.detail)
    return future.result
  }

  #runs(path: string, response: ServerResponse): unknown {
    const [, id, , name, what] = path.split("?")[0]!.split("/")
    const run = (runId: string, { rank, baseModel }: ModelRecord): Json => ({ training_run_id: runId, base_model: baseModel, is_lora: rank > 0, lora_rank: rank, last_request_time: "2026-01-01T00:00:00Z" })
    if (id === undefined) return { training_runs: [...this.#models].map(([runId, model]) => run(runId, model)), cursor: { offset: 0, limit: 20, total_count: this.#models.size } }
    if (name === undefined && path.endsWith("/checkpoints")) {
      const paths = [...this.#checkpoints.keys()].filter((key) => key.startsWith(`tinker://${id}/`))
      return { checkpoints: paths.map((key) => ({ checkpoint_id: key.split("/").at(-1), checkpoint_type: "training", time: "2026-01-01T00:00:00Z", tinker_path: key })) }
    }
    if (what === "archive") {
      if (!this.#samplerNames.has(`${id}/${name}`)) throw new Refusal(404, "Checkpoint not found")
      response.writeHead(302, { location: `/api/v1/training_runs/${id}/checkpoints/${name}/download` }).end()
      return undefined
    }
    if (what === "download") {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(`archive of ${id}/${name}`)
      return undefined
    }
    return run(id, this.#model(id))
  }

  #delete(path: string): undefined {
    const [, id, , kind, name] = path.split("/")
    if (!this.#checkpoints.delete(`tinker://${id}/${kind}/${name}`)) throw new Refusal(404, "Checkpoint not found")
    return undefined
  }
}

function pending(requestId: string): Json {
  return { future_id: requestId, status: "pending", request_id: requestId }
}

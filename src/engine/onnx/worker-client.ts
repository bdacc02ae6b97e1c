/** The engine's side of the worker thread. */
import type { Worker } from "node:worker_threads"
import { CheckpointError, ConfigError, DataError, EngineError, NumericsError, ShapeError } from "../../errors.ts"
import { startWorker } from "../../worker-thread.ts"
import type { TokenListener } from "../engine.ts"
import type { WorkerCalls, WorkerReply, WorkerSettings, WorkerVerb } from "./protocol.ts"

const errorClasses = { CheckpointError, DataError, EngineError, NumericsError, ShapeError } as const

function revive({ name, message, stack }: Extract<WorkerReply, { error: unknown }>["error"]): Error {
  if (name === "ConfigError") return new ConfigError([{ path: "", message }])
  const known = errorClasses[name as keyof typeof errorClasses] ?? EngineError
  const error = new known(name in errorClasses ? message : `onnx engine: ${message}`)
  if (stack !== undefined) error.stack = stack
  return error
}

/** A call that is under way. */
interface PendingCall {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly onTold: TokenListener | undefined
}

export class WorkerClient {
  readonly #worker: Worker
  readonly #pending = new Map<number, PendingCall>()
  #nextId = 1
  #failure: Error | undefined

  constructor(settings: WorkerSettings) {
    this.#worker = startWorker("./worker", import.meta.url, { workerData: settings })
    this.#worker.on("message", (reply: WorkerReply) => {
      const waiting = this.#pending.get(reply.id)
      if ("told" in reply) {
        waiting?.onTold?.(reply.told)
        return
      }
      this.#pending.delete(reply.id)
      if ("error" in reply) waiting?.reject(revive(reply.error))
      else waiting?.resolve(reply.result)
    })
    this.#worker.on("error", (error) => this.#fail(error))
    this.#worker.on("exit", (code) => this.#fail(new EngineError(`onnx engine: expected the worker thread to run, got exit code ${code}. Start a new engine.`)))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  /** @param onTold  hears of what the worker sends ahead of the result; it must not throw */
  call<Verb extends WorkerVerb>(
    verb: Verb,
    args: WorkerCalls[Verb][0],
    onTold?: TokenListener,
  ): Promise<WorkerCalls[Verb][1]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, onTold })
      this.#worker.postMessage({ id, verb, args }, [])
    })
  }

  async close(): Promise<void> {
    await this.call("close", undefined)
    await this.#worker.terminate()
  }
}

/** Entry of the worker thread: one call at a time, in order. */
import { parentPort, workerData } from "node:worker_threads"
import type { TokenListener } from "../engine.ts"
import type { WorkerReply, WorkerRequest, WorkerSettings } from "./protocol.ts"
import { WorkerEngine } from "./worker-engine.ts"

const port = parentPort!
const engine = WorkerEngine.create(workerData as WorkerSettings)
let queue: Promise<void> = Promise.resolve()

port.on("message", (request: WorkerRequest) => {
  queue = queue.then(() => answer(request))
})

async function answer({ id, verb, args }: WorkerRequest): Promise<void> {
  let reply: WorkerReply
  try {
    // The sender's types pair verb and arguments.
    const handlers = (await engine) as unknown as Record<string, (args: unknown, tell: TokenListener) => unknown>
    const tell: TokenListener = (told) => port.postMessage({ id, told } satisfies WorkerReply)
    reply = { id, result: await handlers[verb]!(args, tell) }
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    reply = { id, error: { name: error.name, message: error.message, stack: error.stack } }
  }
  port.postMessage(reply)
  if (verb === "close") port.close()
}

/** Starting the worker process, from compiled code and from sources alike. */
import { fork, type ChildProcess } from "node:child_process"

/** Starts a worker. Compiled code starts as it is; sources (a development checkout) need the loader that runs them. */
export function forkWorker(): ChildProcess {
  const sources = import.meta.url.endsWith(".ts")
  const entry = new URL(sources ? "./worker.ts" : "./worker.js", import.meta.url)
  const execArgv = sources ? ["--import", import.meta.resolve("tsx")] : []
  return fork(entry, { execArgv, stdio: ["ignore", "ignore", "pipe", "ipc"] })
}

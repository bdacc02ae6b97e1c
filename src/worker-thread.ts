/** Starting worker threads, from compiled code and from sources alike. */
import { Worker } from "node:worker_threads"
import type { WorkerOptions } from "node:worker_threads"

/**
 * Starts a worker thread. Compiled code starts as it is; sources (a development checkout) need the loader that runs the
 * calling file.
 * @param name  file of the worker without its ending, relative to the caller: `./worker`
 * @param from  `import.meta.url` of the caller
 */
export function startWorker(name: string, from: string, options: WorkerOptions): Worker {
  if (!from.endsWith(".ts")) return new Worker(new URL(`${name}.js`, from), options)
  const entry = JSON.stringify(new URL(`${name}.ts`, from).href)
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"))
  const code = `import(${loader}).then((tsx) => { tsx.register(); return import(${entry}) })`
  return new Worker(code, { ...options, eval: true })
}

/**
 * A worker process of a comparison: makes starts and trains runs, one after another, as the scheduler says. It dies with the
 * scheduler, like a killed run, which is resumed later.
 */
import { isRunFolder } from "../runs/index.ts"
import { trainRun } from "../trainer/train-run.ts"
import { removeModels } from "./finished-run.ts"
import { makeStart, relocateStart } from "./starts.ts"
import type { FromWorker, ToWorker } from "./worker-messages.ts"

const stop = new AbortController()

function say(message: FromWorker): void {
  process.send?.(message)
}

async function work(job: Exclude<ToWorker, { kind: "stop" }>): Promise<FromWorker> {
  const { directory, config } = job
  if (job.kind === "start") {
    const facts = await makeStart(config, directory, stop.signal)
    return { kind: facts === undefined ? "stopped" : "done" }
  }
  const resume = isRunFolder(directory)
  if (resume && job.fromStart) relocateStart(directory, config)
  const { finished } = await trainRun({
    config,
    runDirectory: directory,
    resume,
    stop: stop.signal,
    observer: { onStep: ({ step }) => say({ kind: "step", step }) },
  })
  if (finished && !job.keepModels) removeModels(directory)
  return { kind: finished ? "done" : "stopped" }
}

process.on("message", (message: ToWorker) => {
  if (message.kind === "stop") {
    stop.abort()
    return
  }
  work(message).then(say, (error: unknown) => say({ kind: "failed", message: error instanceof Error ? error.message : String(error) }))
})

// Ctrl-C reaches the whole group of processes; the scheduler says what is to be done about it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)
// process.exit would wait for the engine's thread.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))

import type { ChildProcess } from "node:child_process"
import { EventEmitter } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import type { Job, RunJob, StartJob } from "./jobs.ts"
import { runJobs, type JobOutcome } from "./scheduler.ts"
import type { FromWorker, ToWorker } from "./worker-messages.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-scheduler-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" } })

function startJob(name: string): StartJob {
  return { kind: "start", name, directory: join(temporary, name), config }
}

function runJob(name: string, start?: StartJob): RunJob {
  return { kind: "run", name, directory: join(temporary, "runs", name), arm: name, seed: 1, start: start?.directory, startKey: "key", config }
}

/** What a worker does with a job: answer, or die (undefined). It hears of stops by the promise. */
type Behaviour = (job: Exclude<ToWorker, { kind: "stop" }>, stopped: Promise<void>) => Promise<FromWorker | undefined>

/** A worker without a process. */
class FakeWorker extends EventEmitter {
  readonly stderr = undefined
  #stop: () => void = () => undefined
  readonly #stopped = new Promise<void>((resolve) => (this.#stop = resolve))
  readonly #behaviour: Behaviour

  constructor(behaviour: Behaviour) {
    super()
    this.#behaviour = behaviour
  }

  send(message: ToWorker): boolean {
    if (message.kind === "stop") this.#stop()
    else {
      void this.#behaviour(message, this.#stopped).then((answer) => {
        if (answer === undefined) this.emit("close", null, "SIGSEGV")
        else this.emit("message", answer)
      })
    }
    return true
  }

  kill(): boolean {
    this.emit("close", null, "SIGKILL")
    return true
  }
}

const later = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Makes what a real worker would leave of a start. */
function leaveStart(directory: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "start.json"), JSON.stringify({ key: "key" }))
}

interface Trace {
  readonly begun: string[]
  readonly ended: Map<string, JobOutcome>
  readonly workers: number
}

async function schedule(jobs: readonly Job[], parallel: number, behaviour: Behaviour, signal: AbortSignal = new AbortController().signal): Promise<Trace> {
  const begun: string[] = []
  const ended = new Map<string, JobOutcome>()
  let workers = 0
  await runJobs({
    jobs,
    parallel,
    keepModels: false,
    signal,
    fork: () => {
      workers += 1
      return new FakeWorker(behaviour) as unknown as ChildProcess
    },
    observer: { onBegin: ({ name }) => begun.push(name), onStep: () => undefined, onEnd: ({ name }, outcome) => ended.set(name, outcome) },
  })
  return { begun, ended, workers }
}

const succeed: Behaviour = async (job) => {
  if (job.kind === "start") leaveStart(job.directory)
  return { kind: "done" }
}

test("a worker does one job after another, in order", async () => {
  const { begun, ended, workers } = await schedule(["a", "b", "c"].map((name) => runJob(name)), 1, succeed)
  expect(begun).toEqual(["a", "b", "c"])
  expect([...ended.values()]).toEqual([{ kind: "done" }, { kind: "done" }, { kind: "done" }])
  expect(workers).toBe(1)
})

test("runs wait for their start, and others need not wait with them", async () => {
  const start = startJob("slow-start")
  const slow: Behaviour = async (job, stopped) => {
    if (job.kind === "start") await later(30)
    return succeed(job, stopped)
  }
  const { begun } = await schedule([start, runJob("of-start", start), runJob("free")], 2, slow)
  expect(begun).toEqual(["slow-start", "free", "of-start"])
})

test("a run that fails is reported with its reason, and its worker goes on", async () => {
  const { ended, workers } = await schedule([runJob("bad"), runJob("good")], 1, async (job) => (job.directory.endsWith("bad") ? { kind: "failed", message: "NaN" } : { kind: "done" }))
  expect(ended.get("bad")).toEqual({ kind: "failed", reason: "NaN" })
  expect(ended.get("good")).toEqual({ kind: "done" })
  expect(workers).toBe(1)
})

test("a worker that dies is replaced, and its run is lost with the signal that it died of", async () => {
  const { ended, workers } = await schedule([runJob("bad"), runJob("good")], 1, async (job) => (job.directory.endsWith("bad") ? undefined : { kind: "done" }))
  expect(ended.get("bad")).toEqual({ kind: "lost", reason: "its worker process ended by SIGSEGV" })
  expect(ended.get("good")).toEqual({ kind: "done" })
  expect(workers).toBe(2)
})

test("a start that fails loses its runs and no others", async () => {
  const [broken, sound] = [startJob("broken"), startJob("sound")]
  const jobs = [broken, runJob("a", broken), runJob("b", broken), sound, runJob("c", sound)]
  const { ended } = await schedule(jobs, 2, async (job, stopped) => (job.directory.endsWith("broken") ? { kind: "failed", message: "loss is NaN" } : succeed(job, stopped)))
  expect(ended.get("a")).toEqual({ kind: "lost", reason: "broken: loss is NaN" })
  expect(ended.get("b")!.kind).toBe("lost")
  expect(ended.get("c")).toEqual({ kind: "done" })
})

test("a stop reaches the runs at work, and no other is begun", async () => {
  const stop = new AbortController()
  const start = startJob("waited-for")
  const untilStopped: Behaviour = async (_job, stopped) => {
    stop.abort()
    await stopped
    return { kind: "stopped" }
  }
  const { begun, ended } = await schedule([start, runJob("needs-start", start)], 2, untilStopped, stop.signal)
  expect(begun).toEqual(["waited-for"])
  expect(ended.get("waited-for")).toEqual({ kind: "stopped" })
  expect(ended.has("needs-start")).toBe(false)
})

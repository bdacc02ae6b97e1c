import { spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { isAlive, processStartTime } from "../living-process.ts"
import { packageVersion } from "../version.ts"
import { readJsonl } from "./jsonl-log.ts"
import { programsOf } from "./made-by.ts"
import { listRunFolders, readCompletions, readRun } from "./read-run.ts"
import type { MetricsLine } from "./records.ts"
import { createRunFolder, describeResume, resumeRunFolder } from "./run-folder.ts"
import type { RunFolder } from "./run-folder.ts"
import { acquireLock, readLock } from "./run-lock.ts"
import { summarizeRun } from "./summary.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-runs-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let runs = 0
function fresh(): string {
  return join(root, `run-${runs++}`)
}

const options = { configYaml: "seed: 1\n", keepCheckpoints: 2 }
const time = { at: "2026-01-01T00:00:00.000Z", seconds: 2 }

function line(step: number): MetricsLine {
  return { step, mu: step / 10, time }
}

async function step(folder: RunFolder, number: number, checkpoint: boolean): Promise<void> {
  folder.logMetrics(line(number))
  folder.logEvaluation({ step: number, size: 10, greedyAccuracy: number / 10, time })
  folder.logCompletions(number, [{ step: number, problem: "p", completion: "c", reward: 1 }])
  if (checkpoint) {
    await folder.checkpoints.write(number, (to) => writeFileSync(join(to, "state.json"), String(number)))
  }
}

function withStartTime(pid: number, startTime: string | null): string {
  return JSON.stringify({ pid, startTime, host: hostname(), since: "2026-01-01T00:00:00.000Z" })
}

describe("a new run", () => {
  test("starts in a folder where another was killed before it had a config", () => {
    const directory = fresh()
    mkdirSync(directory)
    writeFileSync(join(directory, ".config.yaml.123.tmp"), "see")
    createRunFolder(directory, options).close()
    expect(readRun(directory).configYaml).toBe(options.configYaml)
  })

  test("is empty until something is measured or saved", () => {
    const folder = createRunFolder(fresh(), options)
    folder.logEvent("alarm", "an event is no measurement")
    expect(folder.isEmpty).toBe(true)
    folder.logEvaluation({ step: 0, size: 10, greedyAccuracy: 0, time })
    expect(folder.isEmpty).toBe(false)
    folder.close()
  })

  test("is refused in a folder that holds a run, and in one that holds anything else", () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    expect(() => createRunFolder(directory, options)).toThrow(/holds a run\. Go on with it by --resume/)
    expect(() => createRunFolder(root, options)).toThrow(ConfigError)
    expect(existsSync(join(root, "lock.json"))).toBe(false)
  })

  test("can be read while it is written", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    await step(folder, 1, true)
    appendFileSync(join(directory, "metrics.jsonl"), '{"step":2,"m')
    const record = readRun(directory)
    expect(record).toMatchObject({ state: "running", configYaml: "seed: 1\n", metrics: [line(1)] })
    expect(record.checkpoints.map((checkpoint) => checkpoint.step)).toEqual([1])
    folder.close()
    expect(readRun(directory).state).toBe("stopped")
  })
})

describe("the state of a run that nobody holds", () => {
  const dead = withStartTime(process.pid, "another boot:1")

  test.each([
    ["crashed", "its lock is left and no last word", [["alarm", "entropy is low"]], true],
    ["stopped", "it was asked to, whether or not the lock is left", [["interrupt", "stopped after step 3"]], true],
    ["failed", "it wrote down an error", [["failure", "disk full"]], true],
    ["stopped", "it gave the lock back", [], false],
    ["crashed", "it was resumed and died again", [["interrupt", "stopped"], ["resume", "goes on"]], true],
  ] as const)("is %s when %s", (state, _why, events, lock) => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    for (const [kind, message] of events) folder.logEvent(kind, message)
    folder.close()
    if (lock) writeFileSync(join(directory, "lock.json"), dead)
    expect(readRun(directory).state).toBe(state)
  })
})

describe("the list of runs", () => {
  test("finds those of a comparison, and nothing inside a run or hidden", () => {
    const top = fresh()
    for (const path of ["plain", "compare/runs/pipo/seed-1", "compare/runs/base/seed-1", ".hidden/run", "plain/model"]) {
      mkdirSync(join(top, path), { recursive: true })
      writeFileSync(join(top, path, "config.yaml"), "")
    }
    const found = listRunFolders(top).map((folder) => relative(top, folder)).sort()
    expect(found).toEqual([join("compare", "runs", "base", "seed-1"), join("compare", "runs", "pipo", "seed-1"), "plain"])
  })
})

describe("resuming", () => {
  test("cuts every log back to the newest checkpoint and notes it", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    for (const number of [1, 2, 3, 4, 5]) await step(folder, number, number <= 3)
    folder.logEvent("alarm", "entropy is low", { step: 5 })
    folder.close()
    appendFileSync(join(directory, "metrics.jsonl"), '{"step":6,"mu')
    appendFileSync(join(directory, "events.jsonl"), '{"kind":"al')

    const { folder: again, from } = resumeRunFolder(directory, options)
    expect(from.checkpoint?.step).toBe(3)
    for (const number of [4, 5]) await step(again, number, false)
    again.close()

    const record = readRun(directory)
    expect(record.metrics).toEqual([1, 2, 3, 4, 5].map(line))
    expect(record.evaluations.map((evaluation) => evaluation.step)).toEqual([1, 2, 3, 4, 5])
    expect(readCompletions(directory).map((completion) => completion.step)).toEqual([1, 2, 3, 4, 5])
    expect(record.events.map((event) => event.kind)).toEqual(["start", "resume"])
    expect(record.events[1]!.message).toContain("resumes after step 3")
    expect(record.events[1]!.message).toContain("metrics.jsonl (2 lines and a half-written one)")
    expect(record.events[1]!.message).toContain("events.jsonl (1 line and a half-written one)")
    expect(record.events[1]!["cuts"]).toContainEqual({ file: "events.jsonl", lines: 1, halfWritten: true })
    expect(describeResume({ ...from, cuts: [{ file: "metrics.jsonl", lines: 0, halfWritten: true }] })).toMatch(/cut what lay after it: metrics\.jsonl \(a half-written line\)$/)
  })

  test("without a checkpoint starts again from the beginning", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    folder.logEvaluation({ step: 0, size: 10, greedyAccuracy: 0, time })
    folder.close()
    const { folder: again, from } = resumeRunFolder(directory, options)
    again.close()
    expect(from.checkpoint).toBeUndefined()
    expect(readRun(directory)).toMatchObject({ metrics: [], evaluations: [] })
  })

  test("with steps but without a checkpoint is refused: the logs are all that is left", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    await step(folder, 1, true)
    await step(folder, 2, false)
    folder.close()
    rmSync(join(directory, "checkpoints"), { recursive: true })
    expect(() => resumeRunFolder(directory, options)).toThrow(/its logs have 2 steps, and .*checkpoints is empty\. Put/)
    expect(readRun(directory).metrics).toEqual([line(1), line(2)])
    expect(readLock(directory)).toBeUndefined()
  })

  test("falls back to the checkpoint before a damaged one, and says so", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    await step(folder, 1, true)
    await step(folder, 2, true)
    folder.close()
    rmSync(join(directory, "checkpoints", "step-000002", "state.json"))
    const { folder: again, from } = resumeRunFolder(directory, options)
    again.close()
    expect(from.checkpoint?.step).toBe(1)
    expect(from.damaged.map((checkpoint) => checkpoint.step)).toEqual([2])
    expect(readRun(directory).metrics).toEqual([line(1)])
  })

  test("a finished run takes its summary away until it is finished again", async () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    await step(folder, 1, true)
    folder.writeSummary(summarizeRun(readRun(directory).metrics, readRun(directory).evaluations))
    folder.close()
    expect(readRun(directory)).toMatchObject({ state: "finished", summary: { steps: 1, final: 0.1 } })
    resumeRunFolder(directory, { ...options, configYaml: "seed: 1\ntrain: {steps: 9}\n" }).folder.close()
    const record = readRun(directory)
    expect(record).toMatchObject({ state: "stopped", summary: undefined })
    expect(record.configYaml).toContain("steps: 9")
  })

  test("is refused where there is no run", () => {
    expect(() => resumeRunFolder(fresh(), options)).toThrow(/expected the folder of a run to resume/)
    expect(() => readRun(fresh())).toThrow(DataError)
  })
})

describe("which program made a run", () => {
  const events = (directory: string): readonly Readonly<Record<string, unknown>>[] => readJsonl(join(directory, "events.jsonl")).records

  /** A run that another version, or one that did not log it, has left. */
  function leftBy(version: string | undefined): string {
    const directory = fresh()
    createRunFolder(directory, options).close()
    const path = join(directory, "events.jsonl")
    const { pirl: _pirl, ...event } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>
    writeFileSync(path, `${JSON.stringify({ ...event, ...(version === undefined ? {} : { pirl: version }) })}\n`)
    return directory
  }

  test("is logged at start and resume: the version as a field, Node and platform under time", () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    resumeRunFolder(directory, options).folder.close()
    for (const event of events(directory)) {
      expect(event).toMatchObject({ pirl: packageVersion(), time: { node: process.versions.node, platform: `${process.platform}-${process.arch}` } })
    }
    expect(programsOf(events(directory))).toEqual([`pirl ${packageVersion()} (Node ${process.versions.node}, ${process.platform}-${process.arch})`])
  })

  test("leaves two runs of one version equal but for the time", () => {
    const [first, second] = [fresh(), fresh()].map((directory) => {
      createRunFolder(directory, options).close()
      return events(directory).map(({ time: _time, ...rest }) => rest)
    })
    expect(first).toEqual([{ kind: "start", pirl: packageVersion(), message: "the run starts" }])
    expect(second).toEqual(first)
  })

  test("is said when another version goes on with it, once", () => {
    const directory = leftBy("0.0.1-old")
    resumeRunFolder(directory, options).folder.close()
    const { folder, from } = resumeRunFolder(directory, options)
    folder.close()
    expect(from.madeBy).toBe(packageVersion())
    const [, second, third] = events(directory).map(({ message }) => message)
    expect(second).toContain(`pirl 0.0.1-old made it so far, and pirl ${packageVersion()} goes on`)
    expect(third).not.toContain("goes on")
  })

  test("is unknown, and nothing is said of it, where an older version did not log it", () => {
    const directory = leftBy(undefined)
    expect(programsOf(events(directory))).toEqual([])
    const { folder, from } = resumeRunFolder(directory, options)
    folder.close()
    expect(from.madeBy).toBeUndefined()
    expect(events(directory)[1]!["message"]).not.toContain("pirl")
  })
})

describe("the lock", () => {
  test("keeps a second owner out, also in the same process, and leaves with the first", () => {
    const directory = fresh()
    const folder = createRunFolder(directory, options)
    expect(() => resumeRunFolder(directory, options)).toThrow(new RegExp(`in use by process ${process.pid}`))
    folder.close()
    expect(readLock(directory)).toBeUndefined()
    resumeRunFolder(directory, options).folder.close()
  })

  test("of a living process holds, of a killed one does not", async () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"])
    await once(child, "spawn")
    const pid = child.pid!
    writeFileSync(join(directory, "lock.json"), withStartTime(pid, processStartTime(pid)))
    expect(readRun(directory).state).toBe("running")
    expect(() => acquireLock(directory)).toThrow(ConfigError)
    child.kill("SIGKILL")
    await once(child, "exit")
    expect(readRun(directory).state).toBe("crashed")
    const lock = acquireLock(directory)
    expect(readLock(directory)?.pid).toBe(process.pid)
    lock.release()
    expect(readdirSync(directory).filter((name) => name.startsWith("lock"))).toEqual([])
  })

  test.skipIf(process.platform !== "linux")("of a killed process that nobody has buried does not hold", async () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    // A parent that never asks for the end of its child: the child stays, as a zombie.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] })
    const [line] = (await once(parent.stdout, "data")) as [Buffer]
    const pid = Number(line.toString())
    expect(isAlive(pid)).toBe(true)
    writeFileSync(join(directory, "lock.json"), withStartTime(pid, processStartTime(pid)))
    expect(() => acquireLock(directory)).toThrow(ConfigError)
    process.kill(pid, "SIGKILL")
    const isZombie = (): boolean => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
    while (!isZombie()) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(processStartTime(pid)).not.toBeNull()
    expect(readRun(directory).state).toBe("crashed")
    acquireLock(directory).release()
    parent.kill("SIGKILL")
  })

  test.skipIf(process.platform !== "linux")("of a process whose pid was given to another is stale", () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    writeFileSync(join(directory, "lock.json"), withStartTime(process.pid, "another-boot:1"))
    acquireLock(directory).release()
  })

  test("cut short by a crash is stale, of another machine is not", () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    writeFileSync(join(directory, "lock.json"), '{"pid": 1')
    acquireLock(directory).release()
    const remote = { pid: 1, startTime: null, host: "elsewhere", since: "" }
    writeFileSync(join(directory, "lock.json"), JSON.stringify(remote))
    expect(() => acquireLock(directory)).toThrow("elsewhere")
  })

  test("that was taken over is not removed by its former owner", () => {
    const directory = fresh()
    createRunFolder(directory, options).close()
    const lock = acquireLock(directory)
    const other = withStartTime(1, "x")
    writeFileSync(join(directory, "lock.json"), other)
    lock.release()
    expect(readFileSync(join(directory, "lock.json"), "utf8")).toBe(other)
  })
})

describe("a list of runs", () => {
  test("holds the folders that are runs, and a run alone when it is asked for", () => {
    const parent = mkdtempSync(join(root, "many-"))
    for (const name of ["a", "b"]) createRunFolder(join(parent, name), options).close()
    writeFileSync(join(parent, "notes.txt"), "")
    expect(listRunFolders(parent).sort()).toEqual([join(parent, "a"), join(parent, "b")])
    expect(listRunFolders(join(parent, "a"))).toEqual([join(parent, "a")])
    expect(listRunFolders(join(parent, "none"))).toEqual([])
    expect(listRunFolders(join(parent, "a", "config.yaml"))).toEqual([])
  })
})

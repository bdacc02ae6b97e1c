import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import type { ProcessOptions } from "../dashboard/index.ts"
import { runId } from "../dashboard/index.ts"
import { CheckpointError, ConfigError } from "../errors.ts"
import { summarizeRun } from "../runs/index.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import type { CapturedContext } from "./cli.test-helper.ts"
import { trainCommand } from "./train.ts"
import type { TrainBackend } from "./train.ts"
import type { StartPage } from "./train-page.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-page-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = join(folder, "tiny.yaml")
writeFileSync(config, "model: {preset: nano}\ntask: {name: add2}\ntrain: {steps: 2}\npipo: {enabled: false}\n")

let directories = 0
const fresh = (): string => join(folder, `run-${directories++}`)

/** Steps without a model; `afterStep` may interrupt or break it. */
function backend(afterStep: (step: number) => void = () => undefined): TrainBackend {
  return {
    checks: [],
    plan: () => Promise.resolve({ rows: [], warnings: [] }),
    async train({ config, observer, stopRequested, folder }) {
      let step = 0
      while (step < config.train.steps && !stopRequested()) {
        const line = { step: ++step, mu: 0, time: { at: "", seconds: 1 } }
        folder.logMetrics(line)
        observer.onStep(line, { stop: () => undefined })
        await Promise.resolve()
        afterStep(step)
      }
      return { finished: step === config.train.steps, step, summary: summarizeRun([], []) }
    },
  }
}

/** Stands for the server's process, and tells what became of it. */
class FakePage {
  readonly started: ProcessOptions[] = []
  closed = 0
  end: (reason: string | undefined) => void = () => undefined

  readonly start: StartPage = (options) => {
    this.started.push(options)
    const ended = new Promise<string | undefined>((resolve) => (this.end = resolve))
    const close = (): Promise<void> => {
      this.closed += 1
      this.end(undefined)
      return Promise.resolve()
    }
    return Promise.resolve({ url: "http://127.0.0.1:4747/", port: 4747, takenPort: undefined, ended, close })
  }
}

async function pirl(trainer: TrainBackend, start: StartPage, argv: readonly string[], context: CapturedContext = captured()): Promise<{ code: number; out: string; err: string }> {
  const table = [{ name: "train", summary: "", load: () => Promise.resolve(trainCommand(trainer, start)) }]
  const code = await runCli(["train", config, ...argv], context, table)
  return { code, out: context.stdout(), err: context.stderr() }
}

describe("pirl train --watch", () => {
  test("prints the link to its run before the first step, and ends the page when nobody sits at a terminal", async () => {
    const [page, directory] = [new FakePage(), fresh()]
    const { code, out, err } = await pirl(backend(), page.start, [
      "--run-dir",
      directory,
      "--watch",
      "--no-open",
      "--port",
      "0",
    ])
    expect(code).toBe(0)
    expect(page.started).toEqual([{ roots: [directory], port: 0 }])
    expect(err).toMatch(
      new RegExp(`^watching ${directory} at http://127.0.0.1:4747/#curves/${runId(directory)}\nstep 1/2`, "m"),
    )
    expect(out).toMatch(new RegExp(`\nThe page has ended; \`pirl watch ${directory}\` shows the run again\\.\n$`))
    expect(page.closed).toBe(1)
  })

  test("with --json keeps the standard output to the steps alone", async () => {
    const { out, err } = await pirl(backend(), new FakePage().start, ["--run-dir", fresh(), "--watch", "--no-open", "--json"])
    expect(out.trimEnd().split("\n").map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2])
    expect(err).toContain("at http://127.0.0.1:4747/#curves/")
    expect(err).toContain("The page has ended")
  })

  test("on a terminal keeps the page after the last step, until Ctrl-C", async () => {
    const [page, context] = [new FakePage(), captured(120)]
    const running = pirl(backend(), page.start, ["--run-dir", fresh(), "--watch", "--no-open"], context)
    await expect.poll(() => context.stdout()).toContain("until Ctrl-C")
    expect([page.closed, context.stdout()]).toEqual([0, expect.stringContaining("run folder")])
    process.emit("SIGINT")
    expect((await running).code).toBe(0)
    expect(page.closed).toBe(1)
    expect(process.listenerCount("SIGINT")).toBe(0)
  })

  test("on a terminal does not wait for a page that has ended by itself, and says that it has", async () => {
    const [page, context] = [new FakePage(), captured(120)]
    const killed = backend((step) => step === 1 && page.end("SIGKILL"))
    const { code, err } = await pirl(killed, page.start, ["--run-dir", fresh(), "--watch", "--no-open"], context)
    expect([code, err]).toEqual([0, expect.stringContaining("warning: the page ended by itself (SIGKILL)")])
  })

  test("ends the page when Ctrl-C ends the training, at a terminal too", async () => {
    const page = new FakePage()
    const interrupting = backend((step) => step === 1 && process.emit("SIGINT"))
    const { code } = await pirl(interrupting, page.start, ["--run-dir", fresh(), "--watch", "--no-open"], captured(120))
    expect([code, page.closed]).toEqual([130, 1])
  })

  test("ends the page when the training fails or cannot begin, and speaks of no run that is not there", async () => {
    const [page, directory] = [new FakePage(), fresh()]
    const unusable: TrainBackend = { ...backend(), train: () => Promise.reject(new CheckpointError("model: expected weights, got none.")) }
    const { code, out } = await pirl(unusable, page.start, ["--run-dir", directory, "--watch", "--no-open"])
    expect([code, page.closed, existsSync(directory)]).toEqual([1, 1, false])
    expect(out).not.toContain("shows the run again")
  })

  test("that gets no port makes no folder and trains nothing", async () => {
    const directory = fresh()
    const taken: StartPage = () => Promise.reject(new ConfigError([{ path: "", message: "dashboard: port 80, which is in use" }]))
    const { code, out, err } = await pirl(backend(), taken, ["--run-dir", directory, "--watch"])
    expect([code, out, err]).toEqual([2, "", "pirl: dashboard: port 80, which is in use\n"])
    expect(existsSync(directory)).toBe(false)
  })

  test("names every option that makes no sense, before anything is started", async () => {
    const page = new FakePage()
    const { code, err } = await pirl(backend(), page.start, ["--port", "70000", "--no-open"])
    expect([code, page.started]).toEqual([2, []])
    for (const part of ["--port from 0 to 65535, got 70000", "--port beside --watch", "--no-open beside --watch"]) expect(err).toContain(part)
    expect((await pirl(backend(), page.start, ["--watch", "--dry-run"])).err).toContain("A dry run has nothing to watch")
  })
})

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError, NumericsError } from "../errors.ts"
import { readRun, summarizeRun } from "../runs/index.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import { lastRunDirectory, newDirectory } from "./run-directory.ts"
import { trainCommand } from "./train.ts"
import type { TrainResult } from "../trainer/train.ts"
import type { TrainBackend, TrainRequest } from "./train.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-train-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = join(folder, "tiny.yaml")
writeFileSync(
  config,
  "model: {preset: nano}\ntask: {name: add2}\ntrain: {steps: 3}\npipo: {enabled: false}\n",
)

let directories = 0
function fresh(): string {
  return join(folder, `run-${directories++}`)
}

/** Logs and saves as a trainer does, without a model; `afterStep` may interrupt or break it. */
function backend(afterStep: (step: number) => void = () => undefined): TrainBackend {
  const train = async ({ config, folder, resume, observer, stopRequested }: TrainRequest): Promise<TrainResult> => {
    let step = resume?.checkpoint?.step ?? 0
    while (step < config.train.steps && !stopRequested()) {
      step++
      const line = { step, mu: step / 10, time: { at: "", seconds: 1 } }
      folder.logMetrics(line)
      observer.onStep(line, { stop: () => undefined })
      await folder.checkpoints.write(step, (to) => writeFileSync(join(to, "state.json"), "{}"))
      afterStep(step)
    }
    const summary = summarizeRun(readRun(folder.directory).metrics, [])
    const finished = step === config.train.steps
    if (finished) folder.writeSummary(summary)
    return { finished, step, summary }
  }
  return {
    checks: [
      ({ task }) => (task.name === "add2" ? [] : [{ path: "task.name", message: "expected add2, got another." }]),
    ],
    plan: () => Promise.resolve({ rows: [["parameters", "340k"]], warnings: ["it is large"] }),
    train,
  }
}

async function pirl(trainer: TrainBackend, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const context = captured()
  const table = [{ name: "train", summary: "", load: () => Promise.resolve(trainCommand(trainer)) }]
  const code = await runCli(["train", ...argv], context, table)
  return { code, out: context.stdout(), err: context.stderr() }
}

describe("pirl train", () => {
  test("shows each step and the summary, and leaves a finished run", async () => {
    const directory = fresh()
    const { code, out, err } = await pirl(backend(), config, "--run-dir", directory)
    expect(code).toBe(0)
    expect(err).toMatch(/^step 1\/3 {2}reward 0\.100/m)
    expect(out).toMatch(/^ {2}run folder +\S+run-/m)
    expect(out).not.toContain("step 1/3")
    expect(out).toContain(
      "Prompts of add2: two-digit addition, prompt abcd=, response exactly the three digits of ab + cd; 7172= asks for 143.\n",
    )
    expect(out).toContain(`Next:\n  pirl sample ${directory} --problems 8 `)
    expect(out).toContain(`\n  pirl watch ${directory} `)
    expect(out).toContain(`\n  pirl report ${directory} --out report.html `)
    expect(readRun(directory)).toMatchObject({ state: "finished", summary: { steps: 3 } })
  })

  test("with --json writes one object per step to the standard output and nothing else", async () => {
    const argv = [config, "--run-dir", fresh(), "--json", "--set", "pipo.enabled=true"]
    const { code, out, err } = await pirl(backend(), ...argv)
    expect(code).toBe(0)
    const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line) as { step: number })
    expect(lines.map((line) => line.step)).toEqual([1, 2, 3])
    expect(err).toContain("warning: pipo.minSteps")
    expect(err).toContain("run folder")
  })

  test("reports the problems of the config and of the layers below at once, and makes no folder", async () => {
    const directory = fresh()
    const broken = ["--set", "task.name=add3", "--set", "rollout.groupSize=1", "--set", "seed=x"]
    const { code, err } = await pirl(backend(), config, "--run-dir", directory, ...broken)
    expect(code).toBe(2)
    expect(err).toMatch(/^pirl: 3 problems, nothing was started:/)
    expect(err).toContain("  task.name: expected add2")
    expect(err).toContain("  rollout.groupSize: ")
    expect(err).toContain("  seed: ")
    expect(existsSync(directory)).toBe(false)
  })

  test("on a dry run shows the resolved config and sizes, and makes no folder", async () => {
    const directory = fresh()
    const dry = await pirl(backend(), config, "--run-dir", directory, "--dry-run", "--steps", "7")
    expect(dry.code).toBe(0)
    expect(dry.out).toContain("steps: 7")
    expect(dry.out).toMatch(/parameters +340k/)
    expect(dry.err).toContain("warning: it is large\n")
    const json = await pirl(backend(), config, "--dry-run", "--json")
    expect(JSON.parse(json.out)).toMatchObject({ config: { seed: 1 }, plan: { parameters: "340k" }, warnings: ["it is large"] })
    expect(existsSync(directory)).toBe(false)
  })

  test("the command to go on that is printed after --set and --steps makes the run that was asked for", async () => {
    const directory = fresh()
    const interrupting = backend((step) => {
      if (step === 1) process.emit("SIGINT")
    })
    const changes = ["--set", "rollout.groupSize=3", "--set", "seed=9", "--steps", "2"]
    const { err } = await pirl(interrupting, config, "--run-dir", directory, ...changes)
    const printed = /Go on with: pirl train (.*)$/m.exec(err)![1]!
    const second = await pirl(backend(), ...printed.split(" "))
    expect([second.code, second.err]).toEqual([0, expect.not.stringContaining("pirl:")])
    expect(readRun(directory).metrics.map((line) => line.step)).toEqual([1, 2])
    expect(readFileSync(join(directory, "config.yaml"), "utf8")).toMatch(/^seed: 9$/m)
  })

  test.each([
    [
      "a folder that is not there",
      () => fresh(),
      /expected the folder of a run to resume, got .*, which is not there\. Check the path, or leave --resume out/,
    ],
    ["a folder without a run", () => mkdtempSync(join(folder, "empty-")), /which holds none \(no config\.yaml\)/],
  ])("--resume of %s says that there is no run", async (_, directory, message) => {
    for (const argv of [[config], []]) {
      const { code, err } = await pirl(backend(), ...argv, "--resume", "--run-dir", directory())
      expect(code).toBe(2)
      expect(err).toMatch(message)
    }
  })

  test.runIf(existsSync("/proc/self"))("a run folder in /proc is refused", async () => {
    for (const directory of ["/proc/pirl-run", "/proc/self"]) {
      const { code, err } = await pirl(backend(), config, "--run-dir", directory)
      expect(code).toBe(2)
      expect(err).toMatch(/train\.runDir: expected a folder that .*\/proc\/.*Choose another/)
    }
  })

  test("after Ctrl-C says how to go on and exits with 130; the resumed run makes every step once", async () => {
    const directory = fresh()
    const interrupting = backend((step) => {
      if (step === 2) process.emit("SIGINT")
    })
    const first = await pirl(interrupting, config, "--run-dir", directory)
    expect(first.code).toBe(130)
    expect(first.err).toContain("stopping; Ctrl-C again stops at once")
    expect(first.err).toContain(`Go on with: pirl train --resume --run-dir ${directory}`)
    expect(readRun(directory).state).toBe("stopped")
    const second = await pirl(backend(), "--resume", "--run-dir", directory, "--steps", "4")
    expect(second.code).toBe(0)
    expect(second.err).toContain("the run resumes after step 2")
    expect(readRun(directory).metrics.map((line) => line.step)).toEqual([1, 2, 3, 4])
    expect(readFileSync(join(directory, "config.yaml"), "utf8")).toContain("steps: 4")
  })

  test("refuses to resume with what the first part was not trained with", async () => {
    const directory = fresh()
    await pirl(backend(), config, "--run-dir", directory)
    const { code, err } = await pirl(backend(), config, "--resume", "--run-dir", directory, "--set", "seed=2")
    expect(code).toBe(2)
    expect(err).toContain("seed: expected 1 as in the run that is resumed, got 2")
    expect(readRun(directory).state).toBe("finished")
  })

  test("that fails says why in the run folder too, and gives the folder free", async () => {
    const directory = fresh()
    const failing = backend((step) => {
      if (step === 2) throw new NumericsError("trainer: expected finite gradients, got NaN three times.")
    })
    const { code, err } = await pirl(failing, config, "--run-dir", directory)
    expect(code).toBe(1)
    expect(err).toMatch(/\npirl: trainer: expected finite gradients, got NaN three times\.\n$/)
    expect(readRun(directory)).toMatchObject({ state: "failed" })
    expect((await pirl(backend(), config, "--resume", "--run-dir", directory)).code).toBe(0)
  })

  test("that cannot begin leaves no folder behind, so that the corrected config finds it free", async () => {
    const directory = fresh()
    const unusable: TrainBackend = {
      ...backend(),
      train: () => Promise.reject(new CheckpointError("model.safetensors: expected 8 bytes, got 4. Copy it again.")),
    }
    expect((await pirl(unusable, config, "--run-dir", directory)).code).toBe(1)
    expect(existsSync(directory)).toBe(false)
  })

  test("without a config says how to get one", async () => {
    expect((await pirl(backend())).err).toContain("`pirl init`")
    expect((await pirl(backend(), "--resume")).err).toContain("--run-dir DIR")
    expect((await pirl(backend(), "--resume", "--run-dir", join(folder, "none"))).err).toContain(
      "none, which is not there. Check the path, or leave --resume out",
    )
    expect((await pirl(backend(), join(folder, "none.yaml"))).code).toBe(2)
  })
})

describe("the run folder", () => {
  test("of a config is the first that is free, and --resume takes the last", async () => {
    const root = join(folder, "named")
    expect(newDirectory("a/tiny.yaml", root)).toBe(join(root, "tiny"))
    expect(() => lastRunDirectory("a/tiny.yaml", root)).toThrow("--run-dir DIR")
    for (const name of ["tiny", "tiny-2", "tiny-10", "tiny-other"]) {
      await pirl(backend(), config, "--run-dir", join(root, name))
    }
    expect(newDirectory("a/tiny.yaml", root)).toBe(join(root, "tiny-3"))
    expect(lastRunDirectory("a/tiny.yaml", root)).toBe(join(root, "tiny-10"))
  })
})

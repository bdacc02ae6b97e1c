import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { mul, neg } from "../graph/index.ts"
import type { Objective } from "../objectives/index.ts"
import { readRun, type MetricsLine } from "../runs/index.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-train-run-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const config: ConfigInput = {
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 8 },
  rollout: { promptsPerStep: 4, groupSize: 2, maxResponseTokens: 4 },
  pipo: { minSteps: 1 },
  train: { steps: 3 },
  checkpoint: { every: 1 },
  evaluation: { every: 100, expected: false },
}

function steps(directory: string): unknown[] {
  return readRun(directory).metrics.map(({ time: _time, ...line }) => line)
}

/** Rewards that say nothing but differ, so that every part of the rules has something to do. */
const noisy: ConfigInput = { ...config, rollout: { ...config.rollout, rewardNoise: 0.5 }, train: { steps: 6 }, pipo: { minSteps: 2 } }

/** The rule, and what shows that it did more than the base. */
const presets: readonly [string, ConfigInput, (line: MetricsLine) => boolean][] = [
  ["PIPO", noisy, (line) => line["gate"] === "reinforce" || line["gate"] === "suppress"],
  // So small a threshold that the run goes back to its best policy.
  ["the step size steered", { ...noisy, pipo: { preset: "verified" }, steering: { returns: true, dropThreshold: 1e-6 }, optimizer: { epochs: 2 } }, (line) => line["stepCut"] === true],
  ["a random signal", { ...noisy, pipo: { minSteps: 2, signal: "random" } }, (line) => line["gate"] === "reinforce" || line["gate"] === "suppress"],
]

test.each(presets)("a run with %s that is stopped before the rule first acts and resumed has the numbers of the uninterrupted one", async (name, config, acts) => {
  const [whole, parts] = [join(temporary, `${name} whole`), join(temporary, `${name} parts`)]
  await trainRun({ config, runDirectory: whole })
  const acted = readRun(whole).metrics.find(acts)!.step
  expect(acted).toBeGreaterThan(1)
  const stop = new AbortController()
  const first = await trainRun({ config, runDirectory: parts, signal: stop.signal, observer: { onStep: ({ step }) => void (step === acted - 1 && stop.abort()) } })
  expect([first.finished, first.step]).toEqual([false, acted - 1])
  expect(readRun(parts).state).toBe("stopped")
  const notes: string[] = []
  const second = await trainRun({ config, runDirectory: parts, resume: true, observer: { onNote: (text) => void notes.push(text) } })
  expect([second.finished, second.step]).toEqual([true, 6])
  expect(steps(parts)).toEqual(steps(whole))
  expect(notes[0]).toContain(`the run resumes after step ${acted - 1}`)
})

test("a run of a version without a warm-up goes on without one, from the same config file", async () => {
  const file: ConfigInput = { ...noisy, train: { steps: 8 } }
  const asThen: ConfigInput = { ...file, optimizer: { warmupSteps: 0 }, pipo: { ...noisy.pipo, duringWarmup: "judge" } }
  const [whole, parts] = [join(temporary, "old whole"), join(temporary, "old parts")]
  await trainRun({ config: asThen, runDirectory: whole })
  const stop = new AbortController()
  await trainRun({ config: asThen, runDirectory: parts, signal: stop.signal, observer: { onStep: ({ step }) => void (step === 1 && stop.abort()) } })
  const saved = join(parts, "config.yaml")
  const text = readFileSync(saved, "utf8")
  writeFileSync(saved, text.replace(/^ +(?:warmupSteps: 0|duringWarmup: judge)\n/gm, ""))
  expect(readFileSync(saved, "utf8").length).toBeLessThan(text.length - 30)
  const resumed = await trainRun({ config: file, runDirectory: parts, resume: true })
  expect([resumed.finished, resumed.step]).toEqual([true, 8])
  expect(steps(parts)).toEqual(steps(whole))
  expect(readRun(whole).metrics[2]!["skipReason"]).not.toBe("warm-up")
})

test("the rate rises to the step that the run's length says, and is saved with the run", async () => {
  const directory = join(temporary, "warm-up")
  await trainRun({ config: { ...noisy, train: { steps: 8 }, optimizer: { learningRate: 1e-4 } }, runDirectory: directory })
  expect(readRun(directory).metrics.map(({ learningRate }) => learningRate)).toEqual([5e-5, ...Array<number>(7).fill(1e-4)])
  expect(readRun(directory).metrics[0]!["skipReason"]).toBe("warm-up")
  expect(readFileSync(join(directory, "config.yaml"), "utf8")).toContain("warmupSteps: 2\n")
})

test("a checkpoint holds the previous policy of rules that compare with it, and the best where a run returns to it", async () => {
  const others = async (name: string, pipo: ConfigInput["pipo"], returns: boolean): Promise<string[]> => {
    const runDirectory = join(temporary, name)
    await trainRun({ config: { ...config, pipo: pipo!, steering: { returns }, train: { steps: 1 } }, runDirectory })
    const entries = readdirSync(join(runDirectory, "checkpoints", "step-000001"), { recursive: true, encoding: "utf8" })
    return entries.filter((entry) => /^(?:best|previous).model\.safetensors$/.test(entry)).map((entry) => entry.split(/[\\/]/)[0]!).sort()
  }
  expect(await others("steered", { preset: "verified" }, false)).toEqual(["previous"])
  expect(await others("returning", { preset: "verified" }, true)).toEqual(["best", "previous"])
  expect(await others("gated", { minSteps: 1 }, true)).toEqual([])
})

test("an objective of one's own is what the run descends on", async () => {
  const constant: Objective = {
    name: "nothing",
    key: "nothing",
    needs: [],
    constants: {},
    build: ({ logprobs_BT }) => ({ loss_BT: neg(mul(logprobs_BT, 0)), statistics: { logprob: logprobs_BT } }),
  }
  const directory = join(temporary, "objective")
  await trainRun({ config: { ...config, train: { steps: 1 } }, runDirectory: directory, objective: constant })
  const [line] = readRun(directory).metrics
  expect([line!["loss"], line!["gradientNorm"]].map((value) => Math.abs(Number(value)))).toEqual([0, 0])
  expect(line!["logprob"]).toBeLessThan(0)
})

test("a config that is wrong is refused with all its problems, and leaves no run folder", async () => {
  const wrong = { ...config, objective: { name: "grop" }, task: { name: "add3" } }
  const directory = join(temporary, "wrong")
  const failure: unknown = await trainRun({ config: wrong, runDirectory: directory }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ConfigError)
  expect((failure as ConfigError).issues.map(({ path }) => path).sort()).toEqual(["objective.name", "task.name"])
  expect(() => readRun(directory)).toThrow("expected the folder of a run")
})

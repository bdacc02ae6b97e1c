import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { indexedTask } from "../data/procedural-task.ts"
import { MOST_LOGPROB_MISMATCH, readRun, type MetricsLine } from "../runs/index.ts"
import { functionVerifier } from "../verifiers/combine/function.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-int8-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** Rewards what an untrained model says half of the time: a first character below 5. */
const task = indexedTask({
  name: "low",
  seed: 1,
  heldOutSize: 4,
  size: 100,
  problemAt: (index) => ({ id: `low/${index}`, prompt: `${String(index).padStart(2, "0")}=`, gold: "1" }),
  verifier: functionVerifier("low", ({ completion }) => Number(completion.length > 0 && completion[0]! < "5")),
  alphabet: "0123456789=",
  maxPromptCharacters: 3,
  maxResponseCharacters: 3,
})

const base: ConfigInput = {
  seed: 4,
  model: { preset: "nano" },
  rollout: { promptsPerStep: 8, groupSize: 2, maxResponseTokens: 3, precision: "int8" },
  pipo: { preset: "verified" },
  optimizer: { learningRate: 1e-3, warmupSteps: 0 },
  train: { steps: 5 },
  evaluation: { every: 5, size: 2, expected: false },
  checkpoint: { every: 1 },
  engine: { threads: 1 },
}
let runs = 0

async function run(
  change: ConfigInput = {},
  runDirectory: string = join(temporary, `run-${runs++}`),
  resume = false,
): Promise<readonly MetricsLine[]> {
  await trainRun({ config: { ...base, ...change }, task, runDirectory, resume })
  return readRun(runDirectory).metrics
}

function comparable(lines: readonly MetricsLine[]): unknown[] {
  return lines.map(({ time: _time, ...line }) => line)
}

test("rollouts in eight bits are corrected against the trainer, whose log-probs both sides of the paired improvement are", async () => {
  const lines = await run()
  for (const line of lines) {
    // The ratios are against the trainer's own log-probs: sampler and trainer do not drift apart there.
    expect(line.logprobMismatch ?? 0).toBeLessThan(MOST_LOGPROB_MISMATCH)
    if (line["zeroVarianceShare"] === 1) continue
    expect(line["samplerMismatch"]).toBeGreaterThan(1e-6)
    expect(line["samplerMismatch"]).toBeLessThan(0.5)
    expect(line["importanceWeight"]).toBeCloseTo(1, 1)
  }
  // Of a policy that moved; one that did not move has none, whatever the sampler computes in.
  expect(lines.some((line) => Number(line["stepKl"]) > 0)).toBe(true)
  const still = await run({ optimizer: { learningRate: 1e-12, warmupSteps: 0 } })
  for (const line of still.slice(1)) expect(Math.abs(Number(line["stepKl"]))).toBeLessThan(1e-9)
})

test("leaving out what has no advantage changes no number but by rounding", async () => {
  const train = { steps: 1 }
  const [left, all] = [await run({ train }), await run({ train: { ...train, skipWithoutAdvantage: "never" } })]
  expect(left[0]!["skippedSequences"]).toBeGreaterThan(0)
  expect(left[0]!["loss"]).toBeCloseTo(Number(all[0]!["loss"]), 5)
  expect(left[0]!["gradientNorm"]).toBeCloseTo(Number(all[0]!["gradientNorm"]), 4)
})

test("a run that is stopped and resumed has the numbers of the uninterrupted one", async () => {
  const whole = await run()
  const directory = join(temporary, "resumed")
  const stop = new AbortController()
  await trainRun({
    config: base,
    task,
    runDirectory: directory,
    signal: stop.signal,
    observer: { onStep: ({ step }) => step === 2 && stop.abort() },
  })
  expect(readRun(directory).metrics).toHaveLength(2)
  expect(comparable(await run({}, directory, true))).toEqual(comparable(whole))
})

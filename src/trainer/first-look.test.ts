import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { configToYaml, parseConfig, type ConfigInput } from "../config/index.ts"
import { OnnxEngine } from "../engine/onnx/onnx-engine.ts"
import { fixedKlController } from "../objectives/index.ts"
import { createRunFolder, readRun, type RunEvent } from "../runs/index.ts"
import { takeFirstLook } from "./first-look.ts"
import { iterate, type Iteration } from "./iteration.ts"
import { KeptPolicy } from "./kept-policy.ts"
import { openPolicy } from "./open-policy.ts"
import { runParts } from "./run-parts.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-first-look-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** Rewards that say nothing but differ. */
const config: ConfigInput = {
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 8 },
  rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4, rewardNoise: 0.5 },
  pipo: { enabled: false },
  train: { steps: 3 },
  checkpoint: { every: 1 },
  evaluation: { every: 2, expected: false },
  engine: { threads: 1 },
}

async function notesOf(name: string, change: ConfigInput, more: Partial<Parameters<typeof trainRun>[0]> = {}): Promise<{ readonly notes: string[]; readonly events: readonly RunEvent[] }> {
  const notes: string[] = []
  const runDirectory = join(temporary, name)
  await trainRun({ config: { ...config, ...change }, runDirectory, ...more, observer: { onNote: (text) => void notes.push(text), ...more.observer } })
  return { notes, events: readRun(runDirectory).events }
}

test("before the first update a run says where it starts, whether there is a signal, what it needs of memory and time", async () => {
  const { notes, events } = await notesOf("start", {})
  const look = notes.find((text) => text.startsWith("before the first update:"))
  expect(look).toMatch(/^ {2}accuracy: \d+\.\d % greedy \(8 held-out problems, 95 %: \d+\.\d to \d+\.\d\)$/m)
  expect(look).toMatch(/^ {2}rewards: \d+ of 16 responses rewarded, 0\.\d{3} on average; [1-4] of 4 groups with a signal/m)
  expect(look).toMatch(/^ {2}responses: \d\.\d tokens on average, \d+ of 16 cut off$/m)
  expect(look).toMatch(/^ {2}memory: about \d+ MiB needed, [\d.]+ [MGT]iB free$/m)
  expect(look).toMatch(/^ {2}a step: about [\d.]+s \(sampling \d+\.\ds, training [\d.]+s\)$/m)
  expect(look).toMatch(/^ {2}the run: 3 steps and 3 evaluations about \d+s/m)
  const event = events.find(({ kind }) => kind === "first-look")!
  expect(event).toMatchObject({ step: 1, responses: 16, groups: 4 })
  // What differs from machine to machine is under time.
  expect(Object.keys(event).filter((key) => /second|available/i.test(key))).toEqual([])
  expect(event.time).toMatchObject({ sampleSeconds: expect.any(Number) as number, run: { steps: 3, evaluations: 3 } })
  expect(events.some(({ kind }) => kind === "alarm")).toBe(false)
})

test("when nothing is rewarded it says so at once, with two responses and what may help, and logs an alarm", async () => {
  const { notes, events } = await notesOf("nothing", { rollout: { ...config.rollout, rewardNoise: 0 }, train: { steps: 1 } })
  const warning = notes.find((text) => /^warning: (?:16|none) of 16 responses/.test(text))
  expect(warning!.match(/the response "/g)).toHaveLength(2)
  expect(warning).toContain("What may help:")
  expect(warning).toContain("a warm start on solutions (warmStart.enabled: true)")
  expect(events.find(({ kind }) => kind === "alarm")).toMatchObject({ step: 1, alarm: "nothing-rewarded" })
})

/** Metrics and responses without the clock's part, and the weights in the end. */
async function numbersOf(look: boolean, change: ConfigInput): Promise<{ readonly iterations: unknown[]; readonly weights: Map<string, Float32Array>; readonly looks: number }> {
  const parsed = parseConfig({ ...config, ...change })
  const policy = await openPolicy(parsed)
  const folder = createRunFolder(mkdtempSync(join(temporary, "numbers-")), { configYaml: configToYaml(parsed), keepCheckpoints: 1 })
  const { engine } = policy
  try {
    if (!(engine instanceof OnnxEngine)) throw new Error("an embedded engine was expected")
    const parts = runParts({ ...policy, config: parsed })
    const state = { reference: undefined, previous: undefined, best: new KeptPolicy(engine, "best"), kl: fixedKlController(0) }
    const iterations: Iteration[] = []
    let looks = 0
    const onNote = (): void => void (looks += 1)
    for (const step of [1, 2]) {
      const beforeUpdate =
        look && step === 1
          ? async (planned: Parameters<typeof takeFirstLook>[1]): Promise<void> =>
              void (await takeFirstLook({ parts, folder, memory: undefined, idleGpus: [], onNote }, planned))
          : undefined
      iterations.push(await iterate(parts, step, state, beforeUpdate))
    }
    const bare = iterations.map(({ metrics: { time: _time, ...metrics }, completions }) => ({ metrics, completions }))
    return { iterations: bare, weights: await engine.weights(), looks }
  } finally {
    folder.close()
    await engine.close()
  }
}

// The second draws tokens at random for its constants; the third has several optimiser steps to a plan.
test.each<[string, ConfigInput]>([
  ["grpo", {}],
  ["an objective that draws random numbers", { objective: { name: "clip-cov", covarianceShare: 0.5 } }],
  ["several mini-batches and epochs", { optimizer: { miniBatches: 2, epochs: 2 } }],
])("a run with %s is bit for bit the one without a look", async (_title, change) => {
  const [without, looked] = [await numbersOf(false, change), await numbersOf(true, change)]
  expect([without.looks, looked.looks > 0]).toEqual([0, true])
  expect(looked.iterations).toEqual(without.iterations)
  expect(looked.weights).toEqual(without.weights)
})

test("a run resumed after its first step does not look again; one that was stopped before does then", async () => {
  const looksIn = (events: readonly RunEvent[]): number => events.filter(({ kind }) => kind === "first-look").length
  const stop = new AbortController()
  await notesOf("resumed", {}, { signal: stop.signal, observer: { onStep: () => stop.abort() } })
  const resumed = await notesOf("resumed", {}, { resume: true })
  expect(resumed.notes.some((text) => text.startsWith("before the first update"))).toBe(false)
  expect(looksIn(resumed.events)).toBe(1)

  const early = new AbortController()
  const stopped = await notesOf("early", {}, { signal: early.signal, observer: { onEvaluation: () => early.abort() } })
  expect(looksIn(stopped.events)).toBe(0)
  expect(looksIn((await notesOf("early", {}, { resume: true })).events)).toBe(1)
})

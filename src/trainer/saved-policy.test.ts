import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { loadModelFolder } from "../model/folder.ts"
import { readRun, type RunSummary } from "../runs/index.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-saved-policy-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const config: ConfigInput = {
  seed: 4,
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 8 },
  rollout: { promptsPerStep: 4, groupSize: 2, maxResponseTokens: 4 },
  pipo: { minSteps: 1 },
  train: { steps: 2 },
  evaluation: { every: 100 },
  engine: { threads: 1 },
}

/** Kinds of a run's events but for what it says of its first step. */
function kindsOf(directory: string): string[] {
  return readRun(directory).events.map(({ kind }) => kind).filter((kind) => kind !== "first-look" && kind !== "alarm")
}

function summaryOf(directory: string): RunSummary {
  return JSON.parse(readFileSync(join(directory, "summary.json"), "utf8")) as RunSummary
}

test("a run that saves in f32 leaves its policy bit for bit, and says so without measuring it again", async () => {
  const directory = join(temporary, "f32")
  const { summary } = await trainRun({ config, runDirectory: directory })
  expect(summary.saved).toMatchObject({ dtype: "f32", asTrained: true, size: 8, greedy: { accuracy: summary.final } })
  expect(summaryOf(directory)).toEqual(summary)
  expect(kindsOf(directory)).toEqual(["start", "finish"])
  const [saved, checkpoint] = await Promise.all(["model", join("checkpoints", "step-000002")].map(async (folder) => (await loadModelFolder(join(directory, folder))).readWeights()))
  expect(saved).toEqual(checkpoint)
})

test("a run that saves in bf16 measures the file that it wrote, on the problems of its last evaluation, rounded by its seed", async () => {
  const [directory, again] = [join(temporary, "bf16"), join(temporary, "bf16-again")]
  const notes: string[] = []
  const { summary } = await trainRun({ config: { ...config, model: { preset: "nano", dtype: "bf16" } }, runDirectory: directory, observer: { onNote: (text) => void notes.push(text) } })
  expect(notes).toContain("measuring the saved model (bf16) on 8 held-out problems")
  expect(summary.saved).toMatchObject({ dtype: "bf16", asTrained: false, size: 8, expected: { trained: summary.expected!.final } })
  // Close to the policy's, and not the same: it was measured on other weights.
  expect(summary.saved!.expected!.accuracy).not.toBe(summary.expected!.final)
  expect(summary.saved!.expected!.accuracy).toBeCloseTo(summary.expected!.final, 2)
  expect(summaryOf(directory)).toEqual(summary)
  expect(kindsOf(directory)).toEqual(["start", "saved", "finish"])
  expect(readRun(directory).events.find(({ kind }) => kind === "saved")).toMatchObject({ step: 2, dtype: "bf16", size: 8, greedyCorrect: expect.stringMatching(/^[01]{8}$/) as unknown })
  await trainRun({ config: { ...config, model: { preset: "nano", dtype: "bf16" } }, runDirectory: again })
  const bytes = (run: string): Buffer => readFileSync(join(run, "model", "model.safetensors"))
  expect(bytes(again).equals(bytes(directory))).toBe(true)
})

test("merged adapters are measured too, in f32", async () => {
  const base = join(temporary, "f32", "model")
  const { summary } = await trainRun({ config: { ...config, model: { path: base }, lora: { enabled: true, rank: 2 } }, runDirectory: join(temporary, "lora") })
  expect(summary.saved).toMatchObject({ dtype: "f32", asTrained: false, size: 8, greedy: { trained: summary.final } })
})

test("a saved model that cannot be read again is a note and no failure of the run", async () => {
  const directory = join(temporary, "unreadable")
  const notes: string[] = []
  const onNote = (text: string): void => {
    notes.push(text)
    if (text.startsWith("measuring")) writeFileSync(join(directory, "model", "config.json"), "{")
  }
  const { finished, summary } = await trainRun({ config: { ...config, model: { preset: "nano", dtype: "f16" } }, runDirectory: directory, observer: { onNote } })
  expect([finished, summary.saved]).toEqual([true, { dtype: "f16", asTrained: false, size: null, greedy: null, expected: null }])
  expect(notes.at(-1)).toMatch(
    /the saved model \(f16\) could not be measured: .*config\.json has 1 bytes instead of.*Measure it by: pirl eval/,
  )
  expect(readRun(directory).state).toBe("finished")
})

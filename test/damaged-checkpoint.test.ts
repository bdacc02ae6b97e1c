import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { resolveModelSource } from "../src/trainer/model-source.ts"
import type { ConfigInput } from "../src/config/index.ts"
import { openModel } from "../src/model/open-model.ts"
import { randomStream } from "../src/random.ts"
import { readRun } from "../src/runs/index.ts"
import { checkResumable } from "../src/runs/sound-checkpoint.ts"
import { trainRun } from "../src/trainer/train-run.ts"

const POSITIONS = 500
const root = mkdtempSync(join(tmpdir(), "pirl-damaged-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A run whose checkpoints have everything: moments, a value head, the previous policy and a reference. */
const config: ConfigInput = {
  seed: 5,
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 4 },
  rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 3, rewardNoise: 0.5 },
  objective: { name: "ppo", klCoefficient: 0.05 },
  pipo: { preset: "verified" },
  steering: { returns: true },
  train: { steps: 6 },
  checkpoint: { every: 2, keep: 2 },
  evaluation: { every: 100, expected: false },
  engine: { threads: 1 },
}

const whole = join(root, "whole")
const parts = join(root, "parts")
const newest = (run: string): string => join(run, "checkpoints", "step-000004")

beforeAll(async () => {
  await trainRun({ config, runDirectory: whole })
  const stop = new AbortController()
  await trainRun({
    config,
    runDirectory: parts,
    signal: stop.signal,
    observer: { onStep: ({ step }) => void (step === 4 && stop.abort()) },
  })
}, 600_000)

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(directory, name)).isFile(),
  )
}

function change(path: string, position: number, mask: number): void {
  const bytes = readFileSync(path)
  bytes[position]! ^= mask
  writeFileSync(path, bytes)
}

/** A number of the state, not its form: the file stays one that can be read. */
function changeDigit(path: string): void {
  const text = readFileSync(path, "latin1")
  change(path, text.search(/[1-7](?=\D)/), 1)
}

const steps = (run: string): unknown[] => readRun(run).metrics.map(({ time: _time, ...line }) => line)
const weights = (run: string): Buffer => readFileSync(join(run, "model", "model.safetensors"))

describe("a checkpoint of a run", () => {
  test(`shows the change of any byte of any file (${POSITIONS} drawn)`, () => {
    const checkpoint = newest(parts)
    const files = filesBelow(checkpoint).map((name) => join(checkpoint, name))
    const names = files.map((file) => file.slice(checkpoint.length + 1)).sort()
    expect(names).toEqual(
      expect.arrayContaining(["checkpoint.json", "engine.json", "model.safetensors", "optimizer.safetensors"]),
    )
    expect(names).toEqual(
      expect.arrayContaining(["previous/model.safetensors", "trainer.json", "value_head.safetensors"]),
    )
    files.push(...filesBelow(join(parts, "reference")).map((name) => join(parts, "reference", name)))
    const info = { step: 4, path: checkpoint }
    const check = (): unknown => checkResumable(info, ["metrics.jsonl", "evaluations.jsonl"])
    expect(check()).toMatchObject({ hashed: true, logProblems: [] })
    const random = randomStream(15, 4)
    const draw = (below: number): number => Math.floor(random.uniform() * below)
    const unnoticed: string[] = []
    for (let i = 0; i < POSITIONS; i++) {
      const file = files[i % files.length]!
      const [position, mask] = [draw(statSync(file).size), 1 + draw(255)]
      change(file, position, mask)
      try {
        check()
        unnoticed.push(`${file} at ${position}`)
      } catch (error) {
        const name = file.startsWith(checkpoint) ? file.slice(checkpoint.length + 1) : file.slice(parts.length + 1)
        // The name of a file of the reference stands behind that of its folder.
        for (const word of name.split(/(?<=^reference\/)/)) expect(String(error)).toContain(word)
      }
      change(file, position, mask)
    }
    expect(unnoticed).toEqual([])
    expect(check()).toMatchObject({ hashed: true })
  }, 600_000)

  test.each(["trainer.json", "engine.json", "optimizer.safetensors"])(
    "whose %s has changed without changing its size is left for the one before, with the same numbers in the end",
    async (file) => {
      const run = join(root, `damaged ${file}`)
      cpSync(parts, run, { recursive: true })
      const path = join(newest(run), file)
      if (file.endsWith(".json")) changeDigit(path)
      else change(path, statSync(path).size - 3, 64)
      const notes: string[] = []
      await trainRun({ config, runDirectory: run, resume: true, observer: { onNote: (text) => void notes.push(text) } })
      expect(notes[0]).toContain("the run resumes after step 2")
      expect(notes[0]).toContain(`the checkpoint of step 4 is damaged and was removed: ${file} has another content`)
      expect(steps(run)).toEqual(steps(whole))
      expect(weights(run).equals(weights(whole))).toBe(true)
    },
    600_000,
  )

  test("gives its model to others only when that is as it was, and the one before is taken with a word", async () => {
    const run = join(root, "model")
    cpSync(parts, run, { recursive: true })
    changeDigit(join(newest(run), "trainer.json"))
    expect(resolveModelSource(run)).toMatchObject({ step: 4 })
    change(join(newest(run), "model.safetensors"), statSync(join(newest(run), "model.safetensors")).size - 1, 128)
    const { step, notes } = resolveModelSource(run)
    expect(step).toBe(2)
    expect(notes).toEqual([
      "the checkpoint of step 4 is damaged: model.safetensors has another content than was written. Taking step 2",
    ])
    expect(() => resolveModelSource(run, 4)).toThrow(/model\.safetensors has another content .* or name another step/)
    await expect(openModel(newest(run))).rejects.toThrow(/model\.safetensors has another content than was written/)
  })
})

test("the model that a run leaves behind is refused when a byte of it has changed", async () => {
  const model = join(root, "left")
  cpSync(join(whole, "model"), model, { recursive: true })
  await openModel(model)
  const other = join(root, "left and damaged")
  cpSync(join(whole, "model"), other, { recursive: true })
  change(join(other, "model.safetensors"), statSync(join(other, "model.safetensors")).size - 1, 1)
  await expect(openModel(other)).rejects.toThrow(/got a folder where model\.safetensors .* remove checksums\.json/)
})

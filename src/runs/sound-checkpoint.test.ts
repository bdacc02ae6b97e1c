import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { checkpointManifest, writeManifest } from "../integrity/index.ts"
import { readRun } from "./read-run.ts"
import { createRunFolder, describeResume, resumeRunFolder } from "./run-folder.ts"
import type { ResumePoint } from "./run-folder.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-sound-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const options = { configYaml: "seed: 1\n", keepCheckpoints: 2 }
const time = { at: "2026-01-01T00:00:00.000Z", seconds: 2 }
const FIRST_OF_SECOND_FILE = 1000
let runs = 0

/** A run with checkpoints after the steps 2 and 4, and one step more. */
async function leftRun(needs: readonly string[] = []): Promise<string> {
  const directory = join(root, `run-${runs++}`)
  const folder = createRunFolder(directory, options)
  if (needs.length > 0) {
    mkdirSync(join(directory, "reference"))
    writeFileSync(join(directory, "reference", "model.safetensors"), "reference")
    writeManifest(join(directory, "reference"), checkpointManifest, { step: 0 }, undefined)
  }
  for (const step of [1, 2, 3, 4, 5]) {
    folder.logMetrics({ step, mu: step / 10, time })
    folder.logEvaluation({ step, size: 10, greedyAccuracy: 0.5, time })
    // A second file from the third step on.
    folder.logCompletions(step < 3 ? step : FIRST_OF_SECOND_FILE, [{ step, problem: "p", completion: "c", reward: 1 }])
    if (step % 2 === 1) continue
    const fill = (to: string): void => writeFileSync(join(to, "state.json"), `state of step ${step}`)
    await folder.checkpoints.write(step, fill, needs)
  }
  folder.close()
  return directory
}

function flip(path: string, position: number): void {
  const bytes = readFileSync(path)
  bytes[position]! ^= 4
  writeFileSync(path, bytes)
}

function resume(directory: string, acceptLogs = false): ResumePoint {
  const { folder, from } = resumeRunFolder(directory, { ...options, acceptLogs })
  folder.close()
  return from
}

const steps = (directory: string): number[] => readRun(directory).metrics.map(({ step }) => step)

describe("a run whose newest checkpoint has a flipped bit", () => {
  test("goes on from the one before, and the damaged file is named in the event and in words", async () => {
    const directory = await leftRun()
    flip(join(directory, "checkpoints", "step-000004", "state.json"), 7)
    const from = resume(directory)
    expect(from.checkpoint).toMatchObject({ step: 2, hashed: true, logProblems: [] })
    const reason = "state.json has another content than was written"
    expect(from.damaged).toMatchObject([{ step: 4, reason }])
    expect(describeResume(from)).toContain(`the checkpoint of step 4 is damaged and was removed: ${reason}`)
    expect(readRun(directory).events.at(-1)).toMatchObject({ kind: "resume", damaged: [{ step: 4, reason }] })
    expect(steps(directory)).toEqual([1, 2])
    expect(readdirSync(join(directory, "checkpoints"))).toEqual(["step-000002"])
  })

  test("and whose others are damaged too is refused; nothing is changed", async () => {
    const directory = await leftRun()
    flip(join(directory, "checkpoints", "step-000004", "state.json"), 0)
    truncateSync(join(directory, "checkpoints", "step-000002", "state.json"), 3)
    const before = readdirSync(directory, { recursive: true }).sort()
    expect(() => resume(directory)).toThrow(CheckpointError)
    expect(() => resume(directory)).toThrow(/expected a sound checkpoint to resume from, got none:\n/)
    expect(() => resume(directory)).toThrow(/\n.*step-000004: state\.json has another content than was written\n/)
    expect(() => resume(directory)).toThrow(/\n.*step-000002: state\.json has 3 bytes instead of 15\nRestore/)
    expect(steps(directory)).toEqual([1, 2, 3, 4, 5])
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual(before)
  })

  test("in what it needs beside it, a reference say, is refused by that name", async () => {
    const directory = await leftRun(["reference"])
    expect(resume(directory).checkpoint?.step).toBe(4)
    flip(join(directory, "reference", "model.safetensors"), 3)
    expect(() => resume(directory)).toThrow(
      /step-000004: it needs reference\/, where model\.safetensors has another content/,
    )
    rmSync(join(directory, "reference"), { recursive: true })
    expect(() => resume(directory)).toThrow(/it needs reference\/, where checkpoint\.json is missing/)
  })
})

describe("a checkpoint under another step's name", () => {
  test("is not taken for it", async () => {
    const directory = await leftRun()
    const of = (step: number): string => join(directory, "checkpoints", `step-00000${step}`)
    writeFileSync(join(of(4), "checkpoint.json"), readFileSync(join(of(2), "checkpoint.json")))
    expect(resume(directory).damaged).toMatchObject([{ step: 4, reason: "checkpoint.json is that of step 2" }])
  })
})

describe("a log that is not the one that the checkpoint was written beside", () => {
  const metrics = "metrics.jsonl"

  test("grown since is cut back, as ever", async () => {
    const directory = await leftRun()
    appendFileSync(join(directory, metrics), '{"step":6,"mu')
    expect(resume(directory)).toMatchObject({ checkpoint: { step: 4, logProblems: [] }, damaged: [] })
    expect(steps(directory)).toEqual([1, 2, 3, 4])
  })

  test("cut at its end sends the run back to the checkpoint that it still goes with", async () => {
    const directory = await leftRun()
    const path = join(directory, metrics)
    writeFileSync(
      path,
      readFileSync(path, "utf8")
        .split("\n")
        .slice(0, 3)
        .map((line) => `${line}\n`)
        .join(""),
    )
    const { checkpoint, damaged } = resume(directory)
    expect(checkpoint?.step).toBe(2)
    expect(damaged[0]!.reason).toMatch(
      /^it does not go with metrics\.jsonl, which was cut: it has \d+ bytes, and had \d+$/,
    )
    expect(steps(directory)).toEqual([1, 2])
  })

  test.each([
    ["deleted", (path: string): void => rmSync(path), /which was deleted/],
    ["emptied", (path: string): void => writeFileSync(path, ""), /which was cut: it has 0 bytes/],
    [
      "changed near its beginning",
      (path: string): void => flip(path, '{"step":'.length),
      /which was changed, or is that of another run/,
    ],
  ])("%s stops the run, which says how to go on all the same", async (_, damage, reason) => {
    for (const name of [metrics, "evaluations.jsonl"]) {
      const directory = await leftRun()
      damage(join(directory, name))
      expect(() => resume(directory)).toThrow(reason)
      expect(() => resume(directory)).toThrow(/To go on with the logs as they are, add --accept-logs\./)
      expect(readRun(directory).checkpoints.map(({ step }) => step)).toEqual([2, 4])
    }
  })

  test("is taken as it is on demand, and later checkpoints go with that", async () => {
    const directory = await leftRun()
    rmSync(join(directory, metrics))
    const from = resume(directory, true)
    expect(from.checkpoint).toMatchObject({ step: 4, logProblems: [{ file: metrics, reason: "was deleted" }] })
    expect(describeResume(from)).toContain("; metrics.jsonl was deleted")
    const { folder } = resumeRunFolder(directory, { ...options, acceptLogs: true })
    folder.logMetrics({ step: 5, mu: 0, time })
    await folder.checkpoints.write(6, (to) => writeFileSync(join(to, "state.json"), "6"))
    folder.close()
    expect(resume(directory).checkpoint).toMatchObject({ step: 6, logProblems: [] })
  })

  test.each([
    ["of completions that were closed", "completions/steps-000000-000999.jsonl"],
    ["of completions", "completions/steps-001000-001999.jsonl"],
    ["of events", "events.jsonl"],
  ])("%s is said: nothing is computed from it", async (_, file) => {
    const directory = await leftRun()
    rmSync(join(directory, file))
    const from = resume(directory)
    expect(from.checkpoint).toMatchObject({ step: 4, logProblems: [{ file, reason: "was deleted" }] })
    expect(describeResume(from)).toContain(`; ${file} was deleted`)
  })

  test("is known again after a resume, whichever process wrote its beginning", async () => {
    const directory = await leftRun()
    const { folder } = resumeRunFolder(directory, options)
    folder.logMetrics({ step: 5, mu: 0, time })
    await folder.checkpoints.write(5, (to) => writeFileSync(join(to, "state.json"), "5"))
    folder.close()
    expect(resume(directory).checkpoint).toMatchObject({ step: 5, logProblems: [] })
    flip(join(directory, "completions", "steps-000000-000999.jsonl"), '{"step":1,"problem":"'.length)
    expect(resume(directory).checkpoint?.logProblems).toHaveLength(1)
  })
})

describe("a checkpoint of a version that wrote no hashes", () => {
  test("is resumed from, with a note", async () => {
    const directory = await leftRun()
    const path = join(directory, "checkpoints", "step-000004")
    writeFileSync(join(path, "checkpoint.json"), JSON.stringify({ version: 1, step: 4, files: { "state.json": 15 } }))
    const from = resume(directory)
    expect(from.checkpoint).toMatchObject({ step: 4, hashed: false })
    expect(describeResume(from)).toContain("without hashes: only the sizes of its files could be checked")
  })
})

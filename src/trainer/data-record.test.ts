import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { createTask } from "../data/registry.ts"
import type { Task } from "../data/task.ts"
import { CheckpointError, DataError } from "../errors.ts"
import { keepData } from "./data-record.ts"
import { trainRun, type TrainRunOptions } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-data-record-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

type Named = readonly [path: string, sha256: string]

function taskOf(...files: Named[]): Task {
  return { ...createTask("add2"), files: files.map(([path, sha256]) => ({ path, sha256 })) }
}

test("a run goes on with the same data wherever it lies, and with no other", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  expect(keepData(folder, taskOf(["a/x.jsonl", "1"], ["a/y.jsonl", "2"]), undefined)).toBeUndefined()
  expect(keepData(folder, taskOf(["b/x.jsonl", "1"], ["b/y.jsonl", "2"]), 3)).toBeUndefined()
  const onceMore = (...files: Named[]) => () => keepData(folder, taskOf(...files), 3)
  expect(onceMore(["a/x.jsonl", "1"], ["a/y.jsonl", "3"])).toThrow(/got another content in a\/y\.jsonl/)
  expect(onceMore(["a/x.jsonl", "1"], ["a/z.jsonl", "3"])).toThrow(/got a\/z\.jsonl in place of a\/y\.jsonl/)
  expect(onceMore(["a/x.jsonl", "1"])).toThrow(/1 files in place of 2/)
  expect(onceMore(["a/x.jsonl", "1"])).toThrow(DataError)
})

test("a run without a record says so once, and has one from then on", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  expect(keepData(folder, taskOf(["x", "1"]), 3)).toMatch(/no hashes/)
  expect(keepData(folder, taskOf(["x", "1"]), 3)).toBeUndefined()
  expect(() => keepData(folder, taskOf(["x", "2"]), 3)).toThrow(DataError)
})

test("a record that is none is an error, and a run that made no step takes what is there now", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  writeFileSync(join(folder, "data.json"), "{")
  expect(() => keepData(folder, taskOf(["x", "1"]), 3)).toThrow(CheckpointError)
  expect(keepData(folder, taskOf(["x", "1"]), undefined)).toBeUndefined()
  expect(JSON.parse(readFileSync(join(folder, "data.json"), "utf8"))).toEqual({ files: [{ path: "x", sha256: "1" }] })
})

test("a run over a file refuses to go on when the file was changed", async () => {
  const data = join(temporary, "sums.jsonl")
  const rows = Array.from({ length: 12 }, (_, i) => ({ question: `${i}+1=`, answer: i + 1 }))
  const write = (): void => writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
  write()
  const notes: string[] = []
  const runDirectory = join(temporary, "run")
  const options = (steps: number): TrainRunOptions => ({
    config: {
      model: { preset: "nano", tokenizer: "byte" },
      task: { name: "dataset", path: data, verifier: "integer", heldOutSize: 2, maxPromptTokens: 4 },
      rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 2 },
      pipo: { enabled: false },
      train: { steps },
      checkpoint: { every: 1 },
      evaluation: { every: 10, expected: false },
      engine: { threads: 1 },
    },
    runDirectory,
    observer: { onNote: (text) => void notes.push(text) },
  })
  await trainRun(options(1))
  // "10+1=" and "11+1=" have five bytes.
  expect(notes.join("\n")).toMatch(/^data: .*left out \d of \d+ prompts of more than 4 tokens/m)
  rows[3]!.answer = 5
  write()
  const files = ["metrics.jsonl", "events.jsonl", "summary.json"]
  const before = files.map((name) => readFileSync(join(runDirectory, name), "utf8"))
  await expect(trainRun({ ...options(2), resume: true })).rejects.toThrow(/another content in .*sums\.jsonl/)
  expect(files.map((name) => readFileSync(join(runDirectory, name), "utf8"))).toEqual(before)
  rows[3]!.answer = 4
  write()
  expect((await trainRun({ ...options(2), resume: true })).step).toBe(2)
})

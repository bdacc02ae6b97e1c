import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { fakeHub, hubName } from "../hub/hub.test-helper.ts"
import { createDatasetTask } from "./dataset.ts"
import { rejection, testFiles } from "./dataset.test-helper.ts"
import type { Task } from "./task.ts"

const files = testFiles()
const verifier = "integer"

function lines(from: number, to: number, extra: object = {}): object[] {
  return Array.from({ length: to - from }, (_, i) => ({
    question: `What is ${from + i} + 1?`,
    answer: from + i + 1,
    ...extra,
  }))
}

function trained(task: Task): string[] {
  return Array.from({ length: task.trainSize ?? 0 }, (_, i) => task.trainProblem(0, i).gold).toSorted()
}

describe("a folder", () => {
  test("is read whole, split by the names of its files", async () => {
    files.jsonLines("folder/train-00000-of-00002.jsonl", lines(0, 3))
    files.jsonLines("folder/train-00001-of-00002.jsonl", lines(3, 5))
    files.write("folder/sub/dev.csv", "question,answer\nWhat is 7?,7\n")
    files.write("folder/README.md", "not data")
    const task = await createDatasetTask({ path: join(files.folder, "folder"), heldOutSplit: "validation", verifier })
    expect(trained(task)).toEqual(["1", "2", "3", "4", "5"])
    expect(task.heldOut.map(({ gold }) => gold)).toEqual(["7"])
  })

  test("without splits is all trained on, and an error names the file beside the row", async () => {
    files.jsonLines("plain/a.jsonl", lines(0, 2))
    files.jsonLines("plain/b.jsonl", [...lines(2, 4), { question: "no answer" }])
    const error = await rejection(createDatasetTask({ path: join(files.folder, "plain"), heldOutSize: 0, verifier }))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(/plain\/b\.jsonl, line 3: .*"answer"/)
  })

  test("cannot hold out the split it trains on, and a file has no splits", async () => {
    const path = join(files.folder, "folder")
    const same = await rejection(createDatasetTask({ path, heldOutSplit: "training", verifier }))
    expect((same as ConfigError).issues[0].path).toBe("task.heldOutSplit")
    const file = join(path, "train-00000-of-00002.jsonl")
    const split = await rejection(createDatasetTask({ path: file, split: "test", verifier }))
    expect(split.message).toMatch(/task\.split: data set: expected a folder for the split "test"/)
  })
})

describe("a data set of the hub", () => {
  const cacheDir = mkdtempSync(join(tmpdir(), "pirl-hub-set-"))
  afterAll(() => rmSync(cacheDir, { recursive: true }))
  const environment = { ...process.env }
  afterAll(() => {
    process.env = environment
  })

  test("is fetched, split and read like a folder; parts of it are told apart", async () => {
    const text = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("")
    const hub = await fakeHub({
      "main/train.jsonl": text(lines(0, 4)),
      "main/test.jsonl": text(lines(9, 10)),
      "other/train.jsonl": text(lines(4, 6)),
    })
    process.env["HF_ENDPOINT"] = hub.url
    delete process.env["HF_TOKEN"]
    delete process.env["HF_HUB_OFFLINE"]
    const ambiguous = await rejection(createDatasetTask({ hub: hubName, cacheDir, verifier }))
    expect(ambiguous.message).toMatch(/task\.subset: .*expected one of its parts, got main, other/)
    expect(
      trained(await createDatasetTask({ hub: hubName, cacheDir, subset: "*", heldOutSize: 0, verifier })),
    ).toHaveLength(6)
    const task = await createDatasetTask({ hub: hubName, cacheDir, subset: "main", heldOutSplit: "test", verifier })
    expect([trained(task), task.heldOut.map(({ gold }) => gold)]).toEqual([["1", "2", "3", "4"], ["10"]])
  })

  test("excludes a path, and options of the hub need one", async () => {
    const both = await rejection(createDatasetTask({ hub: hubName, path: "x.jsonl", verifier }))
    expect(both.message).toMatch(/either path or hub, got both/)
    const error = await rejection(createDatasetTask({ path: "x.jsonl", revision: "main", verifier }))
    expect((error as ConfigError).issues.map(({ path }) => path)).toEqual(["task.revision"])
    expect((await rejection(createDatasetTask({ hub: "name", verifier }))).message).toMatch(/task\.hub: .*owner\/name/)
  })
})

describe("rows", () => {
  test("that a filter leaves out are counted, and a filter that leaves none is an error", async () => {
    const path = files.jsonLines("levels.jsonl", [...lines(0, 6, { level: 1 }), ...lines(6, 10, { level: 5 })])
    const task = await createDatasetTask({ path, heldOutSize: 1, filter: [{ column: "level", min: 3 }], verifier })
    expect([task.trainSize, task.counts.filtered, task.counts.rows]).toEqual([3, 6, 10])
    const none = await rejection(createDatasetTask({ path, filter: [{ column: "level", min: 9 }], verifier }))
    expect(none.message).toMatch(/meet task\.filter, got none of 10/)
    const wrong = await rejection(createDatasetTask({ path, filter: [{ column: "levl", min: 3 }], verifier }))
    expect(wrong.message).toMatch(/Did you mean level\?/)
  })

  test("with a question seen before stay, or go when duplicates are dropped", async () => {
    const path = files.jsonLines("twice.jsonl", [
      ...lines(0, 4),
      { question: "what is  2 + 1", answer: 3, second: true },
    ])
    expect((await createDatasetTask({ path, heldOutSize: 0, verifier })).trainSize).toBe(5)
    const task = await createDatasetTask({ path, heldOutSize: 0, deduplicate: true, verifier })
    expect([task.trainSize, task.counts.trainDuplicates]).toEqual([4, 1])
    expect(Array.from({ length: 4 }, (_, i) => task.trainProblem(0, i).row?.["second"])).not.toContain(true)
  })

  test("that are also evaluated on are an error, or dropped", async () => {
    const path = files.jsonLines("mine.jsonl", lines(0, 6))
    const suffix = "\n\nPlease solve this step by step and put your final answer in \\boxed{}."
    const benchmark = files.jsonLines("benchmark.jsonl", [{ problem: `What is 3 + 1?${suffix}`, gold: 4, level: 2 }])
    const options = { path, disjointFrom: [benchmark], heldOutSize: 1, verifier }
    const error = await rejection(createDatasetTask(options))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(
      /benchmark\.jsonl: .*mine\.jsonl, got 1 in 1 of 6 training rows \(first: line 1 and line 4\).*overlap: drop/,
    )
    const task = await createDatasetTask({ ...options, overlap: "drop" })
    expect([task.counts.overlapping, ...trained(task), ...task.heldOut.map(({ gold }) => gold)].toSorted()).toEqual([
      1,
      "1",
      "2",
      "3",
      "5",
      "6",
    ])
    files.jsonLines("sets/some-test.jsonl", lines(1, 2))
    files.jsonLines("sets/other.jsonl", lines(2, 3))
    const folder = await createDatasetTask({ ...options, disjointFrom: [join(files.folder, "sets")], overlap: "drop" })
    expect(folder.counts.overlapping).toBe(2)
    const all = files.jsonLines("all.jsonl", lines(0, 6))
    expect((await rejection(createDatasetTask({ ...options, disjointFrom: [all], overlap: "drop" }))).message).toMatch(
      /Nothing is left/,
    )
  })

  test("of verl are judged by the kind that they name", async () => {
    const row = (content: string, style: string, gold: string | string[]): object => ({
      data_source: `set-${style}`,
      prompt: [{ role: "user", content }],
      ability: style === "mcq" ? "mcq" : "math",
      reward_model: { ground_truth: gold, style },
    })
    const path = files.jsonLines("verl.jsonl", [
      row("Half of one?", "rule", ["\\frac{1}{2}"]),
      row("A: x B: y", "mcq", "B"),
    ])
    const asked: string[] = []
    const task = await createDatasetTask({ path, heldOutSize: 0 }, (spec) => {
      const name = typeof spec === "string" ? spec : spec.name
      asked.push(name)
      return { name, verify: () => ({ status: "correct", reward: 1, reason: "" }) }
    })
    const names = [0, 1]
      .map((i) => task.trainProblem(0, i))
      .map((problem) => [problem.source, task.verifierFor(problem).name])
    expect(Object.fromEntries(names)).toEqual({ "set-rule": "math", "set-mcq": "mcq" })
    expect(asked.toSorted()).toEqual(["math", "mcq"])
    const unknown = files.jsonLines("unknown.jsonl", lines(0, 3))
    expect((await rejection(createDatasetTask({ path: unknown, heldOutSize: 0 }))).message).toMatch(
      /task\.verifier: .*Set task\.verifier/,
    )
  })
})

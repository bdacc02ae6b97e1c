import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { createDatasetTask } from "./dataset.ts"
import { datasetSchema } from "./dataset-options.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { rejection, testFiles } from "./dataset.test-helper.ts"
import { openTask } from "./open-task.ts"
import type { Problem } from "./task.ts"
import { describeOptions } from "./task-options.ts"

const files = testFiles()

function sums(count: number): { question: string; answer: number }[] {
  return Array.from({ length: count }, (_, i) => ({ question: `What is ${i} + 1?`, answer: i + 1 }))
}

async function first(rows: readonly unknown[], options: Partial<DatasetOptions> = {}): Promise<Problem> {
  const path = files.jsonLines("first.jsonl", rows)
  const task = await createDatasetTask({ path, heldOutSize: 0, verifier: "numeric", ...options })
  return task.trainProblem(0, 0)
}

async function failure(rows: readonly unknown[], options: Record<string, unknown> = {}): Promise<Error> {
  const path = files.jsonLines("failing.jsonl", rows)
  return rejection(createDatasetTask({ path, heldOutSize: 0, verifier: "numeric", ...options }))
}

describe("columns", () => {
  test.each([
    [
      { question: "Q", answer: "7" },
      { prompt: "Q", gold: "7" },
    ],
    [
      { problem: "Q", solution: "7" },
      { prompt: "Q", gold: "7" },
    ],
    [
      { prompt: "Q", ground_truth: 7, solution: "work" },
      { prompt: "Q", gold: "7", solution: "work" },
    ],
    [
      { question: "Q", answer: "3 + 4 = 7\n#### 7 " },
      { prompt: "Q", gold: "7", solution: "3 + 4 = 7\n#### 7 " },
    ],
    [
      {
        data_source: "s",
        prompt: [{ role: "user", content: "Q" }],
        reward_model: { ground_truth: ["7"], style: "rule" },
      },
      { prompt: [{ role: "user", content: "Q" }], gold: "7", source: "s" },
    ],
    [{ prompt: "Q", answer: ["a", "b"] }, { gold: '["a","b"]' }],
  ])("of %j are found by their common names", async (row, expected) => {
    const problem = await first([row])
    expect(problem).toMatchObject({ ...expected, row })
    if (!("solution" in expected)) expect(problem.solution).toBeUndefined()
  })

  test("that are named win over common names, and a dot goes into a struct", async () => {
    const row = { prompt: "no", answer: "no", extra: { q: "Q", a: 7, key: 3 }, kind: "k" }
    const columns = { prompt: "extra.q", answer: "extra.a", id: "extra.key", source: "kind" }
    expect(await first([row], { columns })).toMatchObject({ prompt: "Q", gold: "7", id: "3", source: "k" })
  })

  test("that are not there are named with the row and the columns there are", async () => {
    const error = await failure([{ question: "Q", answer: "1" }, { question: "R" }])
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(
      /failing\.jsonl, line 2: .*column "answer", got no such column; the columns are question\./,
    )
  })

  test.each([
    [{ question: "Q", answer: null }, /line 1: expected a column with the answer.*columns are question, answer/],
    [
      { text: "Q", answer: "1" },
      /expected a column with the prompt.*columns are text, answer\. Set task\.columns\.prompt/,
    ],
    [{ prompt: [], answer: "1" }, /list of messages/],
    [{ prompt: [{ role: "user", content: ["x"] }], answer: "1" }, /list of messages/],
    [{ prompt: "", answer: "1" }, /empty text/],
  ])("%j is refused", async (row, message) => {
    expect((await failure([row])).message).toMatch(message)
  })

  test("a misspelt name gets the nearest", async () => {
    const error = await failure([{ question: "Q", answer: "1" }], { columns: { answer: "anwser" } })
    expect(error.message).toMatch(/column "anwser", got no such column.*Did you mean answer\?/)
  })

  test("an id that stands for two questions is refused", async () => {
    const rows = [
      { question: "Q", answer: "1", id: 5 },
      { question: "R", answer: "1", id: 5 },
    ]
    expect((await failure(rows, { columns: { id: "id" } })).message).toMatch(/two for "5" \(line 1 and line 2\)/)
    expect((await first(rows)).id).toMatch(/^[0-9a-f]{16}$/)
  })
})

describe("template", () => {
  const row = { question: "1 + 1?", answer: "2", hint: "count" }

  test("fills in the question and other columns, and leaves LaTeX braces alone", async () => {
    const template = "{prompt} ({hint}) Put the answer in \\boxed{}, as \\boxed{{answer}}."
    expect((await first([row], { template })).prompt).toBe(
      "1 + 1? (count) Put the answer in \\boxed{}, as \\boxed{answer}.",
    )
  })

  test("with system and user gives chat messages", async () => {
    expect((await first([row], { template: { system: "Hint: {hint}", user: "{question}" } })).prompt).toEqual([
      { role: "system", content: "Hint: count" },
      { role: "user", content: "1 + 1?" },
    ])
  })

  test("applies to the last message of a question that is a chat", async () => {
    const prompt = [
      { role: "system", content: "S" },
      { role: "user", content: "Q" },
    ]
    expect((await first([{ prompt, answer: "2" }], { template: { system: "new", user: "{prompt}!" } })).prompt).toEqual(
      [
        { role: "system", content: "S" },
        { role: "user", content: "Q!" },
      ],
    )
  })

  test("text from the data is not read as a template", async () => {
    const wild = { ...row, question: "what is {answer} in $& {{hint}}?" }
    expect((await first([wild], { template: "{prompt}" })).prompt).toBe(wild.question)
  })

  test.each([
    ["{prompt} {answer}", /task\.template: .*without the answer, got \{answer\}/],
    ["Think hard.", /task\.template: .*no placeholder/],
    ["{prompt} {hnit}", /line 1: .*column "hnit".*Did you mean hint\?/],
  ])("%j is refused", async (template, message) => {
    expect((await failure([row], { template })).message).toMatch(message)
  })
})

describe("split", () => {
  test("held-out and training questions never overlap, whatever duplicates there are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(40), { minLength: 3, maxLength: 80 }),
        fc.integer(),
        fc.nat(10),
        async (numbers, seed, wanted) => {
          const questions = new Set(numbers).size
          const heldOutSize = Math.min(wanted, questions - 1)
          const rows = numbers.map((n, i) => ({ question: `${" ".repeat(i % 3)}Q ${n}`, answer: n, i }))
          const task = await createDatasetTask({
            path: files.jsonLines("p.jsonl", rows),
            heldOutSize,
            seed,
            verifier: "integer",
          })
          const heldOut = new Set(task.heldOut.map(({ id }) => id))
          const train = Array.from({ length: task.trainSize }, (_, i) => task.trainProblem(1, i))
          expect(heldOut.size).toBe(heldOutSize)
          expect(train.some(({ id }) => heldOut.has(id))).toBe(false)
          expect(new Set(train.map(({ row }) => row?.["i"])).size).toBe(train.length)
          expect(new Set(train.map(({ id }) => id)).size).toBe(questions - heldOutSize)
          const { rows: read, trainDuplicates, heldOutDuplicates } = task.counts
          expect(read).toBe(numbers.length)
          expect(trainDuplicates + heldOutDuplicates).toBe(numbers.length - questions)
        },
      ),
      { numRuns: 40 },
    )
  })

  test("depends on the questions and the seed alone, not on the order of the rows", async () => {
    const rows = sums(50)
    const ids = async (some: readonly unknown[], seed: number): Promise<string[]> => {
      const path = files.jsonLines("order.jsonl", some)
      const task = await createDatasetTask({ path, heldOutSize: 10, seed, verifier: "integer" })
      return task.heldOut.map(({ id }) => id).toSorted()
    }
    expect(await ids(rows.toReversed(), 1)).toEqual(await ids(rows, 1))
    expect(await ids(rows, 2)).not.toEqual(await ids(rows, 1))
  })

  test("without a size a tenth of the questions is held out", async () => {
    const task = await createDatasetTask({ path: files.jsonLines("tenth.jsonl", sums(57)), verifier: "integer" })
    expect([task.heldOut.length, task.trainSize]).toEqual([5, 52])
  })

  test("a file of its own holds the held-out questions, all or as many as asked for", async () => {
    const path = files.jsonLines("train.jsonl", sums(30))
    const heldOutPath = files.jsonLines("test.jsonl", [
      { problem: "A", gold: 1 },
      { problem: "B", gold: 2 },
      { problem: "A", gold: 1 },
    ])
    const all = await createDatasetTask({ path, heldOutPath, verifier: "integer" })
    expect(all.heldOut.map(({ prompt }) => prompt)).toEqual(["A", "B"])
    expect(all.counts).toEqual({
      rows: 33,
      filtered: 0,
      overlapping: 0,
      trainDuplicates: 0,
      heldOutDuplicates: 1,
      heldOutUnused: 0,
    })
    const one = await createDatasetTask({ path, heldOutPath, heldOutSize: 1, verifier: "integer" })
    expect([one.heldOut.length, one.trainSize, one.counts.heldOutUnused]).toEqual([1, 30, 1])
  })

  test("questions in both files are an error with counts and the first places", async () => {
    const path = files.jsonLines("both-train.jsonl", [...sums(20), { question: "What  is 3 + 1?\n", answer: 4 }])
    const heldOutPath = files.jsonLines("both-test.jsonl", [{ question: "New", answer: 1 }, sums(4)[3], sums(6)[5]])
    const error = await rejection(createDatasetTask({ path, heldOutPath, verifier: "integer" }))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(
      /both-test\.jsonl: .*both-train\.jsonl, got 2 in 3 of 21 training rows \(first: line 2 and line 4\)/,
    )
  })

  test("more held-out questions than there are is a config error", async () => {
    const rows = [...sums(4), sums(1)[0]]
    expect((await failure(rows, { heldOutSize: 4 })).message).toMatch(/task\.heldOutSize: .*more than 4 .*got 4/)
  })
})

describe("training stream", () => {
  test("visits every row once per epoch and is pure in seed and position", async () => {
    const path = files.jsonLines("stream.jsonl", sums(40))
    const task = await createDatasetTask({ path, heldOutSize: 3, verifier: "integer" })
    const again = await createDatasetTask({ path, heldOutSize: 3, verifier: "integer" })
    const epoch = (n: number): string[] => Array.from({ length: 37 }, (_, i) => task.trainProblem(9, n * 37 + i).id)
    expect(new Set(epoch(0)).size).toBe(37)
    expect(epoch(3).toSorted()).toEqual(epoch(0).toSorted())
    expect(epoch(1)).not.toEqual(epoch(0))
    expect(again.trainProblem(9, 1234)).toEqual(task.trainProblem(9, 1234))
  })
})

describe("verifier", () => {
  const rows = [
    { question: "A", answer: "1", source: "numbers" },
    { question: "B", answer: "Paris", source: "cities" },
  ]

  test("by name judges the gold of a parquet row", async () => {
    const path = await files.parquet("gold.parquet", "select 'Q' || i question, i + 0.5 answer from range(20) t(i)")
    const task = await createDatasetTask({ path, heldOutSize: 5, verifier: "numeric" })
    for (const problem of task.heldOut) {
      const judge = async (completion: string): Promise<string> =>
        (await task.verifierFor(problem).verify({ gold: problem.gold, completion })).status
      expect(await judge(`It is ${problem.gold}0.`)).toBe("correct")
      expect(await judge(`It is ${problem.gold}1.`)).toBe("incorrect")
    }
  })

  test("is chosen by source in a mixture", async () => {
    const path = files.jsonLines("mixture.jsonl", rows)
    const verifier = { numbers: "integer", cities: "exact" }
    const task = await createDatasetTask({ path, heldOutSize: 0, verifier })
    const names = [0, 1]
      .map((i) => task.trainProblem(0, i))
      .map((problem) => [problem.source, task.verifierFor(problem).name])
    expect(Object.fromEntries(names)).toEqual({ numbers: "integer", cities: "exact" })
  })

  test("may have options, for all or for a source", async () => {
    const path = files.jsonLines("options.jsonl", rows)
    const math = { name: "math", precision: 2 }
    const task = await createDatasetTask({ path, heldOutSize: 0, verifier: { numbers: math, cities: "exact" } })
    const problem = [0, 1].map((i) => task.trainProblem(0, i)).find(({ source }) => source === "numbers")!
    const judge = async (completion: string): Promise<string> =>
      (await task.verifierFor(problem).verify({ gold: "3.14159", completion })).status
    expect([await judge("3.14"), await judge("3.15")]).toEqual(["correct", "incorrect"])
    const all = await createDatasetTask({ path, heldOutSize: 0, verifier: math })
    expect(all.verifierFor(all.trainProblem(0, 0)).name).toBe("math")
    expect((await failure(rows, { verifier: { ...math, precison: 1 } })).message).toMatch(/task\.verifier\.precison/)
  })

  test("may be an object of one's own", async () => {
    const own = { name: "own", verify: () => ({ status: "correct" as const, reward: 1, reason: "always" }) }
    const path = files.jsonLines("own.jsonl", rows)
    const task = await createDatasetTask({ path, heldOutSize: 1, verifier: own })
    expect(task.verifierFor(task.heldOut[0])).toBe(own)
  })

  test("that is missing or unknown is a config error before training", async () => {
    expect((await failure(rows, { verifier: { numbers: "integer" } })).message).toMatch(
      /verifier for source "cities", got one for numbers/,
    )
    expect((await failure(rows, { verifier: "integr" })).message).toMatch(/task\.verifier: .*Did you mean integer\?/)
    expect((await failure(rows, { verifier: { numbers: "x" } })).message).toMatch(/task\.verifier\.numbers: /)
  })
})

describe("options", () => {
  test("that are wrong are reported all at once", async () => {
    const wrong = { pth: "a", path: 3, heldOutSize: -1, columns: { promt: "x" }, template: 4, verifier: 5 }
    const error = await rejection(createDatasetTask(wrong as unknown as DatasetOptions))
    expect(error).toBeInstanceOf(ConfigError)
    const paths = (error as ConfigError).issues.map(({ path }) => path).toSorted()
    expect(paths).toEqual([
      "task.columns.promt",
      "task.heldOutSize",
      "task.path",
      "task.pth",
      "task.template",
      "task.verifier",
    ])
  })

  test("the held-out file must be another file", async () => {
    const path = files.jsonLines("same.jsonl", sums(3))
    const error = await rejection(createDatasetTask({ path, heldOutPath: path, verifier: "exact" }))
    expect(error.message).toMatch(/task\.heldOutPath/)
  })

  test("are described for help texts", () => {
    expect(describeOptions(datasetSchema).map(({ name }) => name)).toEqual(Object.keys(datasetSchema.shape))
  })
})

test("openTask opens procedural tasks and data sets from a config's section", async () => {
  const path = files.jsonLines("open.jsonl", sums(20))
  expect((await openTask({ name: "dataset", path, verifier: "integer" })).trainSize).toBe(18)
  expect((await openTask({ name: "add2", heldOutSize: 10 })).trainSize).toBe(9990)
  await expect(openTask({ name: "datset" })).rejects.toThrow(/Did you mean dataset\?/)
})

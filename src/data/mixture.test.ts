import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { rejection, testFiles } from "./dataset.test-helper.ts"
import { createMixtureTask } from "./mixture.ts"
import { blockCounts, interleave, scheduledDraw } from "./mixture-schedule.ts"
import { checkTaskSettings, openTask } from "./open-task.ts"
import type { Problem, Task } from "./task.ts"

const files = testFiles()

function questions(from: number, to: number): object[] {
  return Array.from({ length: to - from }, (_, i) => ({ question: `Q ${from + i}`, answer: from + i }))
}

const numbers = files.jsonLines("numbers.jsonl", questions(0, 20))

function stream(task: Task, length: number, seed: number = 1): Problem[] {
  return Array.from({ length }, (_, i) => task.trainProblem(seed, i))
}

describe("the schedule", () => {
  test.each([
    [
      [1, 1],
      [1, 1],
    ],
    [
      [30, 10],
      [3, 1],
    ],
    [
      [0.5, 0.25, 0.25],
      [500, 250, 250],
    ],
    [
      [2, 1e-9],
      [999, 1],
    ],
    [
      [1, 2, 4000],
      [1, 1, 999],
    ],
  ])("of weights %j has blocks of %j", (weights, counts) => {
    expect(blockCounts(weights)).toEqual(counts)
  })

  test("keeps the ratio in every block and visits every position of every source once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
        fc.integer(),
        (counts, seed) => {
          const size = counts.reduce((a, b) => a + b, 0)
          const draws = Array.from({ length: 3 * size }, (_, position) => scheduledDraw(counts, seed, position))
          for (const [source, count] of counts.entries()) {
            const own = draws.filter((draw) => draw.source === source).map(({ position }) => position)
            expect(own.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3 * count }, (_, i) => i))
            expect(draws.slice(size, 2 * size).filter((draw) => draw.source === source)).toHaveLength(count)
          }
        },
      ),
    )
  })

  test("of held-out problems has something of all sources in any beginning", () => {
    const mixed = interleave([["a", "a", "a", "a", "a", "a"], ["b", "b"], []])
    expect(mixed.join("")).toBe("aabaaaba")
  })
})

describe("a mixture", () => {
  test("draws procedural problems and rows by weight, each judged by its own verifier under its own source", async () => {
    const task = await openTask({
      name: "dataset",
      sources: [
        { name: "add2", weight: 3, heldOutSize: 10 },
        { path: numbers, weight: 1, source: "rows", heldOutSize: 2, verifier: "integer" },
      ],
    })
    const problems = stream(task, 400)
    expect(problems.filter(({ source }) => source === "rows")).toHaveLength(100)
    expect(new Set(problems.map(({ source }) => source))).toEqual(new Set(["add2", "rows"]))
    expect([task.heldOut.length, task.trainSize]).toEqual([12, 9990 + 18])
    for (const problem of [...problems.slice(0, 20), ...task.heldOut]) {
      const completion = problem.solution ?? problem.gold
      const verdict = await task.verifierFor(problem).verify({ gold: problem.gold, completion })
      expect(verdict.status).toBe("correct")
      expect(problem.id).toMatch(problem.source === "rows" ? /^rows:[0-9a-f]{16}$/ : /^add2:/)
    }
    expect(stream(task, 50)).toEqual(problems.slice(0, 50))
    expect(stream(task, 50, 2)).not.toEqual(problems.slice(0, 50))
  })

  test("keeps the sources that rows have, and their verifiers", async () => {
    const path = files.jsonLines("sources.jsonl", [
      { question: "A", answer: "1", data_source: "x" },
      { question: "B", answer: "Paris", data_source: "y" },
    ])
    const verifier = { x: "integer", y: "exact" }
    const task = await createMixtureTask({
      sources: [{ path, verifier, heldOutSize: 0, source: "ignored" }, { name: "sort" }],
    })
    const names = new Map(stream(task, 40).map((problem) => [problem.source, task.verifierFor(problem).name]))
    expect([names.get("x"), names.get("y")]).toEqual(["integer", "exact"])
    expect(names.size).toBe(3)
  })

  test("knows its alphabet only when all sources do", async () => {
    const procedural = await createMixtureTask({ sources: [{ name: "add2" }, { name: "sort" }] })
    expect(procedural.alphabet).toContain("7")
    expect(new Set(procedural.alphabet).size).toBe(procedural.alphabet?.length)
    const open = await createMixtureTask({ sources: [{ name: "add2" }, { path: numbers, verifier: "integer" }] })
    expect(open.alphabet).toBeUndefined()
  })

  test("of one task twice trains on nothing that either holds out", async () => {
    const sources = [
      { name: "add2", seed: 1, heldOutSize: 3000, source: "one" },
      { name: "add2", seed: 2, heldOutSize: 3000, source: "two" },
    ]
    const task = await createMixtureTask({ sources })
    const held = new Set(task.heldOut.map(({ prompt }) => prompt))
    expect(stream(task, 2000).filter(({ prompt }) => held.has(prompt))).toEqual([])
  })

  test("refuses a data set that trains on what another holds out", async () => {
    const overlapping = files.jsonLines("more.jsonl", questions(10, 30))
    const heldOutPath = files.jsonLines("test-rows.jsonl", questions(0, 3))
    const sources = [
      { path: numbers, heldOutSize: 0, verifier: "integer" },
      { path: overlapping, heldOutPath, verifier: "integer" },
    ]
    const error = await rejection(createMixtureTask({ sources }))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(
      /no held-out question of more in the training data of numbers, got 3 \(first: line 1 and line 1\)/,
    )
    const apart = [{ ...sources[0], disjointFrom: [heldOutPath], overlap: "drop" }, sources[1]]
    expect((await createMixtureTask({ sources: apart })).trainSize).toBe(17 + 20)
  })

  test("reports wrong options with the place of the source", async () => {
    const failing = async (...sources: readonly object[]): Promise<string> => {
      const error = await rejection(createMixtureTask({ sources }))
      expect(error).toBeInstanceOf(ConfigError)
      return (error as ConfigError).issues.map(({ path }) => path).join(" ")
    }
    expect(await failing({ name: "add2" }, { name: "sort", difficulty: -1 })).toBe("task.sources.1.difficulty")
    expect(await failing({ name: "addd2" })).toBe("task.sources.0.name")
    expect(await failing({ path: "none.jsonl", verifier: "integer" })).toBe("task.sources.0.path")
    expect(await failing({ name: "add2", weight: 0 })).toBe("task.sources.0.weight")
    expect(await failing({ name: "add2" }, { name: "add2", seed: 2 })).toBe("task.sources.1.source")
    expect(await failing()).toBe("task.sources")
  })

  test("can be checked without its files, all sources at once", () => {
    const check =
      (...sources: readonly object[]) =>
      (): void =>
        checkTaskSettings({ name: "dataset", sources })
    const paths = (run: () => void): string[] => {
      try {
        run()
        return []
      } catch (error) {
        return (error as ConfigError).issues.map(({ path }) => path)
      }
    }
    expect(paths(check({ name: "add2" }, { path: "not-there.jsonl", verifier: "integer" }))).toEqual([])
    expect(paths(check({ name: "add2", dificulty: 1 }, { path: "x.jsonl", splt: "a" }))).toEqual([
      "task.sources.0.dificulty",
      "task.sources.1.splt",
    ])
    expect(paths(() => checkTaskSettings({ name: "dataset" }))).toEqual(["task.path"])
    expect(paths(() => checkTaskSettings({ name: "sortt" }))).toEqual(["task.name"])
  })
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { boxedAnswer } from "../verifiers/math/boxed.ts"
import { readBenchmark } from "./benchmark-problems.ts"
import { benchmarkByName, benchmarks } from "./benchmarks.ts"
import type { Benchmark } from "./benchmarks.ts"

/** Excerpts of a few rows each. */
const excerpts = fileURLToPath(new URL("../../test/fixtures/benchmarks", import.meta.url))
/** The whole files, where there are any: `PIRL_BENCH_DIR=DIR npx vitest run src/evaluation`. */
const whole = process.env["PIRL_BENCH_DIR"]
const folder = mkdtempSync(join(tmpdir(), "pirl-benchmarks-"))
afterAll(() => rmSync(folder, { recursive: true }))

async function failure(name: string, directory: string): Promise<Error> {
  return readBenchmark(benchmarkByName(name), directory).then(
    () => new Error("nothing was rejected"),
    (error: Error) => error,
  )
}

/** The answer of a gold, which may be a whole solution. */
const answerOf = (gold: string): string => boxedAnswer(gold) ?? gold

/** Ways to say an answer that the benchmark's verifier must read. */
function saidIn({ verifier, answerForm }: Benchmark, gold: string): string[] {
  const answer = answerOf(gold)
  const whole = answer === gold ? [] : [gold]
  return [...whole, answerForm(answer), ...(verifier === "math" ? [`So the final answer is $${answer}$.`] : [])]
}

/** Problems whose gold answer, said as a response, is not right by the benchmark's verifier. */
async function unverified(benchmark: Benchmark, directory: string): Promise<string[]> {
  const { problems, verifier } = await readBenchmark(benchmark, directory)
  const found: string[] = []
  for (const { problem } of problems) {
    const { id, gold, row = {} } = problem
    for (const completion of saidIn(benchmark, gold)) {
      const { status, reason } = await verifier.verify({ gold, completion, row })
      if (status !== "correct") found.push(`${id}: ${status}, ${reason}`)
    }
  }
  return found
}

/** Problems for which the answer to the next one, which is written otherwise, is taken for right. */
async function mixedUp(benchmark: Benchmark, directory: string): Promise<string[]> {
  const { problems, verifier } = await readBenchmark(benchmark, directory)
  const plain = (text: string): string => text.replaceAll(/\s/g, "")
  const found: string[] = []
  for (const [i, { problem }] of problems.entries()) {
    const other = answerOf(problems[(i + 1) % problems.length].problem.gold)
    if (plain(other) === plain(answerOf(problem.gold))) continue
    const { status } = await verifier.verify({
      gold: problem.gold,
      completion: benchmark.answerForm(other),
      row: problem.row ?? {},
    })
    if (status === "correct") found.push(`${problem.id}: ${other} for ${answerOf(problem.gold)}`)
  }
  return found
}

describe.each(benchmarks.map((benchmark) => [benchmark.name, benchmark] as const))("%s", (_, benchmark) => {
  test("is read as published: chats that ask for steps, and gold answers that are right", async () => {
    expect(await unverified(benchmark, excerpts)).toEqual([])
    const { problems, verifier } = await readBenchmark(benchmark, excerpts)
    expect(problems.length).toBeGreaterThan(0)
    const wrong = benchmark.verifier === "math" ? "\\boxed{-7777/13}" : "<answer>\n?\n</answer>"
    for (const { problem } of problems) {
      expect(problem.prompt).toMatchObject([{ role: "user", content: expect.stringMatching(/step by step/) }])
      expect((await verifier.verify({ gold: problem.gold, completion: wrong })).status).not.toBe("correct")
    }
  })

  test.skipIf(whole === undefined)(
    "has no gold answer that is wrong by its own verifier, and tells answers apart",
    async () => {
      expect(await unverified(benchmark, whole!)).toEqual([])
      // The one is x = 5 for 5.
      expect((await mixedUp(benchmark, whole!)).length).toBeLessThanOrEqual(benchmark.name === "math-500" ? 1 : 0)
      expect((await readBenchmark(benchmark, whole!)).problems).toHaveLength(benchmark.size)
    },
  )
})

describe("a benchmark", () => {
  test("has the ids, levels and types of its file", async () => {
    const math = await readBenchmark(benchmarkByName("math-test"), excerpts)
    expect(new Set(math.problems.map(({ level }) => level))).toEqual(new Set(["Level 1", "Level 3"]))
    expect(math.problems.every(({ type }) => type !== undefined)).toBe(true)
    expect(math.problems.map(({ problem }) => problem.id)).toEqual(["0", "1", "2", "3"])
    const numbered = await readBenchmark(benchmarkByName("math-500"), excerpts)
    expect(numbered.problems.map(({ problem }) => problem.id)).toEqual(["0", "1", "4"])
    const science = await readBenchmark(benchmarkByName("sciknoweval-chemistry"), excerpts, 1)
    expect(science.problems).toHaveLength(1)
    expect(science.problems[0].level).toMatch(/^L\d$/)
  })

  test("may be a file of plain questions, which get the instruction", async () => {
    writeFileSync(join(folder, "aime25.jsonl"), '{"problem": "Find $x + {y}$.", "answer": 70, "unique_id": "I-1"}\n')
    const { problems } = await readBenchmark(benchmarkByName("aime25"), folder)
    expect(problems[0].problem).toMatchObject({ id: "I-1", gold: "70" })
    expect(problems[0].problem.prompt).toEqual([
      {
        role: "user",
        content: "Find $x + {y}$.\n\nPlease solve this step by step and put your final answer in \\boxed{}.",
      },
    ])
  })

  test("that is unknown is named with those there are", () => {
    expect(() => benchmarkByName("math-50")).toThrow(ConfigError)
    expect(() => benchmarkByName("math-50")).toThrow(
      /expected one of math-500, math-test, .*sciknoweval-physics, got "math-50"\. Did you mean math-500\?/,
    )
  })

  test("without a file says where it was looked for", async () => {
    const error = await failure("amc23", folder)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toContain(folder)
    expect(error.message).toMatch(/amc23\.parquet .*--bench-dir or PIRL_BENCH_DIR/)
  })

  test("cut short, or with a row without an answer, is a data error with the place", async () => {
    const bytes = readFileSync(join(excerpts, "math-test.parquet"))
    writeFileSync(join(folder, "math-test.parquet"), bytes.subarray(0, bytes.length - 100))
    const short = await failure("math-test", folder)
    expect(short).toBeInstanceOf(DataError)
    expect(short.message).toContain(join(folder, "math-test.parquet"))
    writeFileSync(
      join(folder, "minerva-math.jsonl"),
      '{"problem": "A", "answer": "1"}\n{"problem": "B", "answer": null}\n',
    )
    expect((await failure("minerva-math", folder)).message).toMatch(/minerva-math\.jsonl, line 2: .*"answer", got null/)
  })
})

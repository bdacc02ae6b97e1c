import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { ConfigError, DataError, EngineError } from "../errors.ts"
import { mathVerifier } from "../verifiers/math/index.ts"
import { votesOf } from "./answer-classes.ts"
import type { BenchmarkSet } from "./benchmark-problems.ts"
import { benchmarkByName } from "./benchmarks.ts"
import { evaluateBenchmark } from "./evaluate-benchmark.ts"
import type { BenchmarkOutcome, BenchmarkRunOptions } from "./evaluate-benchmark.ts"
import type { ModelResponse, Responder, ResponseRequest } from "./responder.ts"
import { claimFolder } from "./response-log.ts"
import type { ResponseLine } from "./response-log.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-evaluate-"))
afterAll(() => rmSync(folder, { recursive: true }))
let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(folder, "out-"))
})

/** Problem i has gold i / 2; the first half are of level 1. */
function setOf(size: number): BenchmarkSet {
  return {
    benchmark: benchmarkByName("amc23"),
    verifier: mathVerifier(),
    problems: Array.from({ length: size }, (_, i) => ({
      problem: { id: String(i), prompt: `Half of ${i}?`, gold: `\\frac{${i}}{2}` },
      level: i < size / 2 ? "1" : "2",
      type: "same",
    })),
  }
}

interface Scripted extends Responder {
  readonly asked: string[]
}

/** Answers by a function of (problem, attempt); undefined is a request that fails, an error ends everything. */
function scripted(
  answer: (problem: number, attempt: number) => string | Partial<ModelResponse> | Error | undefined,
): Scripted {
  const asked: string[] = []
  return {
    asked,
    settings: { model: "scripted" },
    async respond(requests, receiver) {
      for (const request of requests) {
        asked.push(`${request.problem.id}/${request.attempt}`)
        const response = answer(Number(request.problem.id), request.attempt)
        if (response instanceof Error) throw response
        if (response === undefined) receiver.onFailure(request, "busy")
        else
          await receiver.onResponses([
            {
              request,
              response: {
                text: "",
                stopReason: "stop",
                ...(typeof response === "string" ? { text: response } : response),
              },
            },
          ])
      }
    },
  }
}

function evaluate(
  set: BenchmarkSet,
  responder: Responder,
  changes: Partial<BenchmarkRunOptions> = {},
): Promise<BenchmarkOutcome> {
  return evaluateBenchmark(set, responder, { directory, n: 4, seed: 0, verifierTimeoutMs: 2000, ...changes })
}

const linesOf = (): ResponseLine[] => {
  const text = readFileSync(join(directory, "amc23.jsonl"), "utf8")
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ResponseLine)
}

describe("a report", () => {
  test("counts right answers by attempts, votes and levels", async () => {
    // Level 1: right in 2 of 4 attempts, the wrong ones differ. Level 2: right in 1 of 4, the wrong ones agree in other words.
    const wrong = [
      ["7", "8"],
      ["x=3", "3.0", "3"],
    ]
    const answers = scripted((problem, attempt) => {
      const right = `so \\boxed{${problem / 2}}`
      const level = problem < 2 ? 0 : 1
      return attempt < (level === 0 ? 2 : 1)
        ? right
        : { text: `\\boxed{${wrong[level][attempt % wrong[level].length]}}`, tokens: 10 }
    })
    const { report } = await evaluate(setOf(4), answers)
    expect(report).toMatchObject({
      problems: 4,
      n: 4,
      responses: 16,
      missing: 0,
      meanTokens: 10,
      noAnswerRate: 0,
      truncationRate: 0,
      verifierFailures: 0,
    })
    expect(report.average?.value).toBeCloseTo((0.5 + 0.25) / 2, 12)
    expect(report.passAt["1"].value).toBeCloseTo(report.average!.value, 12)
    expect(report.passAt["4"].value).toBe(1)
    expect(report.passAt["2"].value).toBeCloseTo((5 / 6 + 1 / 2) / 2, 12)
    expect(report.majorityAt["4"].value).toBe(0.5)
    expect(report.byLevel).toMatchObject({
      1: { problems: 2, average: { value: 0.5 } },
      2: { problems: 2, average: { value: 0.25 } },
    })
    expect(report.byType).toBeUndefined()
  })

  test("tells truncated responses, those without an answer and those the verifier could not judge apart", async () => {
    const set = setOf(4)
    const failing: BenchmarkSet = {
      ...set,
      verifier: {
        name: "own",
        verify: (input) =>
          input.completion === "crash" ? Promise.reject(new Error("broken")) : set.verifier.verify(input),
      },
    }
    const said = [{ text: "thinking", stopReason: "length" as const }, "crash", "\\boxed{1}", "\\boxed{3/2}"]
    const { report } = await evaluate(
      failing,
      scripted((problem) => said[problem]),
      { n: 1 },
    )
    expect(report).toMatchObject({ problems: 3, responses: 3, missing: 0, truncationRate: 0.25, verifierFailures: 1 })
    expect(report.noAnswerRate).toBeCloseTo(1 / 3, 12)
    expect(report.average?.value).toBeCloseTo(2 / 3, 12)
    expect(report.majorityAt).toEqual({})
  })

  test("of nothing has no average", async () => {
    const { report } = await evaluate(
      setOf(2),
      scripted(() => undefined),
      { n: 1 },
    )
    expect(report).toMatchObject({ problems: 0, responses: 0, missing: 2, average: null, passAt: {} })
  })
})

describe("an evaluation", () => {
  test("keeps every response with its verdict and its prompt", async () => {
    await evaluate(
      setOf(1),
      scripted(() => ({ text: "It is \\boxed{0}", tokens: 5, reasoning: "hm" })),
      { n: 2 },
    )
    expect(linesOf()).toMatchObject([
      {
        benchmark: "amc23",
        problem: "0",
        attempt: 0,
        level: "1",
        prompt: "Half of 0?",
        completion: "It is \\boxed{0}",
        reasoning: "hm",
        status: "correct",
        tokens: 5,
      },
      { attempt: 1 },
    ])
  })

  test("goes on where it stopped, and counts the same as one that never did", async () => {
    const answer = (problem: number, attempt: number): string => `\\boxed{${attempt === 0 ? problem / 2 : problem}}`
    let calls = 0
    const broken = scripted((problem, attempt) =>
      ++calls > 5 ? new EngineError("endpoint: down") : answer(problem, attempt),
    )
    const first = await evaluate(setOf(4), broken)
    expect(first.stopped?.message).toBe("endpoint: down")
    expect(first.report).toMatchObject({ responses: 5, missing: 11 })
    // A process that is killed may leave half a line.
    appendFileSync(join(directory, "amc23.jsonl"), '{"benchmark": "amc2')
    const resumed = scripted(answer)
    const second = await evaluate(setOf(4), resumed)
    expect(resumed.asked).toHaveLength(11)
    expect(resumed.asked).not.toContain("0/0")
    directory = mkdtempSync(join(folder, "whole-"))
    const whole = await evaluate(setOf(4), scripted(answer))
    expect(second).toEqual(whole)
    const done = scripted(answer)
    await evaluate(setOf(4), done)
    expect(done.asked).toEqual([])
  })

  test("asks again for what failed, and for more when more are wanted", async () => {
    const first = await evaluate(
      setOf(3),
      scripted((problem) => (problem === 1 ? undefined : "\\boxed{0}")),
      { n: 1 },
    )
    expect(first.report.missing).toBe(1)
    const more = scripted(() => "\\boxed{0}")
    await evaluate(setOf(3), more, { n: 2 })
    expect(more.asked).toEqual(["0/1", "1/0", "1/1", "2/1"])
  })

  test("gives each attempt a seed of its own that never changes", async () => {
    const seeds: number[] = []
    const collecting: Responder = {
      settings: {},
      respond: (requests: readonly ResponseRequest[]) =>
        Promise.resolve(void seeds.push(...requests.map(({ seed }) => seed))),
    }
    await evaluate(setOf(3), collecting, { n: 2 })
    await evaluate(setOf(3), collecting, { n: 2 })
    expect(new Set(seeds.slice(0, 6)).size).toBe(6)
    expect(seeds.slice(6)).toEqual(seeds.slice(0, 6))
  })

  test("does not mix responses to other problems, nor of other settings", async () => {
    await evaluate(
      setOf(2),
      scripted(() => "\\boxed{0}"),
      { n: 1 },
    )
    const other = setOf(2)
    const [{ problem, level, type }] = other.problems
    const changed = { ...other, problems: [{ problem: { ...problem, gold: "5" }, level, type }] }
    await expect(
      evaluate(
        changed,
        scripted(() => ""),
      ).then(() => undefined),
    ).rejects.toThrow(DataError)
    claimFolder(directory, { model: "a", temperature: 0.6 })
    claimFolder(directory, { model: "a", temperature: 0.6 })
    expect(() => claimFolder(directory, { model: "b", temperature: 0.6, topP: 1 })).toThrow(ConfigError)
    expect(() => claimFolder(directory, { model: "b", temperature: 0.6 })).toThrow(/model "a" there, "b" here/)
    writeFileSync(join(directory, "settings.json"), "{")
    expect(() => claimFolder(directory, {})).toThrow(DataError)
  })
})

describe("votes", () => {
  test("are counted by what answers mean", async () => {
    const answers = ["1/2", "0.5", "\\frac{2}{4}", "2", undefined].map(
      (extracted, i) => ({ status: i === 3 ? "correct" : i === 4 ? "no-answer" : "incorrect", extracted }) as const,
    )
    const votes = await votesOf(answers, {
      verifier: mathVerifier(),
      answerForm: (answer) => `\\boxed{${answer}}`,
      timeoutMs: 1000,
    })
    expect(votes.map(({ answer }) => answer)).toEqual([1, 1, 1, 0, undefined])
    expect(votes.map(({ correct }) => correct)).toEqual([false, false, false, true, false])
  })
})

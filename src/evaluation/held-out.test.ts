import { afterEach, expect, test, vi } from "vitest"
import type { Engine, SampleProgress, Sequence } from "../engine/engine.ts"
import { createCharacterTokenizer } from "../model/tokenizer-create.ts"
import type { Task } from "../data/task.ts"
import { evaluateHeldOut } from "./held-out.ts"

afterEach(() => {
  vi.useRealTimers()
})

const tokenizer = createCharacterTokenizer("ab")
const task: Task = {
  name: "letters",
  trainSize: 0,
  trainProblem: () => ({ id: "a", prompt: "a", gold: "a" }),
  heldOut: ["a", "b", "b"].map((gold, i) => ({ id: String(i), prompt: "a", gold })),
  verifierFor: () => ({ name: "same", verify: ({ gold, completion }) => ({ status: completion === gold ? "correct" : "incorrect", reward: 0, reason: "" }) }),
}

test("an evaluation tells every few seconds how many responses there are, and no longer once it is over", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
  let complete: (sequences: Sequence[][]) => void = () => undefined
  let progress: SampleProgress = { responses: 0, share: 0 }
  const engine: Pick<Engine, "sample" | "sampled"> = { sample: () => new Promise((resolve) => (complete = resolve)), sampled: () => progress }
  const heard: [SampleProgress, number][] = []
  const context = { engine: engine as Engine, tokenizer, task, eosTokens: [], stopStrings: [], maxResponseTokens: 1, verifierTimeoutMs: 1000 }
  const result = evaluateHeldOut(context, { greedy: true, expected: false, onProgress: (...told) => void heard.push(told) })
  vi.advanceTimersByTime(5000)
  progress = { responses: 2, share: 0.8 }
  vi.advanceTimersByTime(5000)
  const [token] = tokenizer.encode("a")
  complete(task.heldOut.map(() => [{ tokens: [token!], logprobs: Float32Array.of(0), policyLogprobs: Float32Array.of(0), stopReason: "length" }]))
  expect((await result).greedyAccuracy).toBeCloseTo(1 / 3, 12)
  vi.advanceTimersByTime(20_000)
  expect(heard).toEqual([[{ responses: 0, share: 0 }, 3], [{ responses: 2, share: 0.8 }, 3]])
})

test("the first expected accuracy is told of the steps' problems too, whether those are fewer or more", async () => {
  const heldOut = ["a", "b", "b", "a"].map((gold, i) => ({
    id: String(i),
    prompt: "a",
    gold,
    solution: gold,
    unique: true,
  }))
  // The log-prob of each answer, in the order of the problems: 1/2, 1/4, 1/8, 1/16.
  const asked: number[] = []
  const logprobs: Engine["logprobs"] = (sequences) => {
    asked.push(sequences.length)
    return Promise.resolve(sequences.map((_, i) => Float32Array.of(-(i + 1) * Math.LN2)))
  }
  const engine = { logprobs } as Engine
  const context = {
    engine,
    tokenizer,
    task: { ...task, heldOut },
    eosTokens: [],
    stopStrings: [],
    maxResponseTokens: 1,
    verifierTimeoutMs: 1000,
  }
  const of = (options: { size?: number; stepSize?: number }): ReturnType<typeof evaluateHeldOut> =>
    evaluateHeldOut(context, { greedy: false, expected: true, ...options })
  const fewer = await of({ stepSize: 2 })
  expect(fewer.expectedAccuracy).toBeCloseTo(15 / 64, 6)
  expect(fewer.stepExpectedAccuracy).toBeCloseTo(3 / 8, 6)
  // Without another pass.
  expect(asked).toEqual([4])
  const more = await of({ size: 1, stepSize: 200 })
  expect([more.expectedAccuracy, more.stepExpectedAccuracy]).toEqual([
    expect.closeTo(1 / 2, 6),
    expect.closeTo(15 / 64, 6),
  ])
  expect("stepExpectedAccuracy" in (await of({}))).toBe(false)
  expect("stepExpectedAccuracy" in (await of({ stepSize: 0 }))).toBe(false)
})

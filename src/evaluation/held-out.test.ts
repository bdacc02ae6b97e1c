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

import { describe, expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import { createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { createAdvantage } from "../objectives/index.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { makeBatch } from "./batch.ts"
import { completionLines } from "./completion-lines.ts"
import { stepRollout } from "./step-rollout.test-helper.ts"

const tokenizer = createCharacterTokenizer("0123456789")

function rollout(text: string, reward: number, more: Partial<StepRollout> = {}): StepRollout {
  const tokens = [...tokenizer.encode(text), tokenizer.eosTokens[0]!]
  const logprobs = Float32Array.from(tokens, (_, t) => -0.12345 * (t + 1))
  return stepRollout(0, reward, { text, sequence: { tokens, logprobs: logprobs.map((value) => value / 2), policyLogprobs: logprobs, stopReason: "stop" }, ...more })
}

const rollouts = [rollout("2", 1), rollout("13", 0, { failed: true }), rollout("7", 0), rollout("2", 1)]
const { sequences } = makeBatch(1, rollouts, createAdvantage("drgrpo"))

function linesOf(settings: object): ReturnType<typeof completionLines> {
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, ...settings })
  return completionLines({ config, tokenizer }, 1, rollouts, sequences)
}

describe("a line of the completions log", () => {
  test("has the log-prob of each token under the policy, and its length in the text", () => {
    const [, second] = linesOf({})
    expect(second).toMatchObject({ completion: "13", tokenLengths: [1, 1, 0], tokenLogprobs: [-0.123, -0.247, -0.37] })
  })

  test("credits each response with its share in its group, and one that was not judged with none", () => {
    const lines = linesOf({})
    const attribution = lines.map((line) => line["attribution"])
    expect(attribution[1]).toBeNull()
    expect(attribution[0]).toBeCloseTo(0.75, 5)
    expect(attribution[2]).toBeCloseTo(-1.5, 5)
    expect(lines.map((line) => line["advantage"])).toEqual([expect.closeTo(1 / 3, 6), null, expect.closeTo(-2 / 3, 6), expect.closeTo(1 / 3, 6)])
  })

  test.each([{ pipo: { enabled: false } }, { pipo: { preset: "verified" } }])("has no attribution where no update is looked back at (%o)", (settings) => {
    expect(linesOf(settings).some((line) => "attribution" in line)).toBe(false)
  })

  test("has no tokens without logging.tokenLogprobs, and there are as many lines as completionsPerStep says", () => {
    const lines = linesOf({ logging: { tokenLogprobs: false, completionsPerStep: 3 } })
    expect(lines).toHaveLength(3)
    expect(lines.some((line) => "tokenLogprobs" in line || "tokenLengths" in line)).toBe(false)
  })
})

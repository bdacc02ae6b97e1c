import { expect, test } from "vitest"
import { parseConfig, type ConfigInput, type ResolvedConfig } from "../config/index.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import type { Verdict } from "../verifiers/verifier.ts"
import { createVerifier } from "../verifiers/registry.ts"
import { describeProblem } from "./first-look-text.ts"
import { diagnoseRewards } from "./reward-diagnosis.ts"
import { stepRollout } from "./step-rollout.test-helper.ts"

function configOf(change: ConfigInput = {}): ResolvedConfig {
  return parseConfig({ model: { preset: "nano", alphabet: "0123456789" }, task: { name: "dataset", path: "questions.jsonl" }, ...change })
}

/** Judged by a verifier of the registry, two responses to a prompt. */
async function judged(verifierName: string, gold: string, texts: readonly string[]): Promise<StepRollout[]> {
  const verifier = createVerifier(verifierName)
  return Promise.all(
    texts.map(async (text, i) => {
      const verdict: Verdict = await verifier.verify({ gold, completion: text })
      return stepRollout(i >> 1, verdict.reward, { text, verdict, problem: { id: `p${i >> 1}`, prompt: "What is 3 + 4?", gold } })
    }),
  )
}

test("responses without a box have no answer; the verifier that finds the right one in some of them is named", async () => {
  const rollouts = await judged("boxed-integer", "7", ["It is 7.", "3 + 4 = 7", "The answer: 8", "I do not know"])
  const problem = await diagnoseRewards(rollouts, { config: configOf(), verifierName: "boxed-integer" })
  expect(problem?.kind).toBe("nothing-rewarded")
  expect(problem?.message).toBe("4 of 4 responses have no answer: the response has no \\boxed{...} that closes")
  expect(problem?.advice[0]).toBe("another verifier: integer finds an answer in 3 of 4 responses, 2 of them right (task.verifier: integer)")
  expect(problem?.advice).toContain("asking in the prompt for the form that the verifier boxed-integer reads (task.template)")
  expect(problem?.advice.at(-1)).toContain("a warm start on solutions")
  expect(problem?.examples.map(({ response }) => response)).toEqual(["It is 7.", "3 + 4 = 7"])
})

test("a verifier that finds nothing either, or only wrong answers where there are answers, is not advised", async () => {
  const silent = await judged("boxed-integer", "7", ["no", "nothing"])
  expect((await diagnoseRewards(silent, { config: configOf(), verifierName: "boxed-integer" }))?.advice.join()).not.toContain("another verifier")
  const wrong = await judged("integer", "7", ["8", "9"])
  const problem = await diagnoseRewards(wrong, { config: configOf(), verifierName: "integer" })
  expect(problem?.message).toBe("2 of 2 responses have a wrong answer: for one, expected 7, got 8")
  expect(problem?.advice.join()).not.toContain("another verifier")
})

test("of several kinds of verdicts each has its count and its most common reason, the most common kind first", async () => {
  const rollouts = await judged("boxed-integer", "7", ["no", "\\boxed{8}", "\\boxed{9}", "\\boxed{8}"])
  const problem = await diagnoseRewards(rollouts, { config: configOf(), verifierName: "boxed-integer" })
  expect(problem?.message).toBe("none of 4 responses is rewarded; 3 have a wrong answer: for 2 of them, expected 7, got 8; 1 has no answer: the response has no \\boxed{...} that closes")
})

test("truncated and empty responses, and ground truths that cannot be read, have advice of their own", async () => {
  const adviceOn = async (rollouts: readonly StepRollout[], config: ResolvedConfig = configOf()): Promise<string> =>
    (await diagnoseRewards(rollouts, { config, verifierName: "integer" }))!.advice[0]!
  const long = (await judged("integer", "7", ["let us think", "well"])).map((rollout): StepRollout => ({ ...rollout, sequence: { ...rollout.sequence, stopReason: "length" } }))
  expect(await adviceOn(long, configOf({ rollout: { maxResponseTokens: 32 } }))).toBe("a larger rollout.maxResponseTokens: 2 of 2 responses are cut off at 32 tokens")
  expect(await adviceOn(await judged("integer", "7", ["", " "]))).toContain("2 of 2 responses are empty. A chat model wants its template")
  expect(await adviceOn(await judged("integer", "seven", ["7", "8"]))).toContain("task.columns.answer")
})

test("rewards of one kind alone are a problem, one group that differs is none", async () => {
  const context = { config: configOf(), verifierName: "integer" }
  expect((await diagnoseRewards([stepRollout(0, 1), stepRollout(0, 1), stepRollout(1, 1)], context))?.kind).toBe("everything-right")
  const flat = await diagnoseRewards([stepRollout(0, 1), stepRollout(0, 1), stepRollout(1, 0), stepRollout(1, 0)], context)
  expect([flat?.kind, flat?.message]).toEqual(["no-signal", "in each of 2 groups all responses have one reward (2 of 4 responses are rewarded): there is nothing to compare"])
  expect(flat?.advice[0]).toContain("rollout.groupSize, now 8")
  expect(await diagnoseRewards([stepRollout(0, 1), stepRollout(0, 0), stepRollout(1, 0)], context)).toBeUndefined()
  expect(await diagnoseRewards([stepRollout(0, 0, { failed: true })], context)).toBeUndefined()
})

test("what a model wrote is quoted, shortened, and cannot steer the terminal", async () => {
  const rollouts = await judged("boxed-integer", "7", ["\u001B[31mred\u009B\u2028", "x".repeat(500)])
  const text = describeProblem((await diagnoseRewards(rollouts, { config: configOf(), verifierName: "boxed-integer" }))!)
  expect(text).toContain("the response \"\\u001b[31mred\\u009b\\u2028\"")
  expect(text).toContain(`"${"x".repeat(160)}…"`)
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\u2028/u)
})

import { describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { createObjective } from "../objectives/index.ts"
import { pipo, plainRule, replayRule, type PipoOptions } from "./index.ts"
import type { BatchSequence, IterationBatch, Plan, UpdateRule } from "./update-rule.ts"

/** A batch that is known again by its prompt. */
function batchOf(step: number, meanReward: number, offPolicySteps?: number): IterationBatch {
  const row = (value: number): Float32Array => Float32Array.of(value, value)
  const sequences = [1, -1].map((advantage): BatchSequence => ({ promptTokens: [step], responseTokens: [1, 2], group: 0, behaviourLogprobs: row(-1), advantages: row(advantage), mask: row(1) }))
  return { step, meanReward, sequences, ...(offPolicySteps === undefined ? {} : { offPolicySteps }) }
}

function ruleOf(options: PipoOptions = {}): UpdateRule {
  return pipo(plainRule({ objective: createObjective("grpo") }), { window: 2, minSteps: 1, ...options })
}

const lags = [0, 1, 1, 1, 1]
const means = [0.1, 0.2, 0.5, 0.3, 0.9]

function run(rule: UpdateRule, from = 0, to = means.length, applied: (step: number) => boolean = () => true): Plan[] {
  return means.slice(from, to).map((mean, i) => {
    const batch = batchOf(from + i + 1, mean, lags[from + i]!)
    const plan = rule.plan(batch)
    rule.commit(batch, { explorationApplied: applied(batch.step) })
    return plan
  })
}

/** Steps whose batch each plan goes over again, before its own. */
function goneOver(plans: readonly Plan[]): (number | undefined)[] {
  return plans.map(({ updates }) => updates.find(({ kind }) => kind !== "exploration")?.sequences[0]!.promptTokens[0])
}

describe("batches of the policy before the last update", () => {
  test("judge the update that led to the policy that sampled them, on its own batch; the second batch of a policy judges nothing", () => {
    const plans = run(ruleOf())
    expect(goneOver(plans)).toEqual([undefined, undefined, 1, 2, 3])
    expect(plans.map(({ metrics }) => metrics["judgedStep"])).toEqual([null, null, 1, 2, 3])
    expect(plans.map(({ metrics }) => metrics["verdict"])).toEqual(["undecided", "undecided", "improved", "regressed", "improved"])
    expect(plans[1]!.metrics).toMatchObject({ skipReason: "no-cache" })
  })

  test("are compared with the means before them, as ever", () => {
    const [, , third] = run(ruleOf({ sigma: "population" }))
    expect(third!.metrics["xi"]).toBeCloseTo((0.5 - 0.15) / 0.05, 6)
  })

  test("leave an update that was refused unjudged, and judge the one after it", () => {
    const plans = run(ruleOf(), 0, 5, (step) => step !== 2)
    expect(plans.map(({ metrics }) => metrics["judgedStep"])).toEqual([null, null, 1, null, 3])
  })

  test("do not judge an update twice: after a batch of the newest policy the next has nothing new", () => {
    const rule = ruleOf()
    run(rule)
    const plans = [batchOf(6, 0.4, 0), batchOf(7, 0.6, 1), batchOf(8, 0.7, 1)].map((batch) => {
      const plan = rule.plan(batch)
      rule.commit(batch, { explorationApplied: true })
      return plan
    })
    expect(plans.map(({ metrics }) => metrics["judgedStep"])).toEqual([5, null, 6])
  })

  test.each([
    ["PIPO", ruleOf],
    ["replay", () => replayRule(plainRule({ objective: createObjective("grpo") }))],
  ] as const)("go on from a saved state as without a stop: %s", (_, make) => {
    const [whole, first, second] = [make(), make(), make()]
    const wanted = run(whole)
    run(first, 0, 3)
    second.restore(structuredClone(first.state()))
    expect(goneOver(run(second, 3))).toEqual(goneOver(wanted).slice(3))
    expect(goneOver(wanted)).toEqual([undefined, undefined, 1, 2, 3])
    expect(second.state()).toEqual(whole.state())
  })

  test("are part of a state that is checked", () => {
    const rule = ruleOf()
    run(rule)
    const saved = structuredClone(rule.state()) as { earlier: { advantages: Float32Array }[][] }
    saved.earlier[0]![0]!.advantages = new Float32Array(1)
    expect(() => ruleOf().restore(saved)).toThrow(CheckpointError)
    expect(() => ruleOf().restore(saved)).toThrow(/earlier/)
  })
})

test("a state of on-policy batches holds one of them and no metric of lag, as before there was any", () => {
  const rule = ruleOf()
  for (const step of [1, 2, 3]) {
    const batch = batchOf(step, step / 10)
    expect(rule.plan(batch).metrics).not.toHaveProperty("judgedStep")
    rule.commit(batch, { explorationApplied: true })
  }
  expect(Object.keys(rule.state() as object).sort()).toEqual(["cache", "inner", "iterations", "past", "window"])
})

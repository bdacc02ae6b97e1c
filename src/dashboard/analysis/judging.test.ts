import { describe, expect, test } from "vitest"
import { improvementReward, judgementOf } from "./judging.ts"
import { judgementText } from "./outcomes.ts"
import { tableOf } from "./table.test-helper.ts"

const metrics = tableOf([
  { step: 1, gate: "skipped", skipReason: "no-cache", xi: 0 },
  { step: 2, gate: "reinforce", xi: 1.5, gateFactor: 1.5, lossScale: 1, learningRateScale: 1 },
  { step: 3, gate: "suppress", xi: -2, gateFactor: -2, lossScale: 0.1, learningRateScale: 1 },
  { step: 4, gate: "skipped", skipReason: "threshold", xi: 0.01 },
])

describe("the look back at an update", () => {
  test("is that of the next step: its signal, gate and what was done", () => {
    expect(judgementOf(metrics, 1)).toEqual({ step: 2, xi: 1.5, gate: "reinforce", skipReason: null, scales: { factor: 1.5, lossScale: 1, learningRateScale: 1 }, improvement: null })
    expect(judgementOf(metrics, 3)).toEqual({ step: 4, xi: 0.01, gate: "skipped", skipReason: "threshold", scales: null, improvement: null })
  })

  test("is not there for the newest step, a step that is not in the log, and a rule without a gate", () => {
    expect([judgementOf(metrics, 4), judgementOf(metrics, 9), judgementOf(tableOf([{ step: 1 }, { step: 2 }]), 1)]).toEqual([null, null, null])
  })

  test("is that of the step that names it when rollouts overlap updates", () => {
    const overlapped = tableOf([
      { step: 1, gate: "skipped", offPolicySteps: 0, judgedStep: null },
      { step: 2, gate: "skipped", offPolicySteps: 1, judgedStep: null },
      { step: 3, gate: "suppress", xi: -1, offPolicySteps: 1, judgedStep: 1 },
    ])
    expect(judgementOf(overlapped, 1)).toMatchObject({ step: 3, gate: "suppress", xi: -1 })
    expect(judgementOf(overlapped, 2)).toBeNull()
  })

  test("is what was measured of it where the step size is steered", () => {
    const steered = tableOf([{ step: 1 }, { step: 2, improvement: 0.02, improvementStandardError: 0.01 }])
    expect(judgementOf(steered, 1)).toMatchObject({ step: 2, gate: null, improvement: { mean: 0.02, standardError: 0.01 } })
    expect(judgementText(judgementOf(steered, 1)!)).toBe("Measured in step 2: the update changed the mean reward by +2.00 points, standard error 1.00.")
    expect(judgementText(judgementOf(metrics, 3)!)).toBe("Looked back at in step 4: xi +0.01, not taken up again (threshold).")
  })

  test("measures nothing of an update that steering left out", () => {
    const cut = tableOf([{ step: 1, stepCut: 1 }, { step: 2, stepCut: 0, improvement: 1e-9, improvementStandardError: 1e-10 }])
    expect(judgementOf(cut, 1)).toBeNull()
  })

  test("gives a response its attribution times the gated signal, and nothing where the gate stayed shut", () => {
    expect(improvementReward(-0.5, judgementOf(metrics, 1))).toBeCloseTo(-0.75, 12)
    expect(improvementReward(0.5, judgementOf(metrics, 2))).toBeCloseTo(-0.1, 12)
    expect([improvementReward(0.5, judgementOf(metrics, 3)), improvementReward(null, judgementOf(metrics, 1)), improvementReward(0.5, null)]).toEqual([null, null, null])
  })
})

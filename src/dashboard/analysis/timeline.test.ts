import { describe, expect, test } from "vitest"
import { tableOf } from "./table.test-helper.ts"
import { improvementTimeline } from "./timeline.ts"

const metrics = tableOf([
  { step: 1, gate: "skipped", xi: 0, expectedAccuracy: 0.5 },
  { step: 2, gate: "reinforce", xi: 1, expectedAccuracy: 0.6 },
  { step: 3, gate: "suppress", xi: -2, expectedAccuracy: 0.55 },
])

describe("the improvement timeline", () => {
  test("tells of an update what the next step's gate said, and what its own step did to J", () => {
    const timeline = improvementTimeline(metrics, tableOf([]), 100)
    expect(timeline).toMatchObject({ source: "every-step", judge: "gate", step: [1, 2, 3], better: [1, 0, 0], worse: [0, 1, 0], undecided: [0, 0, 0], leftOut: [0, 0, 0], signal: [1, -2, null] })
    expect(timeline.change[0]).toBeNull()
    expect(timeline.change[1]).toBeCloseTo(0.1, 12)
    expect(timeline.change[2]).toBeCloseTo(-0.05, 12)
    expect(timeline.totals.worse).toMatchObject({ updates: 1, rose: 1, fell: 0 })
  })

  test("begins at J(0), so that what the first update did is known", () => {
    const evaluations = tableOf([{ step: 0, expectedAccuracy: 0.72, stepExpectedAccuracy: 0.7 }])
    const { start, change, totals } = improvementTimeline(metrics, evaluations, 100)
    expect(start).toBe(0.7)
    expect(change[0]).toBeCloseTo(-0.2, 12)
    // The first update was reinforced one step later, and had hurt.
    expect(totals.better).toMatchObject({ updates: 1, rose: 0, fell: 1 })
  })

  test("takes J(0) of an older log from its evaluation only where both are on the same problems", () => {
    const older = (after3: number): (number | null)[] => {
      const evaluations = tableOf([{ step: 0, expectedAccuracy: 0.7 }, { step: 3, expectedAccuracy: after3 }])
      const { start, change } = improvementTimeline(metrics, evaluations, 100)
      return [start, change[0]!]
    }
    expect(older(0.55)).toEqual([0.7, expect.closeTo(-0.2, 12)])
    expect(older(0.54)).toEqual([null, null])
  })

  test("of a log that begins later knows no J(0)", () => {
    const later = tableOf([{ step: 5, expectedAccuracy: 0.5 }, { step: 6, expectedAccuracy: 0.6 }])
    const evaluations = tableOf([{ step: 0, expectedAccuracy: 0.7, stepExpectedAccuracy: 0.7 }])
    expect(improvementTimeline(later, evaluations, 100)).toMatchObject({
      start: null,
      change: [null, expect.closeTo(0.1, 12)],
    })
  })

  test("of rollouts that overlap updates tells what the step said that judged it", () => {
    const overlapped = tableOf([
      { step: 1, gate: "skipped", offPolicySteps: 0, judgedStep: null, xi: 0, expectedAccuracy: 0.5 },
      { step: 2, gate: "skipped", offPolicySteps: 1, judgedStep: null, xi: 0.5, expectedAccuracy: 0.6 },
      { step: 3, gate: "suppress", offPolicySteps: 1, judgedStep: 1, xi: -1, expectedAccuracy: 0.5 },
      { step: 4, gate: "reinforce", offPolicySteps: 1, judgedStep: 2, xi: 2, expectedAccuracy: 0.7 },
    ])
    const { better, worse, undecided, signal, totals } = improvementTimeline(overlapped, tableOf([]), 100)
    expect({ better, worse, undecided, signal }).toEqual({ better: [0, 1, 0, 0], worse: [1, 0, 0, 0], undecided: [0, 0, 0, 0], signal: [-1, 2, null, null] })
    expect(totals.better).toMatchObject({ updates: 1, rose: 1, fell: 0 })
  })

  test("without J of every step shares the change between two evaluations out evenly", () => {
    const without = tableOf([1, 2, 3, 4].map((step) => ({ step, gate: "reinforce", xi: 1 })))
    const evaluations = tableOf([
      { step: 0, greedyAccuracy: 0.5 },
      { step: 4, greedyAccuracy: 0.7 },
    ])
    const { source, start, change } = improvementTimeline(without, evaluations, 100)
    expect([source, start]).toEqual(["evaluations", 0.5])
    expect(change).toHaveLength(4)
    for (const value of change) expect(value).toBeCloseTo(0.05, 12)
  })

  test("in buckets counts verdicts, averages signals, sums changes and keeps the last accuracy", () => {
    const longer = tableOf([
      { step: 1, gate: "skipped", xi: 0, expectedAccuracy: 0.5 },
      { step: 2, gate: "reinforce", xi: 1, expectedAccuracy: 0.6 },
      { step: 3, gate: "suppress", xi: -2, expectedAccuracy: 0.55 },
      { step: 4, gate: "reinforce", xi: 3, expectedAccuracy: 0.65 },
    ])
    expect(improvementTimeline(longer, tableOf([]), 2)).toMatchObject({
      width: 2,
      step: [1, 3],
      better: [1, 1],
      worse: [1, 0],
      signal: [-0.5, 3],
      change: [expect.closeTo(0.1, 12), expect.closeTo(0.05, 12)],
      accuracy: [0.6, 0.65],
      totals: { better: { updates: 2, rose: 0, fell: 1, meanChange: expect.closeTo(-0.05, 12) as number } },
    })
  })

  test("of a run whose step size is steered tells what the next step measured, and which updates were left out", () => {
    const steered = tableOf([
      { step: 1, stepCut: 0, expectedAccuracy: 0.5 },
      { step: 2, improvement: 0.06, improvementStandardError: 0.02, stepCut: 0, expectedAccuracy: 0.6 },
      { step: 3, improvement: -0.06, improvementStandardError: 0.02, stepCut: 0, expectedAccuracy: 0.55 },
      { step: 4, improvement: 0.01, improvementStandardError: 0.02, stepCut: 1, expectedAccuracy: 0.55 },
      { step: 5, improvement: 1e-7, improvementStandardError: 1e-8, stepCut: 0, expectedAccuracy: 0.6 },
      { step: 6, improvement: 0, improvementStandardError: 0, stepCut: 0, expectedAccuracy: 0.6 },
    ])
    expect(improvementTimeline(steered, tableOf([]), 100)).toMatchObject({
      judge: "paired",
      better: [1, 0, 0, 0, 0, 0],
      worse: [0, 1, 0, 0, 0, 0],
      undecided: [0, 0, 1, 0, 0, 0],
      leftOut: [0, 0, 0, 1, 0, 0],
      signal: [expect.closeTo(3, 9), expect.closeTo(-3, 9), expect.closeTo(0.5, 9), null, null, null],
      totals: { better: { updates: 1 }, worse: { updates: 1, rose: 1, fell: 0 } },
    })
  })

  test("a log without a gate or a measurement judges nothing", () => {
    const { judge, totals } = improvementTimeline(tableOf([{ step: 1 }, { step: 2 }]), tableOf([]), 10)
    expect(judge).toBe("none")
    expect(Object.values(totals).map(({ updates }) => updates)).toEqual([0, 0, 0])
  })
})

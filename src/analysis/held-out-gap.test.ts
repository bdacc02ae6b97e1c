import { describe, expect, test } from "vitest"
import { heldOutGap } from "./held-out-gap.ts"
import { changeInterval, measuredAccuracies, rewardsAreGraded } from "./held-out.ts"

const rising = Array.from({ length: 60 }, (_, i) => ({ step: i + 1, mu: 0.4 + 0.001 * i }))

describe("held-out against training", () => {
  test("the mean held-out reward decides where rewards are not 0 and 1", () => {
    const points = [0.6, 0.61, 0.5, 0.4].map((greedyReward, i) => ({
      step: 20 * i,
      size: 50,
      greedyAccuracy: 0.5,
      greedyReward,
      greedyRewardStandardError: 0.02,
    }))
    expect(heldOutGap(() => rising, points)).toMatchObject({ measure: "mean reward", bestStep: 20, best: 0.605, now: 0.45 })
    expect(
      heldOutGap(
        () => rising,
        points.map((point) => ({ ...point, greedyReward: 0.6 })),
      ),
    ).toBeUndefined()
  })

  test("nothing is said of a run that has hardly begun, of falls within the error, and of no evaluation", () => {
    const accuracies = (...values: number[]): { step: number; size: number; greedyAccuracy: number }[] =>
      values.map((greedyAccuracy, i) => ({ step: 20 * i, size: 100, greedyAccuracy }))
    expect(heldOutGap(() => rising, accuracies(0.5, 0.3))?.now).toBe(0.3)
    expect(heldOutGap(() => rising.slice(0, 5), accuracies(0.5, 0.3))).toBeUndefined()
    expect(heldOutGap(() => rising, accuracies(0.5, 0.42))).toBeUndefined()
    expect(heldOutGap(() => rising, [])).toBeUndefined()
    // The logs of the steps are not read for it.
    const unread = (): never => {
      throw new Error("read")
    }
    expect(heldOutGap(unread, accuracies(0.5, 0.49, 0.55))).toBeUndefined()
    expect(heldOutGap(() => [], accuracies(0.5, 0.3))).toBeUndefined()
  })
})

describe("mean held-out reward", () => {
  const before = {
    step: 0,
    size: 3,
    greedyAccuracy: 0,
    greedyCorrect: "000",
    greedyReward: 0,
    greedyRewardStandardError: 0,
  }
  const after = {
    ...before,
    step: 1,
    greedyReward: 0.2,
    greedyRewardStandardError: 0.1,
    greedyRewards: [0.1, 0.2, 0.3],
  }

  test("is told apart from the accuracy", () => {
    expect([rewardsAreGraded([before]), rewardsAreGraded([before, after])]).toEqual([false, true])
  })

  test("changes by the mean of the differences per problem, with their error", () => {
    const [first, last] = measuredAccuracies([before, after], "reward")
    const change = changeInterval(first!, last!)!
    // Differences .1, .2, .3: standard deviation .1, error .1 / sqrt 3.
    expect(change.value).toBeCloseTo(0.2, 12)
    expect(change.high).toBeCloseTo(0.2 + (1.959964 * 0.1) / Math.sqrt(3), 6)
  })
})

import { expect, test } from "vitest"
import { learningRateFactor } from "./schedule.ts"

const at = (schedule: "constant" | "linear" | "cosine", warmupSteps = 0) => (step: number) =>
  learningRateFactor({ schedule, warmupSteps, minLearningRateRatio: 0.1 }, step, 11)

test("warm-up rises linearly to the full rate and then the schedule holds", () => {
  expect([1, 2, 4, 5, 11].map(at("constant", 4))).toEqual([0.25, 0.5, 1, 1, 1])
})

test("linear and cosine decay start at the full rate and end at the least one", () => {
  expect(at("linear")(1)).toBe(1)
  expect(at("linear")(6)).toBeCloseTo(0.55, 12)
  expect(at("linear")(11)).toBeCloseTo(0.1, 12)
  expect(at("cosine")(1)).toBe(1)
  expect(at("cosine")(6)).toBeCloseTo(0.55, 12)
  expect(at("cosine")(11)).toBeCloseTo(0.1, 12)
})

test("a run of one step trains at the full rate", () => {
  expect(learningRateFactor({ schedule: "linear", warmupSteps: 0, minLearningRateRatio: 0.1 }, 1, 1)).toBe(1)
})

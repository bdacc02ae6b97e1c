import * as fc from "fast-check"
import { expect, test } from "vitest"
import { overlongReward } from "./reward-shaping.ts"

test.each([
  [1, 0],
  [16_384, 0],
  [16_385, -1 / 4096],
  [18_432, -0.5],
  [20_480, -1],
])("with the published lengths a response of %i tokens gets %f", (length, expected) => {
  expect(overlongReward(length, 20_480, { bufferTokens: 4096, penalty: 1 })).toBeCloseTo(expected, 12)
})

test("without a buffer there is no penalty at any length", () => {
  for (const length of [0, 1, 99, 100]) expect(overlongReward(length, 100, { bufferTokens: 0, penalty: 1 })).toBe(0)
})

test("the penalty never falls with length and stays between 0 and its whole size", () => {
  const settings = fc.record({ bufferTokens: fc.integer({ min: 0, max: 99 }), penalty: fc.double({ min: 0, max: 10, noNaN: true }) })
  fc.assert(
    fc.property(settings, fc.integer({ min: 0, max: 99 }), (given, length) => {
      const [now, next] = [overlongReward(length, 100, given), overlongReward(length + 1, 100, given)]
      return next <= now && now <= 0 && next >= -given.penalty
    }),
  )
})

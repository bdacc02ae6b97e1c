import { expect, test } from "vitest"
import { mean, median, sampleDeviation, standardError } from "./statistics.ts"

test("by hand: of 1, 2, 3, 6 the mean is 3, the deviation sqrt(14 / 3), the standard error half of it", () => {
  const values = [6, 1, 3, 2]
  expect(mean(values)).toBe(3)
  expect(sampleDeviation(values)).toBeCloseTo(Math.sqrt(14 / 3), 14)
  expect(standardError(values)).toBeCloseTo(Math.sqrt(14 / 3) / 2, 14)
})

test("of nothing there is no mean, of one value no deviation, and no error is told", () => {
  expect([mean([]), sampleDeviation([1]), standardError([1])]).toEqual([Number.NaN, Number.NaN, 0])
})

test("a median lies in the middle, of an even number between the two", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN])
})

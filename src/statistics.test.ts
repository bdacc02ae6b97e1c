import { expect, test } from "vitest"
import { mean, median, standardError } from "./statistics.ts"

test("by hand: of 1, 2, 3, 6 the mean is 3, its standard error sqrt(14 / 3 / 4), the median 2.5", () => {
  const values = [6, 1, 3, 2]
  expect(mean(values)).toBe(3)
  expect(standardError(values)).toBeCloseTo(Math.sqrt(14 / 12), 14)
  expect(median(values)).toBe(2.5)
  expect(values).toEqual([6, 1, 3, 2])
})

test("the median of an odd number is one of them, by size and not by its letters", () => {
  expect(median([100, 9, 20])).toBe(20)
})

test("of nothing there is no mean, and of one value no error", () => {
  expect([mean([]), median([]), standardError([1])]).toEqual([Number.NaN, Number.NaN, Number.NaN])
})

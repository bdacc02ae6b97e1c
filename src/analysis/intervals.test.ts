import { array, assert, constantFrom, integer, property } from "fast-check"
import { expect, test } from "vitest"
import { normalInterval, pairedChange, shareStandardError, wilson } from "./intervals.ts"

test("Wilson's interval of 8 in 10 is 0.490 to 0.943", () => {
  const { value, low, high } = wilson(8, 10)!
  expect(value).toBe(0.8)
  expect(low).toBeCloseTo(0.4902, 4)
  expect(high).toBeCloseTo(0.9433, 4)
})

test("a share of nothing has no interval, one of 0 or all of n stays within [0, 1] and is wider than a point", () => {
  expect(wilson(0, 0)).toBeNull()
  expect(wilson(0, 5)).toMatchObject({ value: 0, low: 0 })
  expect(wilson(0, 5)!.high).toBeCloseTo(0.4345, 4)
  expect(wilson(5, 5)).toMatchObject({ value: 1, high: 1 })
})

test("every Wilson interval holds its share", () => {
  assert(
    property(integer({ min: 0, max: 1000 }), integer({ min: 1, max: 1000 }), (count, total) => {
      const interval = wilson(Math.min(count, total), total)!
      return interval.low >= 0 && interval.low <= interval.value && interval.value <= interval.high && interval.high <= 1
    }),
  )
})

test("a paired change counts only problems judged both times", () => {
  // Problem 2 is lost, problems 3 and 4 are gained, the last is left out: (2 - 1) / 4, SE = sqrt(2 + 1 + 1 - 1/6) / 6.
  const change = pairedChange("1100-", "10111")!
  expect(change.change).toBe(0.25)
  expect(change.standardError).toBeCloseTo(Math.sqrt(4 - 1 / 6) / 6, 12)
})

test("two equal evaluations have changed by 0, with an error above 0", () => {
  expect(pairedChange("1010", "1010")).toMatchObject({ change: 0, standardError: 1 / 6 })
  expect(pairedChange("10", "101")).toBeNull()
  expect(pairedChange("--", "11")).toBeNull()
})

test("a paired change is the opposite of its reverse, with the same error", () => {
  const evaluation = array(constantFrom("1", "0", "-"), { minLength: 30, maxLength: 30 }).map((bits) => bits.join(""))
  assert(
    property(evaluation, evaluation, (before, after) => {
      const [there, back] = [pairedChange(before, after), pairedChange(after, before)]
      if (there === null || back === null) return there === back
      return Math.abs(there.change + back.change) === 0 && there.standardError === back.standardError && there.standardError > 0
    }),
  )
})

test("pairing takes out what both evaluations share", () => {
  const before = "1".repeat(60) + "0".repeat(40)
  const after = "1".repeat(62) + "0".repeat(38)
  const unpaired = Math.hypot(shareStandardError(0.6, 100), shareStandardError(0.62, 100))
  expect(pairedChange(before, after)!.standardError).toBeLessThan(unpaired / 3)
})

test("an interval of a share is cut at its bounds", () => {
  expect(normalInterval(0.99, 0.02, [0, 1]).high).toBe(1)
})

import { expect, test } from "vitest"
import { OutOfTime, withinTime } from "./within-time.ts"

test("work gives its result, and throws its own error", () => {
  expect(withinTime(1000, () => 5)).toBe(5)
  expect(() => withinTime(1000, () => { throw new TypeError("own") })).toThrow(new TypeError("own"))
})

test("a loop and a regular expression without end are ended", () => {
  const began = performance.now()
  expect(() => withinTime(50, () => { for (;;); })).toThrow(OutOfTime)
  expect(() => withinTime(50, () => /^(a+)+$/u.test(`${"a".repeat(60)}!`))).toThrow(/no result within 50 ms/)
  expect(performance.now() - began).toBeLessThan(5000)
})

test("work inside of work has a time of its own, and the outer one goes on", () => {
  const result = withinTime(5000, () => {
    try {
      withinTime(20, () => { for (;;); })
    } catch {
      return withinTime(1000, () => "after")
    }
    return "never"
  })
  expect(result).toBe("after")
})

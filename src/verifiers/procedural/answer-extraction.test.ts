import { describe, expect, test } from "vitest"
import { afterLastMarker, bareNumber, lastBoxed, lastNumber } from "./answer-extraction.ts"

describe("lastBoxed", () => {
  test.each([
    [String.raw`\boxed{1} and \boxed{ 2 }`, "2"],
    [String.raw`\boxed{\frac{1}{2}}`, String.raw`\frac{1}{2}`],
    [String.raw`\boxed{\boxed{3}}`, "3"],
    [String.raw`\boxed{4} then \boxed{5`, "4"],
    [String.raw`\boxed{6 then \boxed{7}`, "7"],
    [String.raw`} { \boxed{8}`, "8"],
    [String.raw`\boxed{\{1,2\}}`, String.raw`\{1,2\}`],
    [String.raw`\boxed{\{9}`, String.raw`\{9`],
    [String.raw`boxed{1}`, undefined],
    ["", undefined],
  ])("of %j is %j", (text, expected) => {
    expect(lastBoxed(text)).toBe(expected)
  })

  test("of a megabyte of openings takes no more than linear time", () => {
    const start = performance.now()
    expect(lastBoxed("\\boxed{".repeat(150_000))).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

test("the last marker counts, up to the end of its line", () => {
  expect(afterLastMarker("#1\n# 22 \nmore", "#")).toBe("22")
  expect(afterLastMarker("22", "#")).toBeUndefined()
})

test("the last number of a text is read with sign, separators, exponent and fraction", () => {
  expect(lastNumber("from 3 to -1,234.50 apples")).toBe("-1,234.50")
  expect(lastNumber("about 3e-2.")).toBe("3e-2")
  expect(lastNumber("3 or 4/5")).toBe("4/5")
  expect(lastNumber("none")).toBeUndefined()
})

test("signs around a number go, and nothing inside it does", () => {
  expect(bareNumber(" $1,200$. ")).toBe("1,200")
  expect(bareNumber(String.raw`\$12\%`)).toBe("12")
  expect(bareNumber(String.raw`12{,}345\,678`)).toBe("12,345678")
  expect(bareNumber("1 2")).toBe("1 2")
  expect(bareNumber("3$4")).toBe("3$4")
})

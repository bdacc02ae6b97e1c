import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseExpression } from "./expression.ts"
import { format, parseNumber } from "./rational.ts"

function valueOf(text: string): string {
  const parsed = parseExpression(text)
  return "problem" in parsed ? parsed.problem : format(parsed.value)
}

interface Tree {
  readonly text: string
  readonly value: number
}

describe("parseExpression", () => {
  test.each([
    ["1+2*3", "7"],
    ["(1+2)*3", "9"],
    ["10-4-3", "3"],
    ["24/4/2", "3"],
    ["1/3*3", "1"],
    ["8/(3-8/3)", "24"],
    ["2/4", "1/2"],
    [" 2 × 3 − 8 ÷ 4 ", "4"],
    ["((((5))))", "5"],
  ])("%s is %s", (text, expected) => {
    expect(valueOf(text)).toBe(expected)
  })

  test.each([
    ["1/(2-2)", /division by zero/],
    ["1+", /expected a number or "\(", got the end/],
    ["-1+2", /expected a number/],
    ["(1+2", /expected "\)", got the end/],
    ["1 2", /expected an operator or the end, got "2"/],
    ["2**3", /got "\*"/],
    ["1e3", /got "e"/],
    ["process.exit()", /expected a number/],
    ["1234567890123456", /digits/],
    ["(".repeat(60), /nested/],
    ["1+".repeat(300), /characters/],
    ["", /got the end/],
  ])("%s is refused", (text, problem) => {
    expect(valueOf(text)).toMatch(problem)
  })

  test("agrees with floating point on any tree of sums, differences and products", () => {
    const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; node: Tree }>((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, tie("leaf"), tie("node")),
      leaf: fc.nat(30).map((n) => ({ text: `${n}`, value: n })),
      node: fc.tuple(tie("tree"), fc.constantFrom("+", "-", "*"), tie("tree")).map(([a, operator, b]) => ({
        text: `(${a.text}${operator}${b.text})`,
        value: operator === "+" ? a.value + b.value : operator === "-" ? a.value - b.value : a.value * b.value,
      })),
    }))
    fc.assert(
      fc.property(tree, ({ text, value }) => {
        fc.pre(Math.abs(value) < 2 ** 53 && text.length <= 500)
        expect(Number(valueOf(text))).toBe(value + 0)
      }),
    )
  })

  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-*/() =x\\") }), (text) => {
        parseExpression(text)
      }),
    )
  })
})

describe("parseNumber", () => {
  test.each([
    ["12", "12"],
    ["-1,234.50", "-2469/2"],
    [".5", "1/2"],
    ["5.", "5"],
    ["3e-2", "3/100"],
    ["2E3", "2000"],
    ["10/4", "5/2"],
    ["1/-2", "-1/2"],
    ["-0", "0"],
    ["+7", "7"],
    ["007", "7"],
  ])("%s is %s", (text, expected) => {
    const value = parseNumber(text)
    expect(value === undefined ? undefined : format(value)).toBe(expected)
  })

  test.each(["", ".", "-", "1/0", "1,23", "1 2", "0x10", "1e9999", "1e401", "Infinity", "9".repeat(401), "1/2/3", "e5"])(
    "%j is no number",
    (text) => {
      expect(parseNumber(text)).toBeUndefined()
    },
  )
})

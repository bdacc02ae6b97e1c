import { assert, jsonValue, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import { outputDifference, readOutput, sameOutput } from "./compare-outputs.ts"

const python = { wholeNumbersExact: true }
const javaScript = { wholeNumbersExact: false }

function same(expected: string, given: string, rules = python): boolean {
  return outputDifference(expected, given, rules) === undefined
}

describe("outputs of code", () => {
  test("are equal to themselves, whatever JSON they are", () => {
    assert(
      property(jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value)
        expect(sameOutput(readOutput(text), readOutput(JSON.stringify(value, null, 1)), python)).toBe(true)
        expect(same(text, text, javaScript)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test("keep every digit of whole numbers under the rules of Python", () => {
    expect(same("12345678901234567891", "12345678901234567891")).toBe(true)
    expect(same("12345678901234567891", "12345678901234567890")).toBe(false)
    expect(same("12345678901234567891", "1.2345678901234567e19")).toBe(false)
    expect(same("9007199254740993", "9007199254740992.0")).toBe(false)
    expect(same("3", "3.0")).toBe(true)
    expect(same("3", "3.0000000001")).toBe(false)
    expect(same("3", "3.0000000001", javaScript)).toBe(true)
  })

  test("with a point are compared within a relative 1e-9", () => {
    expect(same("0.1", "0.10000000000000001")).toBe(true)
    expect(same("0.5", "0.500001")).toBe(false)
    expect(same("2.0", "2")).toBe(true)
    expect(same("1e300", "1.0000000001e300")).toBe(true)
    expect(same("1e999", "Infinity")).toBe(true)
    expect(same("1.5", "Infinity")).toBe(false)
    expect(same("1e300", "-1e300")).toBe(false)
    expect(same("1.5", "NaN")).toBe(false)
  })

  test("keep true apart from 1, text from numbers, null from nothing, keys from their absence", () => {
    for (const [expected, given] of [
      ["1", "true"],
      ["true", "1"],
      ["1.0", "true"],
      ['"1"', "1"],
      ["null", "0"],
      ["[]", "{}"],
      ["[1, 2]", "[1]"],
      ["[1, 2]", "[2, 1]"],
      ['{"a": null}', '{"b": null}'],
      ['{"a": 1}', '{"a": 1, "b": 2}'],
    ]) {
      expect(same(expected!, given!), `${expected} ${given}`).toBe(false)
      expect(same(expected!, given!, javaScript), `${expected} ${given}`).toBe(false)
    }
    expect(same('{"a": 1, "b": [2]}', '{"b": [2], "a": 1}')).toBe(true)
  })

  test("may be the one element of the list that is expected", () => {
    expect(same("[3]", "3")).toBe(true)
    expect(same("[[1, 2]]", "[1, 2]")).toBe(true)
    expect(same("[3, 3]", "3")).toBe(false)
  })

  test("that are no data are wrong and never an exception", () => {
    assert(
      property(string(), (text) => {
        expect(typeof outputDifference('"never"', text, python)).toBe("string")
      }),
      { numRuns: 300 },
    )
    expect(same("1", "[".repeat(100_000))).toBe(false)
    expect(outputDifference("1", "correct", python)).toBe("expected 1, got no data")
    expect(() => outputDifference("nonsense", "1", python)).toThrow(SyntaxError)
  })
})

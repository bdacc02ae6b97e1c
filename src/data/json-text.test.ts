import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseJson } from "./json-text.ts"

describe("numbers of JSON", () => {
  test.each([
    ['{"answer": 9007199254740993}', { answer: "9007199254740993" }],
    ['{"answer":-123456789012345678901234567890}', { answer: "-123456789012345678901234567890" }],
    ['{"answer": 9007199254740991, "b": [1, 2.5, 1e3]}', { answer: 9007199254740991, b: [1, 2.5, 1000] }],
    ['{"answer": 0.12345678901234567890123}', { answer: "0.12345678901234567890123" }],
    ['{"answer": 0.1000000000000000000000}', { answer: 0.1 }],
    ['{"answer": 1e999, "b": 1e-5}', { answer: "1e999", b: 0.00001 }],
    ['{"answer": NaN, "b": [-Infinity]}', { answer: "NaN", b: ["-Infinity"] }],
    [
      String.raw`{"q\" 9007199254740993": "NaN is \\ 9007199254740993"}`,
      { 'q" 9007199254740993': "NaN is \\ 9007199254740993" },
    ],
  ])("%s", (text, value) => {
    expect(parseJson(text)).toEqual(value)
  })

  test.each(['{"a": 00000000000000000007}', '{"a": NaNa}', '{"a": "open 9007199254740993', "{NaN: 1}x"])(
    "%s is no JSON",
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError)
    },
  )

  test("every JSON value of doubles comes back as JSON.parse reads it, save where digits would be lost", () => {
    const isExact = (_key: string, value: unknown): unknown =>
      typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) ? 0 : value
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, isExact)
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test("any integer keeps its digits", () => {
    fc.assert(fc.property(fc.bigInt(), (value) => String((parseJson(`[${value}]`) as unknown[])[0]) === String(value)))
  })

  test("a text of megabytes with an escape at every other place is read", () => {
    const long = '\\"'.repeat(1_000_000)
    expect(parseJson(`{"a": 9007199254740993, "b": ${JSON.stringify(long)}}`)).toEqual({
      a: "9007199254740993",
      b: long,
    })
  })
})

import { describe, expect, test } from "vitest"
import { letterStringsEqual, looksLikeWord } from "./letter-strings.ts"
import { verifyMath } from "./index.ts"

const either = (a: string, b: string): [boolean, boolean] => [
  verifyMath(a, `So it is $\\boxed{${b}}$.`).correct,
  verifyMath(b, `So it is $\\boxed{${a}}$.`).correct,
]

describe("letters that are no product keep their order", () => {
  test.each([
    ["BADC", "ABCD"],
    ["\\text{BADC}", "BACD"],
    ["HHT", "THH"],
    ["HHT, HTH", "HTH, HHH"],
    ["XIV", "XVI"],
    ["ON", "NO"],
    ["listen", "silent"],
    ["May", "yaM"],
    ["\\vec{AB}", "\\vec{BA}"],
    ["\\overrightarrow{AB}", "\\overrightarrow{BA}"],
    ["\\angle ABC", "\\angle BAC"],
    ["\\angle ABC", "\\triangle ABC"],
    ["\\triangle ABC\\cong\\triangle DEF", "\\triangle ABC\\cong\\triangle EDF"],
    ["\\triangle ABC\\sim\\triangle DEF", "\\triangle ABC\\cong\\triangle DEF"],
    ["A\\setminus B", "B\\setminus A"],
    ["f\\circ g", "g\\circ f"],
    ["(f\\circ g)(x)", "(g\\circ f)(x)"],
    ["f∘g∘h", "f∘h∘g"],
  ])("%s is not %s", (a, b) => {
    expect(either(a, b)).toEqual([false, false])
  })

  test.each([
    ["BADC", "\\text{BADC}"],
    ["BADC", "B A D C"],
    ["HHT, HTH", "HTH, HHT"],
    ["listen", "\\text{listen}"],
    ["\\vec{AB}", "\\overrightarrow{AB}"],
    ["\\vec{AB}", "AB"],
    ["\\overline{AB}", "\\overline{BA}"],
    ["\\angle ABC", "\\angle CBA"],
    ["\\angle ABC", "∠ABC"],
    ["\\triangle ABC", "\\triangle CAB"],
    ["A\\setminus B", "A\\backslash B"],
    ["A\\cap B", "B\\cap A"],
    ["f\\circ g", "f∘g"],
  ])("%s is %s", (a, b) => {
    expect(either(a, b)).toEqual([true, true])
  })
})

test.each([
  ["abc", "cab"],
  ["abcd", "dcba"],
  ["nRT", "RTn"],
  ["2ab", "2ba"],
  ["A \\cdot B", "B \\cdot A"],
  ["45\\circ", "45"],
])("products of variables commute still: %s is %s", (a, b) => {
  expect(either(a, b)).toEqual([true, true])
})

test("renaming variables does not rename the letters of a string", () => {
  expect(verifyMath("HHT", "\\boxed{TTH}", { strict: false }).correct).toBe(false)
  expect(verifyMath("abc", "\\boxed{xyz}", { strict: false }).correct).toBe(true)
})

test("figures compare by their name, whichever side draws them", () => {
  expect(letterStringsEqual({ text: "ABC", figure: "angle" }, { text: "CBA" })).toBe(true)
  expect(letterStringsEqual({ text: "AB" }, { text: "BA", figure: "vector" })).toBe(false)
  expect(letterStringsEqual({ text: "AB", figure: "segment" }, { text: "BA", figure: "segment" })).toBe(true)
  expect(letterStringsEqual({ text: "ab" }, { text: "ba" })).toBeUndefined()
})

test("words are told from products by their vowels and their order", () => {
  expect(
    ["May", "Team", "listen", "odd", "even", "abcd", "abdc", "uvwx", "mnop", "xyz", "BADC"].filter(looksLikeWord),
  ).toEqual(["May", "Team", "listen", "even"])
})

import { assert, property, stringMatching } from "fast-check"
import { describe, expect, test } from "vitest"
import { verifyMath } from "./index.ts"
import { endsInWords, wordsOf } from "./phrase.ts"

const boxed = (gold: string, answer: string): boolean => verifyMath(gold, `So we get $\\boxed{${answer}}$.`).correct

const forms: readonly ((gold: string) => string)[] = [
  (gold) => gold,
  (gold) => `\\boxed{${gold}}`,
  (gold) => `<answer>${gold}</answer>`,
  (gold) => `We add them up.\n#### ${gold}`,
  (gold) => `Answer: ${gold}`,
  (gold) => `We look at all 17 cases. The answer is ${gold}.`,
  (gold) => `Final Answer: The final answer is ${gold}. I hope it is correct.`,
]

describe("a gold in words stays what it says", () => {
  test.each([
    ["\\text{May 5}", "5"],
    ["May 5", "5"],
    ["Team 3", "3"],
    ["\\text{Route 66}", "66"],
    ["\\text{page 12}", "12"],
    ["\\text{at least }5", "5"],
    ["at least 5", "5"],
    ["\\text{increases by }5", "5"],
    ["decrease of 20 %", "20\\%"],
    ["\\text{a decrease of }20\\%", "20"],
    ["20\\%\\text{ increase}", "20\\%"],
    ["8 out of 10", "10"],
    ["8\\text{ out of }10", "8"],
    ["3 to 4", "4"],
    ["2\\text{ R }3", "2"],
    ["2 remainder 3", "3"],
    ["\\text{between 3 and 4}", "4"],
    ["\\text{multiples of }3", "3"],
    ["\\text{COVID-19}", "19"],
    ["\\text{June 5, 2023}", "2023"],
    ["\\text{Player 2 wins}", "2"],
    ["\\text{No, because 5 is odd}", "5"],
  ])("%s accepts itself in every form, and not %s", (gold, bare) => {
    expect(forms.map((form) => form(gold)).filter((response) => !verifyMath(gold, response).correct)).toEqual([])
    expect(boxed(gold, bare)).toBe(false)
    expect(verifyMath(gold, `The answer is ${bare}.`).correct).toBe(false)
  })

  test.each([
    ["\\text{May 5}", "\\text{May 6}"],
    ["\\text{at least }5", "\\text{at most }5"],
    ["\\text{a decrease of }20\\%", "20\\%\\text{ increase}"],
    ["5\\text{ more}", "5\\text{ fewer}"],
    ["5\\text{ km north}", "5\\text{ km south}"],
    ["\\$5\\text{ profit}", "\\$5\\text{ loss}"],
    ["5", "5\\text{ squared}"],
    ["5", "5\\text{ factorial}"],
    ["5", "\\text{negative }5"],
    ["5", "\\text{half of }5"],
    ["5", "5\\text{ or more}"],
    ["5", "\\text{Team 5}"],
  ])("%s is not %s", (gold, answer) => {
    expect(boxed(gold, answer)).toBe(false)
  })

  test.each([
    ["\\text{May 5}", "may 5"],
    ["-5", "\\text{negative }5"],
    ["25", "5\\text{ squared}"],
    ["8\\text{ out of }10", "\\frac45"],
    ["3\\text{ to }4", "3:4"],
    ["5", "\\text{about }5"],
    ["5", "5\\text{ apples}"],
  ])("%s is %s", (gold, answer) => {
    expect(boxed(gold, answer)).toBe(true)
  })

  test.each(["\\text{The total is }12", "\\text{The answer is }12", "Area: 12", "12 \\text{ students}"])(
    "a gold that states its value is the value: %s",
    (gold) => {
      expect(boxed(gold, "12")).toBe(true)
    },
  )

  test("5 more is itself and no 5", () => {
    expect(boxed("5", "5 more")).toBe(false)
    expect(boxed("5\\text{ more}", "5")).toBe(false)
    expect(boxed("5 more", "5 more")).toBe(true)
    expect(boxed("5 more", "5 fewer")).toBe(false)
  })

  test("only an ending in the gold's own words counts", () => {
    const endsInWordsOf = (gold: string, ending: string): boolean => {
      const words = wordsOf(gold)
      return words !== undefined && endsInWords(words, ending)
    }
    expect(endsInWordsOf("Team 3", "The answer is Team 3.")).toBe(true)
    expect(endsInWordsOf("Team 3", "The answer is not Team 3.")).toBe(false)
    expect(endsInWordsOf("Team 3", "The answer is Team 3. No, it is Team 4.")).toBe(false)
    expect(endsInWordsOf("3", "The answer is 3.")).toBe(false)
    expect(endsInWordsOf("\\frac{1}{23}", "\\frac{12}{3}")).toBe(false)
    expect(endsInWordsOf("(AB, 1)", "(A, B1)")).toBe(false)
  })

  test("names of any word and number accept themselves and refuse the number", () => {
    // Seven letters and more: no word that says nothing ("About 5"), and no arithmetic ("Minus 5").
    const name = stringMatching(/^[A-Z][b-z]{3}[a-z]{3,6} [1-9][0-9]{0,3}$/)
    assert(
      property(name, (gold) => {
        const [, number = ""] = gold.split(" ")
        expect(boxed(gold, gold)).toBe(true)
        expect(boxed(`\\text{${gold}}`, `\\text{${gold}}`)).toBe(true)
        expect(boxed(`\\text{${gold}}`, number)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })
})

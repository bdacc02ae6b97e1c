import { describe, expect, test } from "vitest"
import { verifyMath } from "./verify-math.ts"

const correct = (gold: string, answer: string): boolean => verifyMath(gold, `So it is $\\boxed{${answer}}$.`).correct

describe("dates and clock times", () => {
  test.each([
    ["3:45\\text{ p.m.}", "3:45 PM"],
    ["3:45\\text{ p.m.}", "\\text{3:45 pm}"],
    ["3:45\\text{ p.m.}", "15:45"],
    ["15:45", "3:45\\text{ PM}"],
    ["3:45 PM", "3:45"],
    ["9{:}30\\text{ a.m.}", "9:30\\,\\text{AM}"],
    ["3\\text{ p.m.}", "3:00 PM"],
    ["\\text{noon}", "12:00\\text{ p.m.}"],
    ["12:00 AM", "\\text{midnight}"],
    ["\\text{9:30 in the morning}", "9:30 AM"],
    ["2024-05-01", "2024-05-01"],
    ["2024-05-01", "\\text{May 1, 2024}"],
    ["\\text{May 5}", "\\text{May }5"],
    ["\\text{May 5}", "May 5^{\\text{th}}"],
    ["\\text{May 5}", "\\text{5 May}"],
    ["\\text{Jan. 5, 2024}", "\\text{January 5th, 2024}"],
    ["\\text{Friday, March 3}", "\\text{March 3}"],
    ["9:30 AM, 3:10 PM", "3:10\\text{ p.m. and }9:30\\text{ a.m.}"],
  ])("%s is %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(true)
  })

  test.each([
    ["9:30 AM", "9:30 PM"],
    ["9:30 AM", "3:10 AM"],
    ["9:30 AM", "21:30"],
    ["9:30 AM", "9.5"],
    ["12:00 PM", "12:00 AM"],
    ["3\\text{ p.m.}", "3\\text{ a.m.}"],
    ["2024-05-01", "2018"],
    ["2024-05-01", "2024-01-05"],
    ["2018", "2024-05-01"],
    ["\\text{May 5}", "5"],
    ["5", "\\text{May 5}"],
    ["\\text{May 5}", "\\text{June 5}"],
    ["\\text{May 5, 2024}", "\\text{May 5, 2023}"],
    ["\\text{Friday, March 3}", "\\text{Monday, March 3}"],
  ])("%s is not %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(false)
  })

  test("they are read in prose", () => {
    expect(verifyMath("3:45 PM", "The answer is 3:45 p.m.").correct).toBe(true)
    expect(verifyMath("3:45 PM", "So the train leaves at 3:45 AM.").correct).toBe(false)
    expect(verifyMath("\\text{May 5}", "The answer is May 5.").correct).toBe(true)
    expect(verifyMath("5", "The answer is May 5.").correct).toBe(false)
  })

  test("what only looks like one is read as before", () => {
    expect(correct("12:16", "3:4")).toBe(true)
    expect(correct("\\sec 5", "1/\\cos 5")).toBe(true)
    expect(correct("m a y^5", "a m y^5")).toBe(true)
    expect(correct("\\text{Mary}", "\\text{mary}")).toBe(true)
  })
})

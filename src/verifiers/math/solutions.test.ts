import { describe, expect, test } from "vitest"
import { verifyMath } from "./verify-math.ts"

const correct = (gold: string, answer: string): boolean => verifyMath(gold, `So it is $\\boxed{${answer}}$.`).correct

describe("connectives", () => {
  test.each([
    ["p\\land q", "q \\wedge p"],
    ["p\\lor q", "q ∨ p"],
    ["x=1\\text{ and }y=2", "y=2, x=1"],
    ["1\\text{ and }2", "1\\text{ or }2"],
    ["x=1\\text{ or }x=2", "x=1\\text{ and }x=2"],
    ["(p\\lor q)\\land r", "r\\land(q\\lor p)"],
    ["p\\land q\\lor r", "r\\lor (p\\land q)"],
    ["x<1\\text{ or }x>3\\text{ and }x<5", "(-\\infty,1)\\cup(3,5)"],
    ["a, b\\text{ or }c", "a, b, c"],
  ])("%s is %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(true)
  })

  test.each([
    ["p\\land q", "p\\lor q"],
    ["p\\text{ and }q", "p\\text{ or }q"],
    ["x=1\\text{ and }y=2", "x=1\\text{ or }y=2"],
    ["x>1\\text{ and }x<5", "x>1\\text{ or }x<5"],
    ["x<1\\text{ or }x>3", "x<1\\text{ and }x>3"],
    ["x>1\\text{ and }y<5", "x>1\\text{ or }y<5"],
    ["(p\\lor q)\\land r", "p\\lor q\\lor r"],
    ["(p\\lor q)\\land r", "p\\lor(q\\land r)"],
    ["\\text{Alice and Bob}", "\\text{Alice or Bob}"],
  ])("%s is not %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(false)
  })
})

describe("lists of solutions", () => {
  test.each([
    ["(3,17)", "(3,17),(3,17)"],
    ["(3,17),(17,3)", "(17,3),(3,17),(3,17)"],
    ["p=5, q=2; p=7, q=2", "(5,2),(7,2)"],
    ["(5,2),(7,2)", "p=7, q=2\\text{ or }p=5, q=2"],
    ["p=5, q=2; p=7, q=2", "q=2, p=7; q=2, p=5"],
    ["x=1,y=2\\text{ or }x=3,y=4", "(x,y)=(1,2),(3,4)"],
    ["p=5, q=2; p=5, q=2", "p=5, q=2"],
    ["1,1,2", "2,1,1"],
  ])("%s is %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(true)
  })

  test.each([
    ["p=5, q=2; p=7, q=3", "p=5, q=3; p=7, q=2"],
    ["(5,2),(7,3)", "p=2, q=5; p=3, q=7"],
    ["p=5, q=2; p=7, q=2", "p=5, r=2; p=7, r=2"],
    ["1,1,2", "1,2"],
    ["(3,17)", "(3,17),(17,3)"],
  ])("%s is not %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(false)
  })
})

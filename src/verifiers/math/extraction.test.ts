import { describe, expect, test } from "vitest"
import { boxedAnswer } from "./boxed.ts"
import { extractCandidates } from "./extraction.ts"
import { mathSpans } from "./math-spans.ts"

const first = (text: string): string | undefined => [...extractCandidates(text, ["latex", "expr"])][0]?.text

describe("boxedAnswer", () => {
  test.each([
    ["\\boxed{1} then much later we see that it is \\boxed{2}", "2"],
    ["\\boxed{1} and \\boxed{2}", "1, 2"],
    ["\\boxed{2} and \\boxed{2}", "2"],
    ["\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"],
    ["\\boxed{\\{1,2\\}}", "\\{1,2\\}"],
    ["\\boxed{3} so \\boxed{5", "3"],
    ["\\boxed{3 and \\boxed{5}", "5"],
    ["\\boxed 5", "5"],
    ["\\fbox{7}", "7"],
    ["\\\\boxed{7}", "7"],
    ["\\boxed{1}, so the answer is \\boxed{2}", "2"],
    ["\\boxed{\\boxed{3}}", "\\boxed{3}"],
    ["I first got \\boxed{11}, but the corrected result is \\boxed{12}", "12"],
    ["\\boxed{11} hmm wait, \\boxed{12}", "12"],
  ])("%s holds %s", (text, expected) => {
    expect(boxedAnswer(text)).toBe(expected)
  })

  test("there is no box in a text without one, and nothing in an empty one", () => {
    expect(boxedAnswer("5")).toBeUndefined()
    expect(boxedAnswer("\\boxed{ }")).toBeUndefined()
  })

  test.each(["\\boxed{5", "\\fbox{5", "\\boxed{\\frac{1}{2}", "\\boxed{\\{1\\}"])("a box that never closes (%s) is none", (text) => {
    expect(boxedAnswer(text)).toBeUndefined()
  })
})

describe("mathSpans", () => {
  test("finds every kind of formula", () => {
    expect(mathSpans("a $x$ b $$y$$ c \\(z\\) d \\[w\\]").map((span) => span.content)).toEqual(["x", "y", "z", "w"])
  })

  test("an inline formula ends with its line, prices are no formulas", () => {
    expect(mathSpans("$ \n 9 \n $")).toEqual([])
    expect(mathSpans("it costs $5 in one shop and then $7 in another")).toEqual([])
  })

  test("an escaped dollar is part of the formula", () => {
    expect(mathSpans("$\\$18.90$").map((span) => span.content)).toEqual(["\\$18.90"])
  })
})

describe("extractCandidates", () => {
  test.each([
    ["The answer is 3. But \\boxed{4}.", "4"],
    ["The final answer is $5$. I hope it is correct. <|im_start|>user 6", "5"],
    ["Final Answer: The volume of $ABCD$ is 120. I hope it is correct.", "120"],
    ["Answer: x = 7\nChecked 8 times.", "x = 7"],
    ["first $1$, then $2$, so $3$", "3"],
    ["the number is not 10 which is 1,000.99m²", "1,000.99"],
    ["\\frac{10}{9}", "\\frac{10}{9}"],
    ["<think>it may be \\boxed{3}</think>So \\boxed{4}", "4"],
    ["The answer is **42**.", "42"],
    ["we have $p=3$ or $p=4$ and so $1$, $2$ and $3$", "1, 2, 3"],
  ])("%s gives %s", (text, expected) => {
    expect(first(text)).toBe(expected)
  })

  test("a letter glued to a number is not a number", () => {
    expect([...extractCandidates("AZYUK2A", ["expr"])]).toEqual([])
  })

  test("plain text does not count when only LaTeX may be read", () => {
    expect([...extractCandidates("The answer is 9", ["latex"])]).toEqual([])
    expect([...extractCandidates("The answer is $9$", ["latex"])][0]?.text).toBe("9")
  })

  test("choice letters are read on request", () => {
    expect([...extractCandidates("I would say the answer is (B).", ["string"])][0]?.text).toBe("B")
  })
})

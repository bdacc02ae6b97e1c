import { describe, expect, test } from "vitest"
import { extractCandidates } from "./extraction.ts"
import type { AnswerPlace } from "./options.ts"
import { verifyMath } from "./verify-math.ts"

const first = (text: string, place?: AnswerPlace): string | undefined =>
  [...extractCandidates(text, ["latex", "expr"], place)][0]?.text

describe("what is announced", () => {
  test.each([
    ["The answer is 42.", "42"],
    ["The answer is: **42**", "42"],
    ["Answer: 42", "42"],
    ["**Answer**\n\n42", "42"],
    ["The answer to the second question is 42.", "42"],
    ["The answer, in simplest form, is $\\frac12$.", "\\frac12"],
    ["So the answer must be 42", "42"],
    ["答案是42。", "42"],
    ["答案：42", "42"],
    ["答案为 $42$。", "42"],
    ["so 12 pens\n#### 12", "12"],
    ["#### \\frac{1}{2}", "\\frac{1}{2}"],
    ["The answer is 42. This answer took 3 steps.", "42"],
    ["It is 42. I hope this answer helps with your 3 exams. The answer is 42", "42"],
    ["The answer is 5 million.", "5 million"],
    ["The answer is $5$ million.", "5 million"],
    ["The answer is 5 dollars per hour because he works.", "5 dollars per hour"],
    ["The answer is $5$ km, I think", "5 km"],
    ["The answer is 5, not 6.", "5"],
    ["The answer is 5, which is not prime.", "5"],
    ["The answer is not 42 but 17.", "17"],
    ["The answer isn't 42; it is $17$.", "17"],
    ["The answer is 17. The answer is not 42.", "17"],
    ["The answer is negative 5.", "-5"],
    ["The answer is minus $5$.", "-5"],
    ["The answer is the square root of 5.", "\\sqrt{5}"],
    ["The answer is 5 squared", "(5)^2"],
  ])("%j answers %j", (text, expected) => {
    expect(first(text)).toBe(expected)
  })

  test.each([
    ["42", "The answer is not 42."],
    ["42", "The answer is definitely not $42$."],
    ["42", "The answer cannot be 42."],
    ["42", "The answer can't be **42**."],
    ["42", "The answer is never 42"],
    ["42", "Final answer: not 42"],
    ["42", "It is not 42."],
    ["5", "The answer is less than 5."],
    ["5", "The answer is more than $5$."],
    ["5", "The answer is at least 5 km."],
    ["5", "The answer is 5 or more."],
    ["5", "The answer is negative 5."],
    ["5", "The answer is the square root of $5$."],
    ["5", "The answer is 5 squared."],
    ["5", "The answer is twice 5."],
    ["5", "The answer is between 3 and 5."],
    ["5", "The answer is 5 factorial."],
    ["5", "<answer>5 or more</answer>"],
    ["42", "The answer is anything but 42."],
    ["42", "答案不是42。"],
    ["10", "The answer is 8 out of 10."],
    ["42", "<answer>not 42</answer>"],
    ["5", "<answer>more than 5</answer>"],
    ["3", "The answer is 42. This answer took 3 steps."],
  ])("%s is not answered by %j", (gold, completion) => {
    expect(verifyMath(gold, completion).correct).toBe(false)
  })
})

describe("where the answer stands", () => {
  test.each([
    ["\\boxed{3} is the first part. The final answer is 5.", "5"],
    ["\\boxed{3}\n\n**Final Answer:** $\\frac{1}{2}$", "\\frac{1}{2}"],
    ["So \\boxed{12}. (The final answer is inside \\boxed{}.)", "12"],
    ["So \\boxed{12}. The final answer is above.", "12"],
    ["So \\boxed{12}. The final answer is not 5.", "12"],
    ["The final answer is 5, so \\boxed{7}.", "7"],
    ["<answer>5</answer> \\boxed{7}", "5"],
    ["<answer>So \\boxed{5}</answer> \\boxed{7}", "5"],
    ["<answer>The answer is 5.</answer>", "5"],
    ["<answer>\nWe add 2 and 3.\nThat makes 5.\n</answer>", "5"],
    ["<answer>\\boxed{5}", "5"],
  ])("%j answers %j", (text, expected) => {
    expect(first(text)).toBe(expected)
  })

  test("place limits what counts", () => {
    const responses = ["\\boxed{5}", "<answer>5</answer>", "The answer is 5.", "#### 5", "It makes 5."]
    const correct = (place: AnswerPlace): boolean[] =>
      responses.map((response) => verifyMath("5", response, { place }).correct)
    expect(correct("any")).toEqual([true, true, true, true, true])
    expect(correct("marked")).toEqual([true, true, true, true, false])
    expect(correct("boxed")).toEqual([true, false, false, false, false])
    expect(verifyMath("5", "<answer>6</answer> \\boxed{5}", { place: "boxed" }).correct).toBe(true)
    expect(verifyMath("5", "It makes 5.", { place: "marked" }).reason).toMatch(/marked/)
  })
})

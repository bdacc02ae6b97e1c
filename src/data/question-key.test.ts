import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { questionKey } from "./question-key.ts"

describe("the key of a question", () => {
  test.each([
    ["What is  2 + 2?", "What is 2 + 2"],
    ["What is\n2\u200B + 2 ?", "what is 2 + 2?"],
    ["Find $x$.", "Find $x$.\n\nPlease solve this step by step and put your final answer in \\boxed{}."],
    ["How many?", 'How many? Let\'s think step by step and output the final answer after "####".'],
    ["How many?", "How many? Let's think step by step and output the final answer within \\boxed{}."],
    ["Which?\n\nA: x\nB: y", "Which?\n\nA: x\nB: y\n\nPlease reason step by step:\n<answer>\n[A/B]\n</answer>"],
    ["Caf\u00E9 opens", "Cafe\u0301 opens"],
  ])("is the same for %j and %j", (a, b) => {
    expect(questionKey(a)).toBe(questionKey(b))
    expect(questionKey([{ role: "user", content: a }])).toBe(questionKey(b))
  })

  test.each([
    ["Weight of c1ccccc1?", "Weight of C1CCCCC1?"],
    ["Area of triangle ABC", "Area of triangle abc"],
    ["What is 5!", "What is 5"],
    ["What is x\u00B2?", "What is x2?"],
    ["Find \\boxed{3} in the list.\n\nOf 3", "Find \\boxed{3} in the list.\n\nOf 4"],
    ["2 - 1", "2 + 1"],
  ])("differs for %j and %j", (a, b) => {
    expect(questionKey(a)).not.toBe(questionKey(b))
  })

  test("of any text is stable under white space around it, and never empty unless the text is blank", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(questionKey(` \n${text}\t `)).toBe(questionKey(text))
        if (/[\p{L}\p{N}]/u.test(text)) expect(questionKey(text)).not.toBe("")
      }),
    )
  })

  test("of a long run of punctuation is found at once", () => {
    const started = performance.now()
    questionKey("?".repeat(200_000))
    questionKey(" please solve".repeat(20_000))
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

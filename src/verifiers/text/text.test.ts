import { assert, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../../errors.ts"
import type { Verdict, VerifierInput } from "../verifier.ts"
import { lastStatedAnswer } from "./final-answer.ts"
import { multipleChoiceVerifier } from "./multiple-choice.ts"
import { acceptedAnswers, normalizeAnswer, questionAnsweringVerifier, wordF1 } from "./question-answering.ts"
import { regularExpressionVerifier } from "./regular-expression.ts"

type Given = Parameters<ReturnType<typeof multipleChoiceVerifier>["verify"]>[0]

function choose(input: Given, options = {}): Verdict {
  return multipleChoiceVerifier(options).verify(input) as Verdict
}

describe("multiple choice", () => {
  test.each([
    ["<reasoning>A looks good.</reasoning>\n<answer>\nC\n</answer>", "C"],
    ["<answer>(C) because it is</answer>", "C"],
    ["<answer>[C]</answer>", "C"],
    ["A and B are wrong. So \\boxed{C}", "C"],
    ["\\boxed{\\text{C}}", "C"],
    ["Therefore the answer is (C).", "C"],
    ["The correct answer is C. Paris", "C"],
    ["The correct option is: **C**", "C"],
    ["Final Answer: C", "C"],
    ["**Answer:** c", "C"],
    ["Answer: option C", "C"],
    ["The answer is A? No, the answer is C!", "C"],
    ["C", "C"],
    ["c)", undefined],
    ["(C) Paris is the capital.", "C"],
    ["C. Paris", "C"],
    ["I first thought of A, yet it must be C", "C"],
    ["A dog barks. I think so.", undefined],
    ["the answer is a dog", undefined],
    ["Vitamin C is good, so D", "D"],
    ["", undefined],
    ["none of them", undefined],
  ])("%j is read as %s", (completion, letter) => {
    const verdict = choose({ gold: "C", completion })
    expect(verdict.extracted).toBe(letter)
    expect(verdict.status).toBe(letter === undefined ? "no-answer" : letter === "C" ? "correct" : "incorrect")
  })

  test("takes the value of one option for it, in another unit or with a scale word", () => {
    const row = { choices: ["4 km", "5 km", "1,500,000", "9"] }
    const extracted = (completion: string): string | undefined => choose({ gold: "B", completion, row }).extracted
    expect(extracted("The answer is 5000 m.")).toBe("B")
    expect(extracted(String.raw`\boxed{1.5 million}`)).toBe("C")
    expect(extracted("The answer is 7")).toBeUndefined()
    const twice = { choices: ["5 km", "5000 m"] }
    expect(choose({ gold: "A", completion: "The answer is 5 km or 5.0 km", row: twice }).status).not.toBe("correct")
  })

  test("golds are letters in any dress, or the text of an option of the row", () => {
    for (const gold of ["C", "(C)", "c", "C. Paris", "\\boxed{C}", " C "])
      expect(choose({ gold, completion: "<answer>C</answer>" }).status, gold).toBe("correct")
    const row = { choices: ["London", "Rome", "Paris"] }
    expect(choose({ gold: "Paris", completion: "<answer>C</answer>", row }).status).toBe("correct")
    expect(choose({ gold: "C", completion: "The answer is paris.", row }).status).toBe("correct")
    expect(choose({ gold: "C", completion: "<answer>D</answer>", row }).status).toBe("no-answer")
    expect(choose({ gold: "42", completion: "C" }).status).toBe("unparsable-gold")
  })

  test("of several letters all must be named, in any order, and no others", () => {
    const options = { several: true }
    for (const completion of ["<answer>C, A</answer>", "The answer is A and C.", "\\boxed{AC}"])
      expect(choose({ gold: "AC", completion }, options).status, completion).toBe("correct")
    for (const completion of ["<answer>A</answer>", "<answer>A, B, C</answer>"])
      expect(choose({ gold: "AC", completion }, options).status, completion).toBe("incorrect")
  })

  test("without `anywhere` a letter in the middle of a text is no answer", () => {
    expect(choose({ gold: "C", completion: "it must be C" }, { anywhere: false }).status).toBe("no-answer")
  })
})

describe("answers in words", () => {
  const judge = (input: VerifierInput, options = {}): Verdict =>
    questionAnsweringVerifier(options).verify(input) as Verdict

  test("are equal but for case, articles, punctuation and white space", () => {
    expect(normalizeAnswer("The  Eiffel-Tower, (in) Paris!")).toBe("eiffeltower in paris")
    expect(normalizeAnswer("Anna ate a theme")).toBe("anna ate theme")
    expect(judge({ gold: "the Beatles", completion: "<answer>Beatles.</answer>" }).status).toBe("correct")
    expect(judge({ gold: "the Beatles", completion: "<answer>The Rolling Stones</answer>" }).status).toBe("incorrect")
  })

  test("have the F1 of their words in common", () => {
    // Three words of four and of three in common: 2 * 3 / 7.
    expect(wordF1("a b c d", "b c d")).toBeCloseTo(6 / 7)
    expect(wordF1("a a b", "a c")).toBeCloseTo(2 / 5)
    expect(wordF1("", "a")).toBe(0)
    const verdict = judge(
      { gold: "Barack Hussein Obama", completion: "<answer>Barack Obama</answer>" },
      { metric: "f1" },
    )
    expect(verdict).toMatchObject({ status: "incorrect", reward: 0.8 })
    expect(
      judge({ gold: "Barack Hussein Obama", completion: "Barack Obama" }, { metric: "f1", threshold: 0.8 }).status,
    ).toBe("correct")
  })

  test("F1 is symmetric, at most 1, and 1 for the same words", () => {
    assert(
      property(string(), string(), (a, b) => {
        const [x, y] = [normalizeAnswer(a), normalizeAnswer(b)]
        expect(wordF1(x, y)).toBeCloseTo(wordF1(y, x))
        expect(wordF1(x, y)).toBeLessThanOrEqual(1)
        expect(wordF1(x, x)).toBe(1)
      }),
    )
  })

  test("may be several, as a JSON list: the best one counts", () => {
    expect(acceptedAnswers('["NYC", "New York"]')).toEqual(["NYC", "New York"])
    expect(acceptedAnswers('{"target": ["a"]}')).toEqual(["a"])
    expect(acceptedAnswers("[not json")).toEqual(["[not json"])
    expect(judge({ gold: '["NYC", "New York"]', completion: "The answer is new york" }).status).toBe("correct")
  })

  test("of punctuation alone are compared as they are", () => {
    expect(judge({ gold: "+", completion: "<answer>+</answer>" }).status).toBe("correct")
    expect(judge({ gold: "+", completion: "<answer>-</answer>" }).status).toBe("incorrect")
  })

  test("are read at the marked place alone where that is asked for", () => {
    expect(judge({ gold: "x", completion: "x" }, { place: "marked" }).status).toBe("no-answer")
    expect(judge({ gold: "x", completion: "The answer is x" }, { place: "whole" }).status).toBe("incorrect")
  })

  test("are found in time linear in the text", () => {
    const started = performance.now()
    for (const unit of ["answer is ", "answer", "the answer:\n", "<answer>", "\\boxed{", " "])
      judge({ gold: "x", completion: unit.repeat(100_000) })
    expect(performance.now() - started).toBeLessThan(3000)
    expect(lastStatedAnswer("The answer is 3.\nSo the final answer is:\n\n**4** apples\nDone.")).toBe("**4** apples")
  })
})

describe("a regular expression", () => {
  const judge = (gold: string, completion: string, options = {}): string =>
    (regularExpressionVerifier(options).verify({ gold, completion }) as Verdict).status

  test("is searched for, or must match the whole response, or must not match", () => {
    expect(judge("b+", "abbc")).toBe("correct")
    expect(judge("b+", "abbc", { match: "whole" })).toBe("incorrect")
    expect(judge("a|abbc", " abbc\n", { match: "whole" })).toBe("correct")
    expect(judge("b+", "abbc", { negate: true })).toBe("incorrect")
    expect(judge("B", "abc")).toBe("incorrect")
    expect(judge("B", "abc", { flags: "i" })).toBe("correct")
  })

  test("that is not valid is the fault of the gold, or of the config", () => {
    expect(judge("(", "a")).toBe("unparsable-gold")
    expect(judge("a)|(?:b", "b", { match: "whole" })).toBe("unparsable-gold")
    expect(() => regularExpressionVerifier({ pattern: "(" }, "task.verifier")).toThrow(ConfigError)
    expect(judge("\\-", "-")).toBe("correct")
  })
})

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { answerPart, withoutReasoning } from "./response-parts.ts"
import { createVerifier } from "./registry.ts"

describe("withoutReasoning", () => {
  test.each([
    ["<think>17</think>42", "42"],
    ["<Thinking>17</Thinking>42", "42"],
    ["<thought>17</thought>42", "42"],
    ["<reasoning>17</reasoning>42", "42"],
    ["<|begin_of_thought|>17<|end_of_thought|>42", "42"],
    ["<begin_of_thought>17</begin_of_thought>42", "42"],
    ["[THINK]17[/THINK]42", "42"],
    ["◁think▷17◁/think▷42", "42"],
    ["<seed:think>17</seed:think>42", "42"],
    ["17</think>42", "42"],
    ["<think>17 <think> 18</think>42", "42"],
    ["<think>I use <reasoning> here</think>42", "42"],
    ["<think>1</think>42<think>2</think>", "42"],
    ["42<think>is that right?", "42"],
    ["<think>42", ""],
    ["<think>42</think>", ""],
    ["a < b, <thinker> 42", "a < b, <thinker> 42"],
  ])("%j says %j", (response, said) => {
    expect(withoutReasoning(response).trim()).toBe(said)
  })

  test("any text passes in linear time", () => {
    for (const unit of ["<think>", "</think>", "<think></think>", "[THINK]"]) {
      expect(withoutReasoning(unit.repeat(100_000)).trim()).toBe("")
    }
    expect(withoutReasoning("<".repeat(100_000))).toHaveLength(100_000)
  }, 20_000)
})

describe("answerPart", () => {
  test("the last closed tag that is not empty wins", () => {
    expect(answerPart("<answer>1</answer> <answer> 2 </answer> <answer></answer> \\boxed{3}")).toEqual({
      text: "2",
      tagged: true,
    })
  })

  test("a tag that never closes is cut off with what it holds", () => {
    expect(answerPart("so 41 <answer>4")).toEqual({ text: "so 41 ", tagged: false })
    expect(answerPart("<answer>1</answer> <answer>2")).toEqual({ text: "1", tagged: true })
  })

  test("a text without tags is itself", () => {
    fc.assert(fc.property(fc.string(), (text) => text.includes("answer") || answerPart(text).text === text))
  })
})

describe("verifiers of short answers share the part that is read", () => {
  const letters = ["mcq", "C", "B"] as const
  const numbers = ["numeric", "12", "7"] as const
  const words = ["qa-exact", "Paris", "Rome"] as const
  const mathematics = ["math", "12", "7"] as const
  test.each([letters, numbers, words, mathematics])(
    "%s reads no reasoning and prefers a closed answer tag",
    async (name, right, wrong) => {
      const verifier = createVerifier(name)
      const judge = async (completion: string): Promise<string> =>
        (await verifier.verify({ gold: right, completion })).status
      expect(await judge(`<think>\\boxed{${wrong}}</think> \\boxed{${right}}`)).toBe("correct")
      expect(await judge(`<reasoning>\\boxed{${wrong}}?</reasoning><answer>${right}</answer>`)).toBe("correct")
      expect(await judge(`<answer>${right}</answer> and \\boxed{${wrong}}`)).toBe("correct")
      expect(await judge(`<answer>${wrong}</answer> and \\boxed{${right}}`)).toBe("incorrect")
      expect(await judge(`<think>the answer is \\boxed{${right}}`)).toBe("no-answer")
      expect(await judge(`<answer>${right}`)).toBe("no-answer")
    },
  )

  test("an option that is denied is not chosen", async () => {
    const verifier = createVerifier("mcq")
    expect((await verifier.verify({ gold: "C", completion: "The answer is not C." })).status).toBe("no-answer")
    expect((await verifier.verify({ gold: "B", completion: "It cannot be (C). I take B, not C." })).status).toBe(
      "correct",
    )
  })
})

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../../errors.ts"
import { createVerifier } from "../registry.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { countdownGold, countdownVerifier } from "./countdown.ts"
import { exactMatchVerifier } from "./exact-match.ts"
import { numericAnswerVerifier } from "./numeric-answer.ts"

const procedural = ["exact", "integer", "numeric", "boxed-integer", "countdown", "countdown-all"] as const

async function judge(verifier: Verifier, gold: string, completion: string): Promise<Verdict> {
  return await verifier.verify({ gold, completion })
}

async function statusOf(verifier: Verifier, gold: string, completion: string): Promise<string> {
  return (await judge(verifier, gold, completion)).status
}

describe("exact", () => {
  test("without trimming a single response is right", async () => {
    const verifier = exactMatchVerifier({ trim: false })
    expect(await statusOf(verifier, "055", "055")).toBe("correct")
    for (const wrong of ["55", "055 ", " 055", "0550"]) expect(await statusOf(verifier, "055", wrong)).toBe("incorrect")
    expect(await statusOf(verifier, "055", "")).toBe("no-answer")
  })

  test("by default white space at the ends does not count", async () => {
    expect(await statusOf(exactMatchVerifier(), "Paris", " Paris\n")).toBe("correct")
    expect(await statusOf(exactMatchVerifier(), "Paris", "paris")).toBe("incorrect")
  })
})

describe("numbers", () => {
  const marked = numericAnswerVerifier({ name: "marked", place: { marker: "#" }, integer: true })

  test("after a marker only the last counts", async () => {
    expect(await statusOf(marked, "123", "1+2=3#7#0123")).toBe("correct")
    expect(await statusOf(marked, "123", "#123#124")).toBe("incorrect")
    expect(await statusOf(marked, "123", "123")).toBe("no-answer")
    expect(await statusOf(marked, "123", "#")).toBe("incorrect")
    expect(await statusOf(marked, "123", "#12 3")).toBe("incorrect")
    expect(await statusOf(marked, "-5", "#-5")).toBe("correct")
  })

  test.each([
    ["integer", "72", "so 70 + 2 = 72.", "correct"],
    ["integer", "Ann has 72.\n#### 72", "#### 72", "correct"],
    ["integer", "72", "72.5", "incorrect"],
    ["integer", "1,234", String.raw`\boxed{1{,}234}`, "correct"],
    ["integer", "72", "seventy-two", "no-answer"],
    ["integer", "x", "72", "unparsable-gold"],
    ["numeric", "0.5", String.raw`it is \boxed{2/4}`, "correct"],
    ["numeric", "5 km", "it is 5000 m.", "correct"],
    ["numeric", "5 km", String.raw`\boxed{5000\text{ m}}`, "correct"],
    ["numeric", "5 km", "it is 5000 km", "incorrect"],
    ["numeric", "5 km", "so 5", "correct"],
    ["numeric", "90 km/h", "25 m/s, then", "correct"],
    ["numeric", "3 hours", "3 minutes", "incorrect"],
    ["numeric", "1500000", "about 1.5 million people", "correct"],
    ["numeric", "1.5", "about 1.5 million", "incorrect"],
    ["numeric", "24", "two of them: 2 dozen", "correct"],
    ["numeric", "15", "15 (million is a word)", "correct"],
    ["numeric", "5", "5 km", "correct"],
    ["integer", "1500000", "about 1.5 million", "incorrect"],
    ["numeric", "1234.5", "$1,234.50", "correct"],
    ["numeric", "0.33", "1/3", "incorrect"],
    ["numeric", "2000", "2e3", "correct"],
    ["boxed-integer", "17", String.raw`\boxed{16} \boxed{17}`, "correct"],
    ["boxed-integer", "17", "17", "no-answer"],
    ["boxed-integer", "17", String.raw`\boxed{x+17}`, "incorrect"],
  ])("%s with gold %j judges %j %s", async (name, gold, completion, status) => {
    expect(await statusOf(createVerifier(name), gold, completion)).toBe(status)
  })

  test("the reason says what was expected and what was read", async () => {
    const verdict = await judge(createVerifier("integer"), "72", "it is 71")
    expect(verdict).toMatchObject({ reward: 0, extracted: "71", reason: "expected 72, got 71" })
  })
})

describe("countdown", () => {
  const gold = countdownGold({ numbers: [3, 5, 5, 8], target: 24 })

  test.each([
    ["3*8", "correct"],
    ["8/(3-8/3)", "incorrect"],
    ["3*(5+8-5)", "correct"],
    ["3*(5+8-5)=24", "correct"],
    ["3*8=25", "incorrect"],
    ["3*8=24=24", "incorrect"],
    ["24", "incorrect"],
    ["5*5-3+8/8", "incorrect"],
    ["3*8+5-5+0", "incorrect"],
    ["let me see\n3*8\n", "correct"],
    ["<think>5*5</think><answer> (8)*3 </answer> done", "correct"],
    ["", "no-answer"],
    ["3×8", "correct"],
  ])("%j is %s", async (completion, status) => {
    expect(await statusOf(countdownVerifier(), gold, completion)).toBe(status)
  })

  test("with every number required, a leftover is wrong and named", async () => {
    const verifier = countdownVerifier({ useAll: true })
    expect(await judge(verifier, gold, "3*8")).toMatchObject({ status: "incorrect", reason: expect.stringContaining("5, 5") })
    expect(await statusOf(verifier, gold, "3*(5+8-5)")).toBe("correct")
  })

  test("a number used twice is named as such", async () => {
    expect((await judge(countdownVerifier(), gold, "8*8-8*5")).reason).toBe("8 is used too often")
    expect((await judge(countdownVerifier(), gold, "12*2")).reason).toBe("12 is not among the numbers")
  })

  test("intermediate results may be fractions, and are exact", async () => {
    expect(await statusOf(countdownVerifier(), '{"nums":[3,3,8,8],"target":24}', "8/(3-8/3)")).toBe("correct")
    expect(await statusOf(countdownVerifier(), '{"nums":[1,3,3,1],"target":1}', "1/3*3")).toBe("correct")
  })

  test.each(["", "24", '{"numbers":[1]}', '{"numbers":["1"],"target":1}', "null"])("gold %j is unparsable", async (bad) => {
    expect(await statusOf(countdownVerifier(), bad, "1")).toBe("unparsable-gold")
  })
})

test("no procedural verifier throws, whatever the response and the gold", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...procedural),
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."0123456789+-*/().,=#${}\\ \n", "\\boxed{", "<answer>") }),
      async (name, gold, completion) => {
        const verdict = await judge(createVerifier(name), gold, completion)
        expect(verdict.reason).not.toBe("")
        expect(verdict.reward === 1).toBe(verdict.status === "correct")
      },
    ),
  )
})

test("a response of 300,000 characters is judged in well under a second, whatever it holds", async () => {
  for (const unit of ["9", "(", "\\boxed{", "1,", " ", "$", "=", "#", ".", "<answer>"]) {
    const completion = unit.repeat(Math.ceil(300_000 / unit.length))
    for (const name of procedural) {
      const start = performance.now()
      await judge(createVerifier(name), name.startsWith("countdown") ? '{"nums":[1],"target":1}' : "1", completion)
      expect(performance.now() - start, `${name} on ${unit}`).toBeLessThan(500)
    }
  }
})

test("an unknown verifier is a ConfigError that lists those that exist and the nearest", () => {
  const attempt = (): Verifier => createVerifier("numerics", "task.verifier")
  expect(attempt).toThrow(ConfigError)
  expect(attempt).toThrow(/task\.verifier: .*exact, integer.*got "numerics".*Did you mean numeric\?/)
  expect(() => createVerifier("toString")).toThrow(ConfigError)
})

import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { mathOptionsFromRow, mathVerifier, verifyMath } from "./index.ts"

interface CaseRow extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly gold: string
  readonly pred: string
  readonly expected: boolean
}

const fixtures = new URL("../../../test/fixtures/verifiers/", import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, fixtures), "utf8")
const rows = (name: string): CaseRow[] =>
  read(name)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CaseRow)

function wrong(name: string): string[] {
  return rows(name)
    .filter((row) => verifyMath(row.gold, row.pred, mathOptionsFromRow(row)).correct !== row.expected)
    .map((row) => `${row.id}: ${row.gold} against ${row.pred} is ${row.expected}`)
}

describe("verifyMath", () => {
  test("agrees with every published case", () => {
    expect(wrong("published-cases.jsonl")).toEqual([])
  })

  test("agrees with every case of our own", () => {
    expect(wrong("own-cases.jsonl")).toEqual([])
  })

  test("every gold answer of the benchmarks is equal to itself, boxed and bare", () => {
    const benchmarks = JSON.parse(read("benchmark-golds.json")) as Record<string, string[]>
    const failed = Object.values(benchmarks)
      .flat()
      .filter((gold) => !verifyMath(gold, `So the answer is $\\boxed{${gold}}$.`).correct || !verifyMath(gold, gold).correct)
    expect(failed).toEqual([])
  })

  test("gold answers of a benchmark differ from each other unless they are rewritings", () => {
    const golds = (JSON.parse(read("benchmark-golds.json")) as Record<string, string[]>)["math-500"]!
    const equal = golds.flatMap((gold, index) => golds.slice(index + 1).filter((other) => verifyMath(gold, `\\boxed{${other}}`).correct).map((other) => `${gold} = ${other}`))
    expect(equal.sort()).toEqual([
      "(-2,1) = -2,1",
      "1,-2 = -2,1",
      "2 \\sqrt{5} = 2\\sqrt{5}",
      "\\frac{1}{4} = \\frac14",
    ])
  })

  test.each([
    ["$5$", "I do not know", "no-answer"],
    ["$5$", "\\boxed{}", "no-answer"],
    // Cut off in the box: it may be the beginning of another answer. Math-Verify 0.8 finds nothing in these either.
    ["$4$", "So the answer is \\boxed{4", "no-answer"],
    ["$4$", "so we get $\\boxed{4$", "no-answer"],
    ["$4$", "7-3=4;\\boxed{4", "correct"],
    ["$42$", "Since $6 \\cdot 7 = 42$, we get \\boxed{4", "correct"],
    ["$3$", "\\boxed{3} so \\boxed{2", "correct"],
    ["$2$", "\\boxed{3} so \\boxed{2", "incorrect"],
    ["$7$", "we write \\boxed{x and so on.\nThe final answer is 7.", "correct"],
    ["", "\\boxed{5}", "unparsable-gold"],
    ["$\\frac{1}{$", "\\boxed{5}", "unparsable-gold"],
    ["$5$", "\\boxed{6}", "incorrect"],
    ["$5$", "\\boxed{5}", "correct"],
    ["$42$", "\\boxed{\\sum_{k=1}^{1999}\\sum_{j=1}^{1999}kj}", "timeout"],
  ])("the status of %s against %s is %s", (gold, completion, status) => {
    expect(verifyMath(gold, completion).status).toBe(status)
  })

  test("a verdict without an answer says that a box is never closed", () => {
    expect(verifyMath("$4$", "so \\boxed{4").reason).toBe("no answer found among latex, expr; a box is never closed")
    expect(verifyMath("$4$", "who knows").reason).toBe("no answer found among latex, expr")
  })

  test("a gold answer that has lost the brace of its box is read", () => {
    expect(verifyMath("\\boxed{42", "\\boxed{42}").correct).toBe(true)
    expect(verifyMath("so \\boxed{42\nwhich was to be found", "\\boxed{42}").correct).toBe(true)
  })

  test("a verdict says what was read and why it was wrong", () => {
    const verdict = verifyMath("$\\frac{1}{2}$", "The final answer is $\\boxed{\\frac{1}{3}}$.")
    expect(verdict.extracted).toBe("\\frac{1}{3}")
    expect(verdict.reason).toContain("boxed")
    expect(verdict.reason).toContain("is not")
  })

  test("two answers are no answer to one question", () => {
    expect(verifyMath("$3$", "\\boxed{3} or \\boxed{4}").correct).toBe(false)
    expect(verifyMath("$3$", "\\boxed{3 \\text{ or } 4}").correct).toBe(false)
  })

  test("a smaller allowance gives a timeout and not another verdict", () => {
    expect(verifyMath("$\\sin 2x$", "$2\\sin x\\cos x$", { maxSteps: 20 }).status).toBe("timeout")
    expect(verifyMath("$\\sin 2x$", "$2\\sin x\\cos x$").status).toBe("correct")
  })

  test("an equation is reduced to its value when the gold answer is one, not the other way round", () => {
    expect(verifyMath("$0$", "$x+3z=0$").correct).toBe(true)
    expect(verifyMath("$x+3z=0$", "$0$").correct).toBe(false)
  })
})

describe("mathVerifier", () => {
  test("gives reward 1 or 0 with status, reason and extracted answer", async () => {
    const verdict = await mathVerifier().verify({ gold: "$\\frac12$", completion: "The answer is 0.5." })
    expect(verdict).toMatchObject({ status: "correct", reward: 1, extracted: "0.5" })
    expect((await mathVerifier().verify({ gold: "$1$", completion: "2" })).reward).toBe(0)
  })

  test("the row's options go before the verifier's own", async () => {
    const input = { gold: "$\\frac13$", completion: "$0.33$" }
    expect((await mathVerifier({ precision: 6 }).verify(input)).reward).toBe(0)
    expect((await mathVerifier({ precision: 6 }).verify({ ...input, row: { precision: 2 } })).reward).toBe(1)
  })
})

describe("answers of more than 2,000 characters", () => {
  const digits = (last: string): string => `${"7".repeat(2_000)}${last}`
  const list = (count: number, last = ""): string =>
    `${Array.from({ length: count }, (_, index) => 1_000 + index).join(", ")}${last}`

  test("are none, wherever the difference stands", () => {
    expect(verifyMath("5", `\\boxed{${digits("1")}}`)).toMatchObject({ status: "no-answer" })
    expect(verifyMath("5", `\\boxed{${list(500, ", 5")}}`)).toMatchObject({ status: "no-answer" })
    expect(verifyMath("5", `<answer>${list(500, ", 5")}</answer>`)).toMatchObject({ correct: false })
  })

  test("are refused as gold answers", () => {
    for (const gold of [digits("1"), `\\boxed{${digits("1")}}`, list(500)]) {
      const { status, reason } = verifyMath(gold, `\\boxed{${gold}}`)
      expect(status).toBe("unparsable-gold")
      expect(reason).toMatch(/2,\d{3}|2,001|2,998/)
      expect(mathVerifier().goldProblem?.(gold)).toBe(reason)
    }
    expect(mathVerifier().goldProblem?.(`So the total is \\boxed{5}. ${"It is so. ".repeat(400)}`)).toBeUndefined()
  })

  test("a gold list of 300 elements does not accept one of them", () => {
    expect(verifyMath(list(300), `\\boxed{${list(300)}}`)).toMatchObject({ correct: true })
    expect(verifyMath(list(300), "\\boxed{1299}")).toMatchObject({ correct: false })
  })
})

import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { evaluateArithmetic } from "./arithmetic.ts"
import { gsm8kVerifier, mathDapoVerifier, minervaVerifier, primeMathVerifier, scoreGsm8k, scoreMathDapo, scorePrimeMath } from "./index.ts"
import { latexToText } from "./latex-to-text.ts"
import { extractMinerva } from "./minerva.ts"
import { normalizeMinerva } from "./minerva-normalization.ts"
import { primeMathEqual } from "./prime-equality.ts"
import { normalizeHendrycks, normalizePrm } from "./prime-normalization.ts"
import { lastCodePoints, pythonFloat, pythonRound } from "./python-text.ts"

type Pair = readonly [score: number | boolean, extracted: string | null]
interface ScoreRow {
  readonly gold: string
  readonly completion: string
  readonly mathDapo: Pair
  readonly mathDapoFallback: Pair
  readonly mathDapoStrictBox: Pair
  readonly gsm8k: number
  readonly gsm8kFlexible: number
  readonly primeMath: Pair
}

const rows = readFileSync(new URL("../../../test/fixtures/verifiers/preset-scores.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as ScoreRow)

describe("scores of verl's own graders", () => {
  test("the fixture has right and wrong answers for every grader", () => {
    for (const key of ["mathDapo", "mathDapoStrictBox", "primeMath"] as const) {
      expect(rows.some((row) => Number(row[key][0]) === 1)).toBe(true)
      expect(rows.some((row) => Number(row[key][0]) !== 1)).toBe(true)
    }
    expect(rows.some((row) => row.gsm8k === 1)).toBe(true)
  })

  test("math_dapo gives the same score and answer in all three modes", () => {
    for (const row of rows) {
      for (const [options, expected] of [
        [{}, row.mathDapo],
        [{ boxFallback: true }, row.mathDapoFallback],
        [{ strictBox: true }, row.mathDapoStrictBox],
      ] as const) {
        const score = scoreMathDapo(row.completion, row.gold, options)
        expect([score.score, score.predicted ?? null], `${row.gold} in ${row.completion}`).toEqual(expected)
      }
    }
  })

  test("gsm8k gives the same score, strict and flexible", () => {
    for (const row of rows) {
      expect(scoreGsm8k(row.completion, row.gold)).toBe(row.gsm8k)
      expect(scoreGsm8k(row.completion, row.gold, { method: "flexible" })).toBe(row.gsm8kFlexible)
    }
  })

  test("prime_math gives the same verdict on the same answer", () => {
    for (const row of rows) {
      const { correct, extracted } = scorePrimeMath(row.completion, row.gold)
      expect([correct, extracted], `${row.gold} in ${row.completion}`).toEqual(row.primeMath)
    }
  })
})

describe("math_dapo", () => {
  test("reads the last 300 characters only", () => {
    const line = "Answer: 5\n"
    expect(scoreMathDapo(line + "x".repeat(300 - line.length), "5").score).toBe(1)
    expect(scoreMathDapo(line + "x".repeat(301 - line.length), "5").score).toBe(-1)
  })

  test("strict box reads the last 100 characters and compares letter for letter", () => {
    expect(scoreMathDapo("\\boxed{1,000}", "1000", { strictBox: true }).score).toBe(-1)
    expect(scoreMathDapo("\\boxed{1000}", "1000", { strictBox: true }).score).toBe(1)
    expect(scoreMathDapo(`\\boxed{5}${".".repeat(100)}`, "5", { strictBox: true }).predicted).toBeUndefined()
  })

  test("the reward is plus or minus one", async () => {
    expect(await mathDapoVerifier().verify({ gold: "5", completion: "Answer: 5" })).toMatchObject({ status: "correct", reward: 1, extracted: "5" })
    expect(await mathDapoVerifier().verify({ gold: "5", completion: "Answer: 6" })).toMatchObject({ status: "incorrect", reward: -1 })
    expect(await mathDapoVerifier().verify({ gold: "5", completion: "\\boxed{5}" })).toMatchObject({ status: "no-answer", reward: -1 })
  })
})

describe("gsm8k", () => {
  test("wants #### before the number unless flexible", async () => {
    expect(await gsm8kVerifier().verify({ gold: "1000", completion: "#### 1,000" })).toMatchObject({ status: "correct", reward: 1 })
    expect(await gsm8kVerifier().verify({ gold: "18", completion: "it is 18." })).toMatchObject({ status: "no-answer", reward: 0 })
    expect(scoreGsm8k("it is 18", "18", { method: "flexible" })).toBe(1)
    expect(scoreGsm8k("#### 17", "18", { formatScore: 0.1 })).toBe(0.1)
  })
})

describe("minerva", () => {
  test("reads its template and nothing else", async () => {
    expect(extractMinerva("Final Answer: The final answer is $5$. I hope it is correct.")).toBe("$5$")
    expect(extractMinerva("The answer is 5")).toBe("[invalidanswer]")
    expect(await minervaVerifier().verify({ gold: "so \\boxed{\\frac12}", completion: "Final Answer: The final answer is $0.5$. I hope it is correct." })).toMatchObject({
      status: "correct",
      reward: 1,
    })
    expect((await minervaVerifier().verify({ gold: "5", completion: "\\boxed{5}" })).status).toBe("no-answer")
  })

  test.each([
    ["x=5", "5"],
    ["$\\frac12$", "\\frac{1}{2}"],
    ["\\sqrt3", "\\sqrt{3}"],
    ["1,000", "1000"],
    ["12 \\text{ cm}", "12"],
    ["\\text{A}", "A"],
    ["30^\\circ", "30"],
    ["5 dollars", "5"],
    ["\\boxed{7}", "7"],
  ])("normalises %s to %s", (text, expected) => {
    expect(normalizeMinerva(text, true)).toBe(expected)
  })
})

describe("prime_math", () => {
  test("reduced fractions and integers are demanded as they are", () => {
    expect(scorePrimeMath("the answer is 2/4", "1/2").correct).toBe(true)
    expect(scorePrimeMath("the answer is 5.0", "5").correct).toBe(true)
    expect(scorePrimeMath("the answer is 6", "5").correct).toBe(false)
  })

  test("percentages count in both forms, within 10^-4", () => {
    expect(primeMathEqual("0.5", "50")).toBe(true)
    expect(primeMathEqual("50%", "0.5")).toBe(true)
    expect(primeMathEqual("1.0001", "1")).toBe(true)
    expect(primeMathEqual("1.001", "1")).toBe(false)
  })

  test("brackets are compared item by item", () => {
    expect(primeMathEqual("(1, 2)", "(1,2)")).toBe(true)
    expect(primeMathEqual("[1, 3]", "[1, 2]")).toBe(false)
    expect(primeMathEqual("Interval(1, 2)", "[1,2]")).toBe(true)
  })

  test("normalisations are those of Hendrycks and PRM800K", () => {
    expect(normalizeHendrycks("x=\\frac12")).toBe("\\frac{1}{2}")
    expect(normalizeHendrycks("0.5")).toBe("\\frac{1}{2}")
    expect(normalizeHendrycks("3/4")).toBe("\\frac{3}{4}")
    expect(normalizePrm("3.0 cm")).toBe("3")
    expect(normalizePrm("\\frac{\\sqrt{3}}{2}")).toBe("sqrt(3)/2")
    expect(normalizePrm("2 million")).toBe("2 *10^6")
  })

  test("the verdict carries the answer", async () => {
    expect(await primeMathVerifier().verify({ gold: "42", completion: "So the answer is \\boxed{42}" })).toMatchObject({ status: "correct", extracted: "42" })
  })
})

describe("Python's ways", () => {
  test("arithmetic is read and nothing else is run", () => {
    expect(evaluateArithmetic("2*3.5+1")).toBe(8)
    expect(evaluateArithmetic("2**3**2")).toBe(512)
    expect(evaluateArithmetic("-2**2")).toBe(-4)
    expect(evaluateArithmetic("7//2-7%4")).toBe(0)
    for (const source of ["process.exit()", "1/0", "__import__('os')", "(1", "1 2", ""]) expect(evaluateArithmetic(source)).toBeUndefined()
  })

  test("floats, rounding and slices are Python's", () => {
    expect(pythonFloat("1_000")).toBe(1000)
    expect(pythonFloat(" -inf ")).toBe(-Infinity)
    expect(pythonFloat("1,0")).toBeUndefined()
    expect(pythonRound(2.5)).toBe(2)
    expect(pythonRound(3.5)).toBe(4)
    expect(lastCodePoints("a😀b", 2)).toBe("😀b")
  })

  test.each([
    ["\\frac{1}{2}", "1/2"],
    ["\\sqrt[3]{2}", "√(2)"],
    ["\\sin x", "sinx"],
    ["\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "[ 1 2; 3 4 ]"],
    ["\\mathbb{R}\\setminus\\{0\\}", "ℝ∖{0}"],
    ["5% of", "5"],
    ["\\unknown{5}", "5"],
  ])("%s as text is %s", (source, expected) => {
    expect(latexToText(source)).toBe(expected)
  })
})

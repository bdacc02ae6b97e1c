import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { verifyMath } from "./index.ts"

const limitMs = 100

/** Processor time of one verification, the best of three when it is over the limit: other processes are not our concern. */
function cost(gold: string, completion: string): number {
  let best = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 3 && best > limitMs; attempt++) {
    const before = process.cpuUsage()
    verifyMath(gold, completion)
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

const many = (text: string, count: number): string => text.repeat(count)

const monsters: Readonly<Record<string, string>> = {
  "a number of 10^5 digits": many("9", 100_000),
  "a decimal of 10^5 digits": `0.${many("3", 100_000)}`,
  "a tower of powers": `${many("9^{", 300)}9${many("}", 300)}`,
  "9^{9^9}": "9^{9^{9^9}}",
  "a tower without braces": `${many("9^", 5_000)}9`,
  "unclosed braces": many("{", 100_000),
  "unclosed fractions": many("\\frac{", 5_000),
  "unclosed boxes": many("\\boxed{", 20_000),
  "ten thousand nested brackets": `${many("(", 10_000)}1${many(")", 10_000)}`,
  "open formulas": many("\\[", 20_000),
  "dollar signs": many("$", 100_000),
  "bars": many("|x", 500),
  "megabytes of text": many("lorem ipsum 12 dolor $x$ ", 80_000),
  "bidirectional and zero-width characters": many("\u202e\u200b\u2066", 30_000),
  "backslashes": many("\\", 100_000),
  "blank lines": many("\n", 100_000),
  "anchors without answers": many("the answer is ", 20_000),
  "a list of 10^5 numbers": many("1,", 100_000),
  "factorials of factorials": `5${many("!", 1_000)}`,
  "factorials at the cap": `${many("1999!+", 300)}1`,
  "powers at the cap": `${many("\\frac{1}{3^{9999}}+\\frac{1}{7^{6999}}+", 40)}1`,
  "a sum of sums": "\\sum_{k=1}^{1999}\\sum_{j=1}^{1999}kj",
  "an infinite series": "\\sum_{k=1}^{\\infty}\\frac{1}{k^2}",
  "a product of matrices": many("\\begin{pmatrix}1&x\\\\y&4\\end{pmatrix}", 40),
  "nested sums in a symbol": `${many("\\sum_{k=1}^{n}", 30)}k`,
  "a union of 300 intervals": `${many("[0,1]\\cup", 300)}[0,1]`,
  "equations in a row": many("x=5,", 400),
  "signs": `${many("1\\pm", 300)}1`,
  "primes": `x${many("'", 5_000)}`,
  "e-notation": many("1e4000*", 200),
}

describe("no input takes over 100 ms", () => {
  test.each(Object.entries(monsters))("%s", (_, text) => {
    for (const [gold, completion] of [
      ["42", text],
      ["42", `\\boxed{${text}}`],
      [text, `${text} `],
      [`$${text}$`, `$${text}1$`],
    ] as const) {
      expect(cost(gold, completion)).toBeLessThan(limitMs)
    }
  })

  const pieces = [
    ..."0123456789xyzabinek+-*/^_=<>()[]{}|!%,;:. $&~'\"\\\n",
    ..."\\frac \\sqrt \\boxed \\text \\left \\right \\{ \\} \\cup \\in \\pm \\infty \\pi \\sin \\log \\sum \\binom \\begin{pmatrix} \\end{pmatrix} \\\\ \\begin{cases} \\end{cases} \\le \\approx ^\\circ \\% answer: final or and 1,000 3.14 1e9 \\overline \\mathrm{ \\mathbb{R} \\choose −½²π".split(" "),
  ]
  const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(""))

  test("random LaTeX never throws, never runs long, and equals itself in a box", () => {
    fc.assert(
      fc.property(soup, soup, (a, b) => {
        expect(cost(a, b)).toBeLessThan(limitMs)
        expect(cost(b, `\\boxed{${a}}`)).toBeLessThan(limitMs)
      }),
      { seed: 20_260, numRuns: 1_500 },
    )
  })

  test("random integers are equal exactly when they are the same", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.bigInt({ min: -3n, max: 3n }), (value, change) => {
        expect(verifyMath(`$${value}$`, `\\boxed{${value + change}}`).correct).toBe(change === 0n)
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  test("random fractions are equal to their multiples and decimals and to no neighbour", () => {
    fc.assert(
      fc.property(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 9 }), (p, q, k) => {
        const gold = `$\\frac{${p}}{${q}}$`
        expect(verifyMath(gold, `\\boxed{${p * k}/${q * k}}`).correct).toBe(true)
        expect(verifyMath(gold, `\\boxed{${(p / q).toFixed(9)}}`).correct).toBe(true)
        expect(verifyMath(gold, `\\boxed{\\frac{${p + 1}}{${q}}}`).correct).toBe(false)
        expect(verifyMath(gold, `\\boxed{${(p / q + 0.001).toFixed(9)}}`).correct).toBe(false)
      }),
      { seed: 8, numRuns: 200 },
    )
  })

  test("random polynomials are equal to their expansion and to nothing near it", () => {
    const coefficient = fc.integer({ min: -9, max: 9 }).filter((value) => value !== 0)
    fc.assert(
      fc.property(coefficient, coefficient, coefficient, coefficient, (a, b, c, d) => {
        const gold = `$(${a}x+${b}y)(${c}x+${d})$`
        const expanded = (constant: number): string => `${a * c}x^2+${b * c}xy+${a * d}x+${b * d}y+${constant}`.replaceAll("+-", "-")
        expect(verifyMath(gold, `$${expanded(0)}$`).correct).toBe(true)
        expect(verifyMath(gold, `$${expanded(1)}$`).correct).toBe(false)
      }),
      { seed: 9, numRuns: 150 },
    )
  })
})

import { describe, expect, test } from "vitest"
import { Budget } from "./budget.ts"
import * as estimates from "./estimate.ts"
import { exactValue } from "./exact-evaluation.ts"
import type { Expression } from "./expression.ts"
import { freeSymbols } from "./expression.ts"
import { evaluateConstant, parseExpression } from "./expressions.ts"
import { compareModular, proportionalModular } from "./modular-evaluation.ts"
import { toNumber } from "./rational.ts"

const budget = (): Budget => new Budget(1_000_000)
const read = (source: string): Expression => parseExpression(source) ?? expect.fail(`${source} could not be read`)

describe("the parser", () => {
  test.each([
    ["2+3\\cdot4", 14],
    ["-2^2", -4],
    ["2^{3^2}", 512],
    ["2^3^2", 512],
    ["1/2/4", 0.125],
    ["6/2(1+2)", 9],
    ["-1\\frac{4}{5}", -1.8],
    ["3 1/2", 3.5],
    ["\\frac12", 0.5],
    ["\\frac 1 10", 0.1],
    ["\\frac{270}7", 270 / 7],
    ["\\frac9{19}", 9 / 19],
    ["\\sqrt[3]{27}", 3],
    ["\\sqrt2", Math.SQRT2],
    ["\\sin^2 1", Math.sin(1) ** 2],
    ["\\sin^{-1} 1", Math.PI / 2],
    ["\\sin 2\\cdot3", Math.sin(2) * 3],
    ["\\sin 2\\pi", 0],
    ["\\cos 60^\\circ", 0.5],
    ["\\log_2 8", 3],
    ["\\ln e^2", 2],
    ["|{-3}|+|2|", 5],
    ["2|{-3}|", 6],
    ["3!", 6],
    ["7!!", 105],
    ["\\binom{5}{2}", 10],
    ["{5 \\choose 2}", 10],
    ["{1 \\over 4}", 0.25],
    ["\\max(2,3)-\\min\\{4,1\\}", 2],
    ["\\lfloor -2.5\\rfloor", -3],
    ["1.77e-6", 1.77e-6],
    ["3 \\times 10^-2", 0.03],
    ["3 x 10^2", 300],
    ["0.1\\overline{6}", 1 / 6],
    ["1{,}000", 1000],
    ["10\\,000", 10_000],
    ["25\\%", 0.25],
    ["\\sum_{k=1}^{4}k^2", 30],
    ["\\prod_{i=1}^{4} i", 24],
    ["\\sqrt[3]{-8}", -2],
    ["(-8)^{1/3}", -2],
    ["np.arcsin(1)", Math.PI / 2],
    ["2pi", 2 * Math.PI],
    ["\\Gamma(5)", 24],
  ])("%s is %d", (source, expected) => {
    expect(evaluateConstant(read(source))).toBeCloseTo(expected, 12)
  })

  test("e-notation is no multiple of e", () => {
    expect(freeSymbols(read("1.77e-6"))).toEqual([])
    expect(exactValue(read("1.77e-6"), budget())).toEqual({ numerator: 177n, denominator: 100_000_000n })
  })

  test("letters keep their case, subscripts and primes", () => {
    expect(freeSymbols(read("X x x_1 x_{12} x' \\theta_w \\dot{x}"))).toEqual(["X", "x", "x_1", "x_12", "x'", "\\theta_w", "\\dot{x}"])
  })

  test.each(["", "+", "\\frac{1}{", "1 2", "(1,2)", "x=1", "\\int x", "5-", "{", "a+*b"])("%j is no expression", (source) => {
    expect(parseExpression(source)).toBeUndefined()
  })
})

describe("exact values", () => {
  test.each([
    ["\\frac{100!}{98!}", 9900],
    ["\\gcd(12,18)\\cdot\\operatorname{lcm}(4,6)", 72],
    ["16^{3/4}", 8],
    ["\\log_3 81", 4],
    ["1010_2", 10],
  ])("%s is the integer %d", (source, expected) => {
    const value = exactValue(read(source), budget())
    expect(value && toNumber(value)).toBe(expected)
  })

  test("there is none for irrational or oversized numbers", () => {
    for (const source of ["\\sqrt2", "\\pi", "9^{9^9}", "10^{10^{10}}", "99999!", "x"]) expect(exactValue(read(source), budget())).toBeUndefined()
  })
})

describe("residues", () => {
  test("tell rational functions apart that no double can", () => {
    expect(compareModular(read("(x+y+z)^{100}"), read("(x+y+z)^{100}+1"), budget())).toBe("different")
    expect(compareModular(read("(x+y)^{50}"), read("(y+x)^{50}"), budget())).toBe("equal")
    expect(compareModular(read("(1+i)^2 x"), read("2ix"), budget())).toBe("equal")
    expect(compareModular(read("2^{10^{12}}x"), read("2^{10^{12}}x+1"), budget())).toBe("different")
  })

  test("say nothing where atoms may be related", () => {
    expect(compareModular(read("\\sin^2x+\\cos^2x"), read("1"), budget())).toBe("unknown")
    expect(compareModular(read("\\sin(x+1)"), read("\\sin(1+x)"), budget())).toBe("equal")
  })

  test("know proportional from unrelated", () => {
    expect(proportionalModular(read("2x+4y-3"), read("x+2y-\\frac32"), budget())).toBe("equal")
    expect(proportionalModular(read("2x+4y-3"), read("x+2y-1"), budget())).toBe("different")
  })
})

describe("estimates", () => {
  test("bound their own error", () => {
    const third = estimates.divide(estimates.estimate(1), estimates.estimate(3))
    const rest = estimates.subtract(estimates.multiply(third, estimates.estimate(3)), estimates.estimate(1))
    expect(Math.abs(rest.re)).toBeLessThanOrEqual(rest.error)
    const sine = estimates.sine(estimates.estimate(Math.PI))
    expect(Math.abs(sine.re)).toBeLessThanOrEqual(sine.error)
  })

  test("complex functions satisfy their identities", () => {
    const z = estimates.estimate(0.7, -1.3)
    const one = estimates.add(estimates.power(estimates.sine(z), estimates.estimate(2)), estimates.power(estimates.cosine(z), estimates.estimate(2)))
    expect(one.re).toBeCloseTo(1, 12)
    expect(one.im).toBeCloseTo(0, 12)
    const back = estimates.sine(estimates.arcsine(z))
    expect([back.re, back.im]).toEqual([expect.closeTo(z.re, 12), expect.closeTo(z.im, 12)])
    const root = estimates.squareRoot(z)
    const square = estimates.multiply(root, root)
    expect([square.re, square.im]).toEqual([expect.closeTo(z.re, 12), expect.closeTo(z.im, 12)])
  })

  test("gamma is the factorial and obeys reflection", () => {
    expect(estimates.gamma(6)).toBe(120)
    expect(estimates.gamma(0.5)).toBeCloseTo(Math.sqrt(Math.PI), 12)
    expect(estimates.gamma(-0.5)).toBeCloseTo(-2 * Math.sqrt(Math.PI), 12)
    expect(estimates.gamma(0)).toBeNaN()
  })
})

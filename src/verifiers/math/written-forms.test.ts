import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { verifyMath } from "./verify-math.ts"
import { rewriteForms } from "./written-forms.ts"

const correct = (gold: string, answer: string): boolean => verifyMath(gold, `So it is $\\boxed{${answer}}$.`).correct

describe("written forms", () => {
  test.each([
    ["1234567", "1.234.567"],
    ["1234567.5", "1.234.567,5"],
    ["1234.5", "1.234,5"],
    ["1234567", "1'234'567"],
    ["3.5", "3{,}5"],
    ["0.125", "0{,}125"],
    ["3125", "3{,}125"],
    ["(2,5)", "]2,5["],
    ["[2,5)", "\\left[2,5\\right["],
    ["(-\\infty,1)\\cup(3,4]", "]-\\infty,1[\\cup]3,4]"],
    ["1/3", "0.(3)"],
    ["1/6", "0.1(6)"],
    ["1/3", "0.333..."],
    ["1/6", "0.1666\\ldots"],
    ["3/11", "0.2727\\dots"],
    ["1/7", "0.(142857)"],
    ["45.5^\\circ", "45^\\circ 30'"],
    ["45.51^\\circ", "45° 30′ 36″"],
    ["52_8", "(52)_8"],
    ["52_8", "52_{\\text{eight}}"],
    ["52_8", "52\\text{ base 8}"],
    ["1", "10\\bmod 3"],
    ["2", "-1 \\bmod{3}"],
    ["x\\equiv1\\pmod3", "x\\equiv 4\\ (\\bmod\\ 3)"],
    ["x\\equiv1\\pmod3", "x≡1 (mod 3)"],
    ["252", "{}_{10}C_{5}"],
    ["252", "^{10}C_5"],
    ["252", "{_{10}C_5}"],
    ["(2,5]", "]2;5]"],
    ["1A_{16}", "(1A)_{16}"],
    ["\\neg p\\land q", "q\\land\\lnot p"],
    ["252", "C_{10}^{5}"],
    ["90", "{}_{10}P_2"],
    ["\\frac{\\pi}{4}+k\\pi", "\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}"],
    ["\\frac{\\pi}{4}+k\\pi,\\ k \\in \\mathbb Z", "x=\\frac{\\pi}{4}+n\\pi\\quad(n \\in \\mathbb{Z})"],
    ["\\frac{\\pi}{4}+k\\pi", "\\frac{\\pi}{4}+n\\pi, n\\text{ is an integer}"],
    ["x=1, y=2", "\\left\\{\\begin{array}{l}x=1\\\\y=2\\end{array}\\right."],
    ["12", "12 \\checkmark"],
  ])("%s is %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(true)
  })

  test.each([
    "\\color{blue}42",
    "{\\color{blue} 42}",
    "\\textcolor{red}{42}",
    "\\colorbox{yellow}{$42$}",
    "\\fcolorbox{red}{white}{42}",
    "\\pmb{42}",
    "\\Huge 42",
    "42\\blacksquare",
    "42 ✓",
    "**42**",
    "`42`",
    "42个",
    "共42种",
  ])("%s is 42", (answer) => {
    expect(correct("42", answer)).toBe(true)
  })

  test.each([
    ["1.234", "1,234"],
    ["3.5", "3,5"],
    ["1234567", "1.234.568"],
    ["(2,5)", "]2,5]"],
    ["[2,5]", "]2,5["],
    ["1/3", "0.(6)"],
    ["1/3", "0.33"],
    ["23/15", "1.5(3)"],
    ["45.3^\\circ", "45^\\circ 30'"],
    ["52_8", "(25)_8"],
    ["10", "10\\bmod 3"],
    ["x\\equiv1\\pmod3", "x\\equiv1\\pmod4"],
    ["252", "{}_{10}C_4"],
    ["252", "C(10,5)"],
    ["\\frac{\\pi}{4}+k\\pi", "\\frac{\\pi}{4}+2k\\pi, k\\in\\mathbb{Z}"],
    ["42", "42万"],
    ["42", "负42"],
    ["5", ">5"],
    ["11", "x \\approx 11"],
    ["11", "\\approx 11"],
  ])("%s is not %s", (gold, answer) => {
    expect(correct(gold, answer)).toBe(false)
  })

  test.each([
    "[1,2],[3,4]",
    "\\sqrt[3]{2},5",
    "C_1e^x+C_2e^{-x}",
    "C_1^2",
    "2.5(4)",
    "3.14159...",
    "f'(x)",
    "1{,}000{,}000",
    "\\{1,2\\}",
    "(1.234,5)",
    "1.234,567",
    "x \\in \\mathbb{Z}",
  ])("%s stays as it is", (source) => {
    expect(rewriteForms(source)).toBe(source)
  })

  test("approximations are accepted by option, or for a gold that may be rounded itself", () => {
    expect(verifyMath("11", "\\boxed{x \\approx 11}", { approximate: true }).correct).toBe(true)
    expect(verifyMath("11", "\\boxed{x \\approx 12}", { approximate: true }).correct).toBe(false)
    expect(correct("3.14", "\\approx 3.14")).toBe(true)
  })

  test("GSM8K's mark ends a gold", () => {
    const gold = "Each box has 4 pens, so 3*4=<<3*4=12>>12 pens.\n#### 12"
    expect(verifyMath(gold, "\\boxed{12}").correct).toBe(true)
    expect(verifyMath(gold, "\\boxed{4}").correct).toBe(false)
    expect(verifyMath("#### 1,234", "The answer is 1234.").correct).toBe(true)
  })

  test("no text takes long", () => {
    const piece = fc.constantFrom(
      "1",
      "12",
      ".",
      ",",
      "'",
      "[",
      "]",
      "0.",
      "(3)",
      "...",
      "_{",
      "}",
      "\\bmod ",
      "C",
      "^{",
      "°",
      "\\color{",
      "\\left\\{\\begin{array}",
      "集",
      "k",
      "\\in ",
      "\\text{",
      " ",
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
        const start = performance.now()
        rewriteForms(pieces.join(""))
        return performance.now() - start < 400
      }),
      { numRuns: 300 },
    )
    for (const unit of [
      "1",
      "1.",
      "1.234",
      "0.1",
      "[1,",
      "]1,[",
      "1'",
      "_{",
      "\\color{",
      "C_",
      "12(",
      "集1",
      "  ",
      "\\text{",
      "k\\in ",
    ]) {
      const start = performance.now()
      rewriteForms(unit.repeat(2_000 / unit.length))
      expect(performance.now() - start, unit).toBeLessThan(400)
    }
  })
})

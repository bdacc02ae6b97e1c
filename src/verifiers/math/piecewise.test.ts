import { expect, test } from "vitest"
import { verifyMath } from "./verify-math.ts"

const gold = "\\begin{cases} x^2 & \\text{if } x\\ge 0 \\\\ -x & \\text{if } x<0 \\end{cases}"
const correct = (answer: string): boolean => verifyMath(gold, `So it is $\\boxed{${answer}}$.`).correct

test.each([
  "\\begin{cases}x^{2}&x\\geq0\\\\-x&x<0\\end{cases}",
  "\\begin{cases}-x&x<0\\\\x^{2}&x\\geq0\\end{cases}",
  "\\begin{cases}-x,&\\text{for }0>x,\\\\x^{2},&\\text{otherwise}.\\end{cases}",
  "f(x)=\\begin{cases}x^2, \\text{ if } x\\ge 0\\\\-x, \\text{ if } x<0\\end{cases}",
  "\\begin{dcases}x^2 & x \\ge 0,\\\\[4pt] -x & \\text{else}\\end{dcases}",
])("branches may stand in any order: %s", (answer) => {
  expect(correct(answer)).toBe(true)
})

test.each([
  "\\begin{cases}-x&x\\ge 0\\\\x^2&x<0\\end{cases}",
  "\\begin{cases}x^2&x>0\\\\-x&x\\le 0\\end{cases}",
  "\\begin{cases}x^2&x\\ge 0\\\\x&x<0\\end{cases}",
  "\\begin{cases}-x&\\text{otherwise}\\\\-x&x<0\\end{cases}",
  "x^2",
])("values and conditions belong together: %s", (answer) => {
  expect(correct(answer)).toBe(false)
})

test("a system of equations stays one", () => {
  expect(verifyMath("x=1, y=2", "\\boxed{\\begin{cases}x&=1\\\\y&=2\\end{cases}}").correct).toBe(true)
})

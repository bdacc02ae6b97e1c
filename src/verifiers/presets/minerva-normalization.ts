/**
 * The answer normalisation of Minerva, as published and as DAPO carries it.
 * Source: arXiv:2206.14858 (Lewkowycz et al. 2022), appendix D.1; verl's math_dapo leaves "ft" out of the units, which
 * keeps \left whole.
 */
import { isDigitString } from "./python-text.ts"

const substitutions: readonly (readonly [string, string])[] = [
  ["an ", ""],
  ["a ", ""],
  [".$", "$"],
  ["\\$", ""],
  ["\\ ", ""],
  [" ", ""],
  ["mbox", "text"],
  [",\\text{and}", ","],
  ["\\text{and}", ","],
  ["\\text{m}", "\\text{}"],
]

const removedExpressions: readonly string[] = [
  "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue", "points", "feet",
  "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students", "childrentickets",
  "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}", "\\mathrm{th}",
  "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
]

/**
 * Normalises the final answer of a quantitative reasoning question.
 * @param removeFt  take "ft" out like the other units (Minerva) or leave it (verl's math_dapo)
 */
export function normalizeMinerva(finalAnswer: string, removeFt: boolean): string {
  let answer = finalAnswer.slice(finalAnswer.lastIndexOf("=") + 1)
  for (const [before, after] of substitutions) answer = answer.replaceAll(before, after)
  for (const expression of removedExpressions) if (removeFt || expression !== "ft") answer = answer.replaceAll(expression, "")
  // Python's . stops at \n alone.
  answer = answer.replaceAll(/([^\n]*?)(\$)([^\n]*?)(\$)([^\n]*)/g, (_, _1, _2, inner: string) => `$${inner}$`)
  answer = answer.replaceAll(/(\\text\{)([^\n]*?)(\})/g, "$2")
  answer = answer.replaceAll(/(\\textbf\{)([^\n]*?)(\})/g, "$2")
  answer = answer.replaceAll(/(\\overline\{)([^\n]*?)(\})/g, "$2")
  answer = answer.replaceAll(/(\\boxed\{)([^\n]*)(\})/g, "$2")
  // \fracab, \fracabc and \sqrta get their braces.
  answer = answer.replaceAll(/(frac)([^{])([^\n])/gu, "frac{$2}{$3}")
  answer = answer.replaceAll(/(sqrt)([^{])/gu, "sqrt{$2}")
  answer = answer.replaceAll("$", "")
  const joined = answer.replaceAll(",", "")
  return (isDigitString(joined) ? joined : answer).trim()
}

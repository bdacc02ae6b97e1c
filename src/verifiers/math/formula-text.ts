/** What a formula looks like in running text, outside of $...$. */

/** A number as prose writes it, with its sign, fraction, root and percent. */
export const numberPattern: RegExp =
  /(?<![A-Za-z\d.:])[-−]?(?:\d+(?::\d+)+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:\s*\/\s*\d+(?!\d|\.\d))?(?:\s?[√π]\(?\d*\)?)*(?:\s*(?:%|percent\b|pct\b))?/g
/** \frac{a}{b} outside of a formula. */
export const fractionPattern: RegExp = /(?:-\s?)?\\[dtc]?frac\s*\{[^{}]{1,40}\}\s*\{[^{}]{1,40}\}/g

const mathWords =
  /\b(?:and|or|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi|infinity|inf|oo|max|min|gcd|lcm|arcsin|arccos|arctan|asin|acos|atan|in|percent|percentage|pct|binom|union|U)\b/g

const shortWords = /\b(?:is|it|to|of|we|so|be|as|at|by|no|my|he|if|do|an|on|go|me|us)\b/i

const eastAsian = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** Does the phrase hold mathematics and no prose? Words directly after a number are its unit. */
export function isFormula(phrase: string, latex: boolean, plain: boolean): boolean {
  if (eastAsian.test(phrase)) return false
  if (!latex) return plain && /^[-+*/^().,\d\s%×÷$€£]+$/.test(phrase) && /\d/.test(phrase)
  const bare = phrase
    .replaceAll(/\\(?:text|textbf|mbox|mathrm|operatorname|textnormal)\s*\{[^{}]*\}/g, " ")
    .replaceAll(/\\(?:begin|end)\s*\{[a-z]*\*?\}/gi, " ")
    .replaceAll(/\\[A-Za-z]+/g, " ")
    .replaceAll(/(?<=[\d)])(?:or|and)(?=[A-Za-z]\b)/g, " ")
    .replaceAll(mathWords, " ")
    .replaceAll(/_\{[^{}]*\}/g, " ")
  const words = (bare.match(/[A-Za-z]{3,}/g) ?? []).filter((word) => !/^[A-Z]{2,5}$/.test(word))
  if (!plain && !phrase.includes("\\")) return false
  return words.length === 0 && !shortWords.test(bare) && /[\dA-Za-z\\]/.test(phrase)
}

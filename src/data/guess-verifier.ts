/** A verifier that fits ground truths, where nobody named one. */

export interface GuessedVerifier {
  readonly name: string
  /** Why, in words. */
  readonly reason: string
}

const NUMBER = /^[-+]?[$€£]?\d[\d,]*(?:\.\d+)?\s?%?$/u
const LETTER = /^\(?[A-Ja-j]\)?\.?$/u
/** LaTeX, equations, powers, fractions, sets and intervals. */
const FORMULA = /[\\$^=_{}]|\d\s*[/*+-]\s*\d|^[[(].*,.*[\])]$/u
/** Longest answer of a question whose answers are words. */
const SHORT_CHARACTERS = 100

/** @returns undefined where the ground truths are of no kind that a verifier reads from free text */
export function guessVerifier(groundTruths: readonly string[]): GuessedVerifier | undefined {
  const texts = groundTruths.map((text) => text.trim())
  const share = (pattern: RegExp): number => texts.filter((text) => pattern.test(text)).length / texts.length
  if (share(LETTER) === 1) return { name: "mcq", reason: "every ground truth is the letter of an option" }
  if (share(NUMBER) === 1) return { name: "numeric", reason: "every ground truth is a number" }
  const mathematical = texts.filter((text) => NUMBER.test(text) || FORMULA.test(text)).length
  if (mathematical > texts.length / 2) return { name: "math", reason: "most ground truths are numbers or formulas" }
  if (texts.every((text) => text.length <= SHORT_CHARACTERS)) {
    return { name: "qa-exact", reason: "the ground truths are short texts" }
  }
  return undefined
}

/** Letters side by side that are no product: words, strings such as HHT and BADC, named figures such as angle ABC. */

export type Figure = "vector" | "angle" | "triangle" | "segment"

/** A run of two letters and more without anything between them. */
export interface LetterString {
  readonly text: string
  readonly figure?: Figure
}

/** How a figure is written in keys. */
export const figureMarks: Readonly<Record<Figure, string>> = {
  vector: "\u2192",
  angle: "\u2220",
  triangle: "\u25b3",
  segment: "\u203e",
}

const reversed = (text: string): string => [...text].reverse().join("")
const sorted = (text: string): string => [...text].sort().join("")

/** "May", "listen": a word, and no product of variables such as abcd, uvwx or abxy. */
export function looksLikeWord(run: string): boolean {
  if (/^[A-Z][a-z]{2,}$/.test(run)) return /[aeiouy]/i.test(run)
  return /^[a-z]{4,}$/.test(run) && /[aeiou]/.test(run) && !/^[a-dx-z]+$/.test(run) && run !== sorted(run)
}

/**
 * Are two strings of letters the same? Undefined where they may be products, which commute (abc and cab, nRT and RTn).
 * An angle and a segment may be named from either end, a triangle from any corner; a vector has a direction.
 */
export function letterStringsEqual(a: LetterString, b: LetterString): boolean | undefined {
  const flat = (figure: Figure): boolean => figure === "angle" || figure === "triangle"
  const differ = a.figure !== undefined && b.figure !== undefined && a.figure !== b.figure
  if (differ && (flat(a.figure) || flat(b.figure))) return false
  if (a.text === b.text) return true
  const figure = a.figure ?? b.figure
  if (figure === "triangle") return sorted(a.text) === sorted(b.text)
  if (figure === "vector") return false
  if (figure !== undefined) return reversed(a.text) === b.text
  const product = (text: string): boolean => /[a-z]/.test(text) && !looksLikeWord(text)
  return product(a.text) && product(b.text) ? undefined : false
}

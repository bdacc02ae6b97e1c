/**
 * Answer normalisations of prime_math: the one of Hendrycks' MATH release (mathd), and PRM800K's with plain text for
 * LaTeX. Source: verl's reward_score/prime_math (math_normalize.py and __init__.py), from openai/prm800k.
 */
import { latexToText } from "./latex-to-text.ts"
import { pythonFloat, pythonInt, pythonRound } from "./python-text.ts"

function fixFractions(text: string): string {
  const [head, ...rest] = text.split("\\frac")
  let out = head!
  for (const part of rest) {
    out += "\\frac"
    if (part.startsWith("{")) out += part
    else {
      if (part.length < 2) return text
      const [a, b, tail] = [part[0]!, part[1]!, part.slice(2)]
      out += b === "{" ? `{${a}}${b}${tail}` : `{${a}}{${b}}${tail}`
    }
  }
  return out
}

function fixSlash(text: string): string {
  const parts = text.split("/")
  if (parts.length !== 2) return text
  const [a, b] = parts.map(pythonInt)
  return a === undefined || b === undefined || text !== `${a}/${b}` ? text : `\\frac{${a}}{${b}}`
}

function fixRoots(text: string): string {
  const [head, ...rest] = text.split("\\sqrt")
  return rest.reduce((out, part) => out + (part.startsWith("{") ? `\\sqrt${part}` : `\\sqrt{${part[0]}}${part.slice(1)}`), head!)
}

/** Hendrycks' normalisation; a string it chokes on comes back as it was. */
export function normalizeHendrycks(answer: string): string {
  let text = answer.trim()
  text = /^\\text\{([^\n]+?)\}$/.exec(text)?.[1]?.trim() ?? text
  const original = text
  text = text.replaceAll("\n", "").replaceAll("\\!", "").replaceAll("\\\\", "\\").replaceAll("tfrac", "frac").replaceAll("dfrac", "frac")
  text = text.replaceAll("\\left", "").replaceAll("\\right", "").replaceAll("^{\\circ}", "").replaceAll("^\\circ", "").replaceAll("\\$", "")
  if (text.includes("\\text{ ")) {
    const parts = text.split("\\text{ ")
    if (parts.length !== 2) return original
    text = parts[0]!
  }
  text = text.replaceAll("\\\\%", "").replaceAll("\\%", "").replaceAll(" .", " 0.").replaceAll("{.", "{0.")
  if (text === "") return text
  if (text.startsWith(".")) text = `0${text}`
  const sides = text.split("=")
  if (sides.length === 2 && sides[0]!.length <= 2) text = sides[1]!
  // Python's indexing of an empty piece after \sqrt or \frac raises, and the answer stays as it was.
  if (text.split("\\sqrt").slice(1).includes("")) return original
  text = fixRoots(text).replaceAll(" ", "")
  if (text.split("\\frac").slice(1).includes("")) return original
  text = fixFractions(text)
  if (text === "0.5") text = "\\frac{1}{2}"
  return fixSlash(text)
}

/** Thousands separators out, tuple commas not. */
export function stripThousands(text: string): string {
  let current = text
  for (;;) {
    const next = current.replaceAll(/(\d)(,)(\d\d\d)($|\D)/g, "$1$3$4")
    if (next === current) return next
    current = next
  }
}

function nearestInteger(text: string): number | undefined {
  const value = pythonFloat(text)
  if (value === undefined || !Number.isFinite(value)) return undefined
  return Math.abs(value - pythonRound(value)) <= 1e-7 ? pythonRound(value) : undefined
}

/** True for a string that is an integer after thousands separators are out. */
export function isIntegerString(text: string): boolean {
  return nearestInteger(stripThousands(text)) !== undefined
}

function integerText(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString()
}

const units = "degree cm centimeter meter mile second minute hour day week month year foot feet inch yard liter".split(" ")

/** PRM800K's normalisation. */
export function normalizePrm(answer: string): string {
  let text = /^\\text\{([^\n]+?)\}$/.exec(answer)?.[1] ?? answer
  text = text.replaceAll("\\%", "%").replaceAll("\\$", "$").replaceAll("$", "").replaceAll("%", "").replaceAll(" or ", " , ").replaceAll(" and ", " , ")
  text = text.replaceAll("million", "*10^6").replaceAll("billion", "*10^9").replaceAll("trillion", "*10^12")
  for (const unit of units) text = text.replaceAll(new RegExp(`${unit}(es)?(s)? *(\\^[0-9]+)?`, "g"), "")
  text = text.replaceAll(/\^ *\\circ/g, "")
  if (text.length > 1 && text.startsWith("{") && text.endsWith("}")) text = text.slice(1, -1)
  text = text.replaceAll(/,\\! */g, "")
  const rounded = nearestInteger(text)
  if (rounded !== undefined) text = integerText(rounded)
  if (text.includes("\\")) text = plainMath(text)
  text = text.replaceAll(/- */g, "-")
  text = text.replaceAll(/([0-9]) +([0-9])/g, "$1+$2").toLowerCase()
  if (isIntegerString(text)) {
    const value = pythonFloat(text.replaceAll(",", ""))
    if (value !== undefined) text = integerText(Math.trunc(value))
  }
  return text
}

function plainMath(text: string): string {
  const spaced = text.replaceAll("\\tfrac", "\\frac").replaceAll("\\dfrac", "\\frac").replaceAll("\\frac", " \\frac")
  return latexToText(spaced).replaceAll("√", "sqrt").replaceAll("π", "pi").replaceAll("∞", "inf").replaceAll("∪", "U").replaceAll("·", "*").replaceAll("×", "*").trim()
}

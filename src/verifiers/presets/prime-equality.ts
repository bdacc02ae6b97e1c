/**
 * `math_equal` of prime_math: strings, numbers within 10^-4 (percentages in either form), brackets item by item, and
 * symbolic equality last. Source: verl's reward_score/prime_math/grader.py. Differs: where it asks SymPy, this asks the
 * math verifier's parser and equality ladder; where it evaluates Python, this reads arithmetic and lists only.
 */
import { evaluateArithmetic } from "./arithmetic.ts"
import { isClose, pythonFloat, stripCharacters } from "./python-text.ts"
import { symbolicallyClose } from "./symbolic-equality.ts"

const tolerance = 1e-4
const maxPredictionCharacters = 1_000
const maxNesting = 20

/** Thrown where the published code raises, which its caller counts as wrong. */
class Raised extends Error {
  override readonly name: string = "Raised"
}

function digitValue(text: string): number | undefined {
  return pythonFloat(text.includes("{,}") ? text.replaceAll("{,}", "") : text.replaceAll(",", ""))
}

/** Currency and percent signs off, a base subscript off, \pi by its value. */
function normalize(answer: string, pi: number): string {
  if (/^\$\d+(\.\d+)?/.test(answer)) return answer.slice(1)
  if (/^\d+(\.\d+)?\\?%$/.test(answer)) return answer.replaceAll("\\%", "").replaceAll("%", "")
  if (answer.includes("_")) {
    const value = pythonFloat(answer.split("_")[0]!)
    if (value === undefined || !Number.isFinite(value)) throw new Raised("not a base numeral")
    return String(Math.trunc(value))
  }
  if (!answer.includes("\\pi")) return answer
  const written = answer.replaceAll("\\pi", (_, offset: number) => (offset > 0 && (/\d/.test(answer[offset - 1]!) || answer.endsWith("\\pi", offset)) ? `*${pi}` : `1*${pi}`))
  const value = evaluateArithmetic(written)
  return value === undefined ? written : String(value)
}

function splitItems(text: string): string[] {
  return text.slice(1, -1).split(",")
}

function intervalBrackets(text: string): string {
  const forms: readonly [RegExp, string, string][] = [
    [/^Interval\(([^\n]*)\)$/, "[", "]"],
    [/^Interval\.Ropen\(([^\n]*)\)$/, "[", ")"],
    [/^Interval\.Lopen\(([^\n]*)\)$/, "(", "]"],
    [/^Interval\.open\(([^\n]*)\)$/, "(", ")"],
  ]
  for (const [pattern, open, close] of forms) {
    const inner = pattern.exec(text)?.[1]
    if (inner !== undefined) return `${open}${inner}${close}`
  }
  return text
}

function allEqual(predicted: readonly string[], reference: readonly string[], depth: number): boolean {
  return predicted.length === reference.length && predicted.every((part, index) => equal(part, reference[index]!, Math.PI, depth + 1))
}

function equal(rawPrediction: string, rawReference: string, pi: number, depth: number): boolean {
  if (depth > maxNesting) return false
  const written = normalize(rawPrediction, pi)
  const reference = normalize(rawReference, pi).trim()
  const clipped = written.slice(0, maxPredictionCharacters)
  if (clipped.trim().toLowerCase() === reference.toLowerCase()) return true
  if (clipped.replaceAll(" ", "") === reference.replaceAll(" ", "")) return true
  const [a, b] = [digitValue(clipped), digitValue(reference)]
  if (a !== undefined && b !== undefined) return [b / 100, b, b * 100].some((value) => isClose(value, a, tolerance))
  if (clipped === "") return false
  const predicted = intervalBrackets(clipped.trim())
  const [bracketed, round] = [/^\[.*\]$/s.test(predicted), /^\(.*\)$/s.test(predicted)]
  let [left, right] = [predicted, reference]
  if ((bracketed && !reference.startsWith("(")) || (round && !reference.startsWith("["))) {
    left = stripCharacters(left, "[]()")
    right = stripCharacters(right, "[]()")
  }
  if (left.replaceAll(/[{}()]/g, "") === right.replaceAll(/[{}()]/g, "")) return true
  const sameBrackets =
    predicted !== "" && reference !== "" && /^[([]/.test(predicted) && /[)\]]$/.test(predicted) && predicted[0] === reference[0] && predicted.at(-1) === reference.at(-1)
  if (sameBrackets && allEqual(splitItems(predicted), splitItems(reference), depth)) return true
  if (predicted.includes(",") && reference.includes(",")) {
    const [parts, others] = [predicted, reference].map((text) => text.split(",").map((part) => part.trim()))
    if (parts!.length === others!.length) return allEqual(parts!, others!, depth)
  }
  if (predicted.startsWith("Point") && reference.startsWith("(") && reference.endsWith(")")) {
    if (allEqual(predicted.slice(predicted.indexOf("(") + 1, -1).split(","), splitItems(reference), depth)) return true
  }
  if (reference.includes("\\begin{pmatrix}") && matrixEqual(predicted, reference, depth)) return true
  return symbolicallyClose(predicted, reference, tolerance)
}

/** Matrix([[1],[2]]) or [1, 2] against a LaTeX column. */
function matrixEqual(predicted: string, reference: string, depth: number): boolean {
  const entries = /^(?:Matrix\()?(\[[^A-Za-z]*\])\)?$/.exec(predicted)?.[1]?.replaceAll(/[[\]\s]/g, "").split(",")
  if (entries === undefined) return false
  const column = predicted.startsWith("Matrix")
    ? reference.split(/\s+/).slice(1, -1).filter((_, index) => index % 2 === 0)
    : reference.replace(/^\\{1,2}begin\{pmatrix\}/, "").replace(/\\{1,2}end\{pmatrix\}$/, "").split("\\")
  return allEqual(entries, column, depth)
}

/** `math_equal`; false where the published code raises. */
export function primeMathEqual(predicted: string, reference: string, pi: number = Math.PI): boolean {
  try {
    return equal(predicted, reference, pi, 0)
  } catch (error) {
    if (error instanceof Raised) return false
    throw error
  }
}

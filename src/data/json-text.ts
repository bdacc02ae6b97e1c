/** JSON whose numbers keep their digits. */
import { maxJsonDepth, nestsTooDeep } from "../verifiers/structure/json-value.ts"

/** A text of JSON, whole, or a number outside of texts; also what Python writes for what is no number. */
const TOKENS = /"[^"\\]*(?:\\[^][^"\\]*)*"|-?(?:NaN|Infinity)|-?\d[\d.eE+-]*/g
/** Texts without this hold no number that a double could not hold. */
const MAYBE_INEXACT = /\d[\d.]{15}|\d[eE]|NaN|Infinity/

/** Digits of a decimal numeral without sign, point, exponent and zeros at its ends. */
function significantDigits(numeral: string): string {
  return numeral.replace(/[eE].*$/, "").replace(/[-.]/g, "").replace(/^0+|0+$/g, "")
}

function keepsDigits(numeral: string): boolean {
  const value = Number(numeral)
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(numeral)) return Number.isSafeInteger(value)
  return significantDigits(numeral) === significantDigits(String(value))
}

function exactToken(token: string): string {
  if (token.startsWith('"')) return token
  // A numeral that JSON does not know (007, 1.) stays for the parser to refuse.
  const isNumeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(token)
  const isNoNumber = /[NI]/.test(token)
  return isNoNumber || (isNumeral && !keepsDigits(token)) ? `"${token}"` : token
}

/**
 * The value of a JSON text. A number that a double cannot hold digit for digit (an integer beyond 2^53, a decimal of
 * twenty digits, 1e999) comes as the text that stands there; so do NaN and Infinity, which Python writes.
 * @throws SyntaxError  when it is not JSON, or nests so deep that what walks through it would run out of stack
 */
export function parseJson(text: string): unknown {
  if (nestsTooDeep(text)) throw new SyntaxError(`lists and objects more than ${maxJsonDepth} deep`)
  return JSON.parse(MAYBE_INEXACT.test(text) ? text.replace(TOKENS, exactToken) : text)
}

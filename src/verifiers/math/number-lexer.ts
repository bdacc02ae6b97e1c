/** Reads one numeric literal: thousands separators, decimals, exponents, repeating decimals. */
import type { DecimalLiteral } from "./expression.ts"
import type { Rational } from "./rational.ts"
import { add, divide, integer, parseDecimal } from "./rational.ts"
import type { ReadingOptions } from "./token.ts"

export interface NumberLiteral {
  readonly end: number
  readonly value: Rational | undefined
  readonly decimal?: DecimalLiteral
  /** A plain comma was read as a thousands separator. */
  readonly plainGrouping: boolean
}

// Separators between groups of three digits that can be nothing else: 35,\!280  8{,}880  10\,000  1\ 000.
const definiteSeparator = /\s*(?:,\s*\\!|\{\s*,\s*\}|\\,|\\ |\\;)\s*(?=\d{3}(?!\d))/y
// What they begin with: most numbers end before any of it.
const maySeparate = /[\s,{\\]/
const spaceSeparator = / (?=\d{3}(?!\d))/y
const plainGroups = /\d{1,3}(?:,\d{3})+(?![\d,]*\d)/y
const digitRun = /\d+/y
const exponentPart = /[eE]([+-]?\d{1,6})(?![\d.]|\s*[\^_a-zA-Z\\{(])/y
const repeating = /\\(?:overline|bar|dot)\s*(?:\{\s*(\d{1,40})\s*\}|(\d))/y

function matchAt(pattern: RegExp, source: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position
  return pattern.exec(source)
}

/**
 * Reads the literal that begins at `start` (a digit, or a point before a digit).
 * @param listContext  false inside (), [] or \{\}, where a plain comma always separates
 */
export function readNumber(source: string, start: number, options: ReadingOptions, listContext: boolean): NumberLiteral {
  let position = start
  let digits = ""
  let plainGrouping = false
  const first = matchAt(digitRun, source, position)
  if (first !== null) {
    digits = first[0]
    position += digits.length
    const previous = source[start - 1] ?? ""
    const grouped =
      options.groupThousands && listContext && digits.length <= 3 && digits[0] !== "0" && source[position] === "," && previous !== ","
        ? matchAt(plainGroups, source, start)
        : null
    if (grouped !== null) {
      plainGrouping = true
      position = start + grouped[0].length
      digits = grouped[0].replaceAll(",", "")
    } else if (digits.length <= 3 && digits[0] !== "0") {
      for (;;) {
        if (!maySeparate.test(source[position] ?? "")) break
        const separator = matchAt(definiteSeparator, source, position) ?? matchAt(spaceSeparator, source, position)
        if (separator === null) break
        position += separator[0].length
        digits += source.slice(position, position + 3)
        position += 3
      }
    }
  }
  let fraction = ""
  let point = false
  const mark = source[position]
  const next = source[position + 1] ?? ""
  if (mark === "." && /\d/.test(next)) {
    fraction = matchAt(digitRun, source, position + 1)![0]
    position += 1 + fraction.length
    point = true
  } else if (mark === "," && options.decimalComma && !plainGrouping && /\d/.test(next)) {
    fraction = matchAt(digitRun, source, position + 1)![0]
    position += 1 + fraction.length
    point = true
  } else if (mark === "." && digits !== "" && /^(?:[/*^)+}-]|\\overline|\\bar|\\dot\b)/.test(source.slice(position + 1, position + 10))) {
    position += 1
    point = true
  }
  const repeat = point ? matchAt(repeating, source, position) : null
  if (repeat !== null) {
    const block = repeat[1] ?? repeat[2]!
    const shift = parseDecimal("1", "", -fraction.length)
    const finite = parseDecimal(digits, fraction, 0)
    const tail = divide(integer(BigInt(block)), integer(10n ** BigInt(block.length) - 1n))
    const scaled = shift && tail && divide(tail, integer(10n ** BigInt(fraction.length)))
    const value = finite && scaled && add(finite, scaled)
    return { end: position + repeat[0].length, value, plainGrouping }
  }
  let exponent = 0
  const power = source[position] === "e" || source[position] === "E" ? matchAt(exponentPart, source, position) : null
  if (power !== null) {
    exponent = Number(power[1])
    position += power[0].length
  }
  const value = parseDecimal(digits, fraction, exponent)
  if (fraction === "") return { end: position, value, plainGrouping }
  const significantDigits = (digits + fraction).replace(/^0+/, "").length
  return { end: position, value, plainGrouping, decimal: { places: fraction.length - exponent, significantDigits } }
}

/** Number literals that are more than one token: mixed fractions and numerals with a base. */
import type { Expression } from "./expression.ts"
import type { ExpressionParser } from "./expression-parser.ts"
import { integer } from "./rational.ts"
import type { Rational } from "./rational.ts"
import type { Token } from "./token.ts"

/**
 * 1\frac{4}{5} and 1 4/5 are sums; only a proper fraction of two integer literals makes one. The parser stands behind
 * the whole number, and behind the fraction when there is one.
 */
export function parseMixedFraction(parser: ExpressionParser, whole: Rational): Rational | undefined {
  const next = parser.token
  const { match } = parser.lexed
  let tokens: (Token | undefined)[] = []
  let length = 0
  if (next?.kind === "command" && next.text === "frac") {
    const braced = parser.peek(1)?.text === "{"
    const second = braced ? parser.peek(4)?.text === "{" : parser.peek(2)?.text === "{"
    const denominatorAt = (braced ? 4 : 2) + (second ? 1 : 0)
    tokens = [parser.peek(braced ? 2 : 1), parser.peek(denominatorAt)]
    length = denominatorAt + (second ? 2 : 1)
    if (braced && match[parser.position + 1] !== parser.position + 3) return undefined
    const open = parser.position + denominatorAt - 1
    if (second && match[open] !== open + 2) return undefined
  } else if (next?.kind === "number" && next.spaceBefore && parser.isOperator("/", parser.peek(1))) {
    tokens = [next, parser.peek(2)]
    length = 3
    if (parser.startsFactor(parser.peek(3)) || parser.isOperator("^", parser.peek(3))) return undefined
  }
  const [numerator, denominator] = tokens.map((token) => (token?.kind === "number" && /^\d+$/.test(token.text) ? token.value : undefined))
  if (numerator === undefined || denominator === undefined || numerator.numerator >= denominator.numerator) return undefined
  parser.position += length
  return { numerator: whole.numerator * denominator.numerator + numerator.numerator, denominator: denominator.numerator }
}

/** 204_5 and 204_{5}, the parser standing on the underscore; undefined for what is no numeral (8_4). */
export function parseBaseNumeral(parser: ExpressionParser, digits: string): Expression | undefined {
  const group = parser.peek(1)?.text === "{"
  const token = parser.peek(group ? 2 : 1)
  if (token?.kind !== "number" || !/^\d+$/.test(digits) || !/^\d{1,2}$/.test(token.text)) return undefined
  const base = Number(token.text)
  if (base < 2 || base > 36 || [...digits].some((digit) => Number(digit) >= base)) return undefined
  parser.position += group ? 4 : 2
  if (group && parser.lexed.tokens[parser.position - 1]?.text !== "}") parser.fail()
  let value = 0n
  for (const digit of digits) value = value * BigInt(base) + BigInt(digit)
  return { kind: "baseNumeral", digits: digits.replace(/^0+(?=\d)/, ""), base, value: integer(value) }
}

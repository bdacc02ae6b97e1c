/** When a decimal literal is close enough to what it stands for. */
import type { DecimalLiteral, Expression } from "./expression.ts"
import type { Rational } from "./rational.ts"
import { compare, divide, negate, subtract, toNumber } from "./rational.ts"

export interface Precision {
  /** Decimal places. */
  readonly places: number
  /** The caller chose the places: they count at every magnitude. */
  readonly absolute: boolean
}

/** The literal of an expression that is nothing but a (signed) decimal literal. */
export function decimalLiteral(node: Expression): DecimalLiteral | undefined {
  if (node.kind === "negate" || node.kind === "percent" || node.kind === "degree") return decimalLiteral(node.operand)
  return node.kind === "number" ? node.decimal : undefined
}

function roundsAlike(a: number, b: number, places: number): boolean {
  const scale = 10 ** places
  return Math.abs(a * scale) < 1e15 && Math.abs(b * scale) < 1e15 && Math.round(a * scale) === Math.round(b * scale)
}

/**
 * Is the distance within the precision?
 * @param distance  |a - b|
 * @param relative  |a - b| / max(|a|, |b|)
 * @param literals  decimal literals that stand alone on a side
 */
export function withinPrecision(
  a: number,
  b: number,
  distance: number,
  relative: number,
  precision: Precision,
  literals: readonly DecimalLiteral[],
): boolean {
  // Twelve printed digits of a large number are worth more than its sixth decimal place.
  if (relative <= 5.1e-12) return true
  const { places } = precision
  const size = Math.max(Math.abs(a), Math.abs(b))
  if (size >= 0.1 || precision.absolute) {
    if (distance <= 0.5 * 10 ** -places || roundsAlike(a, b, places)) return true
  } else if (distance <= 0.5 * 10 ** (-places + Math.floor(Math.log10(size)) + 1)) return true
  return literals.some(
    (literal) => literal.places >= places && literal.significantDigits >= 4 && distance <= 0.500_001 * 10 ** -literal.places,
  )
}

/** The same for exact values of any size. */
export function rationalsWithinPrecision(a: Rational, b: Rational, precision: Precision, literals: readonly DecimalLiteral[]): boolean {
  const absolute = (value: Rational): Rational => (value.numerator < 0n ? negate(value) : value)
  const difference = subtract(a, b)
  if (difference === undefined) return false
  if (difference.numerator === 0n) return true
  const [left, right, distance] = [absolute(a), absolute(b), absolute(difference)]
  const ratio = divide(distance, compare(left, right) > 0 ? left : right)
  return ratio !== undefined && withinPrecision(toNumber(a), toNumber(b), toNumber(distance), toNumber(ratio), precision, literals)
}

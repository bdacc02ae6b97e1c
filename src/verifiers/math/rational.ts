/** Exact rationals on BigInt, with a cap on their size so that no answer can ask for unbounded work. */
import type { Budget } from "./budget.ts"

/** denominator > 0, lowest terms. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** Largest numerator or denominator held exactly, in bits. 1000! has 8,530. */
export const maxBits = 20_000

export const zero: Rational = { numerator: 0n, denominator: 1n }
export const one: Rational = { numerator: 1n, denominator: 1n }

/** Number of bits of |value|; linear in the size of the number. */
export function bitLength(value: bigint): number {
  const magnitude = value < 0n ? -value : value
  if (magnitude < 9007199254740992n) return magnitude === 0n ? 0 : Math.floor(Math.log2(Number(magnitude))) + 1
  return magnitude.toString(16).length * 4
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a
  let y = b < 0n ? -b : b
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

/** Lowest terms; undefined when the denominator is zero or the number is over the cap. */
export function rational(numerator: bigint, denominator: bigint, budget?: Budget): Rational | undefined {
  if (denominator === 0n) return undefined
  if (denominator === 1n) return bitLength(numerator) > maxBits ? undefined : { numerator, denominator }
  const bits = Math.max(bitLength(numerator), bitLength(denominator))
  if (bits > 2 * maxBits) return undefined
  // Euclid on n-bit numbers costs about n^2 / 64 word operations.
  budget?.charge(2 + bits / 16 + (bits * bits) / 2_000)
  const divisor = greatestCommonDivisor(numerator, denominator)
  const sign = denominator < 0n ? -1n : 1n
  const result = { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor }
  return Math.max(bitLength(result.numerator), bitLength(result.denominator)) > maxBits ? undefined : result
}

export function integer(value: bigint | number): Rational {
  return { numerator: BigInt(value), denominator: 1n }
}

export function add(a: Rational, b: Rational, budget?: Budget): Rational | undefined {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator, budget)
}

export function subtract(a: Rational, b: Rational, budget?: Budget): Rational | undefined {
  return rational(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator, budget)
}

export function multiply(a: Rational, b: Rational, budget?: Budget): Rational | undefined {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator, budget)
}

export function divide(a: Rational, b: Rational, budget?: Budget): Rational | undefined {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator, budget)
}

export function negate(a: Rational): Rational {
  return { numerator: -a.numerator, denominator: a.denominator }
}

export function isInteger(a: Rational): boolean {
  return a.denominator === 1n
}

export function equals(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator
}

/** Sign of a - b. */
export function compare(a: Rational, b: Rational): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** base^exponent for an integer exponent; undefined over the cap or for 0 to a negative power. */
export function power(base: Rational, exponent: bigint, budget?: Budget): Rational | undefined {
  if (exponent === 0n) return one
  const magnitude = exponent < 0n ? -exponent : exponent
  const unit = (value: bigint): boolean => value === 0n || value === 1n || value === -1n
  if (!unit(base.numerator) || !unit(base.denominator)) {
    const bits = Math.max(bitLength(base.numerator), bitLength(base.denominator))
    if (magnitude > BigInt(maxBits) || bits * Number(magnitude) > maxBits + bits) return undefined
    budget?.charge(1 + (bits * Number(magnitude)) / 64)
  }
  const exponentHere = unit(base.numerator) && unit(base.denominator) ? (magnitude % 2n) + 2n : magnitude
  const numerator = base.numerator ** exponentHere
  const denominator = base.denominator ** exponentHere
  // Powers of coprime numbers are coprime: no gcd is needed, only the sign moved up.
  if (exponent > 0n) return { numerator, denominator }
  if (numerator === 0n) return undefined
  return numerator < 0n ? { numerator: -denominator, denominator: -numerator } : { numerator: denominator, denominator: numerator }
}

/** Nearest double; right for numbers far outside the range of the parts. */
export function toNumber(a: Rational): number {
  const numerator = Number(a.numerator)
  const denominator = Number(a.denominator)
  if (Number.isFinite(numerator) && Number.isFinite(denominator)) return numerator / denominator
  const shift = BigInt(Math.max(0, Math.min(bitLength(a.numerator), bitLength(a.denominator)) - 1000))
  return Number(a.numerator >> shift) / Number(a.denominator >> shift)
}

/** A literal such as 12.5e-3, exactly. Undefined over the cap. */
export function parseDecimal(digits: string, fraction: string, exponent: number): Rational | undefined {
  if (digits.length + fraction.length > maxBits / 3.4 || Math.abs(exponent) > maxBits / 4) return undefined
  const mantissa = BigInt(digits + fraction === "" ? "0" : digits + fraction)
  const scale = exponent - fraction.length
  if (scale === 0) return rational(mantissa, 1n)
  return scale >= 0 ? rational(mantissa * 10n ** BigInt(scale), 1n) : rational(mantissa, 10n ** BigInt(-scale))
}

/** The exact integer root of a perfect power, or undefined. */
export function exactRoot(value: bigint, index: number): bigint | undefined {
  if (value < 0n) {
    const root = index % 2 === 1 ? exactRoot(-value, index) : undefined
    return root === undefined ? undefined : -root
  }
  if (value < 2n) return value
  const bits = bitLength(value)
  if (bits > 4_000 || index > bits + 1) return undefined
  let low = 1n
  let high = 1n << BigInt(Math.ceil(bits / index) + 1)
  while (low < high) {
    const middle = (low + high) >> 1n
    if (middle ** BigInt(index) < value) low = middle + 1n
    else high = middle
  }
  return low ** BigInt(index) === value ? low : undefined
}

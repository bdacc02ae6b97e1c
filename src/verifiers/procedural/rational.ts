/** Exact fractions, so that 1/3*3 is 1. */

/** Lowest terms, denominator positive. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a
  let y = b < 0n ? -b : b
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

/** The fraction in lowest terms, or undefined when the denominator is zero. */
export function rational(numerator: bigint, denominator: bigint = 1n): Rational | undefined {
  if (denominator === 0n) return undefined
  const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n)
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}

/** `a operator b`; undefined for a division by zero. */
export function combine(a: Rational, operator: "+" | "-" | "*" | "/", b: Rational): Rational | undefined {
  switch (operator) {
    case "+":
      return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
    case "-":
      return rational(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator)
    case "*":
      return rational(a.numerator * b.numerator, a.denominator * b.denominator)
    case "/":
      return rational(a.numerator * b.denominator, a.denominator * b.numerator)
  }
}

export function equal(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator
}

/** `3` or `10/3`. */
export function format(value: Rational): string {
  return value.denominator === 1n ? `${value.numerator}` : `${value.numerator}/${value.denominator}`
}

/** Longer numbers are not read: big integers of model output must not cost time. */
const MAXIMUM_CHARACTERS = 400
const MAXIMUM_EXPONENT = 400
const NUMBER =
  /^([+-]?)(\d+|\d{1,3}(?:,\d{3})+)?(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?(?:\s*\/\s*([+-]?\d+|[+-]?\d{1,3}(?:,\d{3})+))?$/

/**
 * The exact value of a written number: `12`, `-1,234.50`, `.5`, `3e-2`, `10/4`. Undefined for anything else, for a
 * number of over 400 characters and for a zero denominator.
 */
export function parseNumber(text: string): Rational | undefined {
  const trimmed = text.trim()
  if (trimmed.length > MAXIMUM_CHARACTERS) return undefined
  const match = NUMBER.exec(trimmed)
  if (match === null) return undefined
  const [, sign, whole, fraction = "", exponent = "0", divisor] = match
  if (whole === undefined && fraction === "") return undefined
  if (Math.abs(Number(exponent)) > MAXIMUM_EXPONENT) return undefined
  const digits = BigInt(`${(whole ?? "").replaceAll(",", "")}${fraction}`) * (sign === "-" ? -1n : 1n)
  const power = Number(exponent) - fraction.length
  const numerator = power > 0 ? digits * 10n ** BigInt(power) : digits
  const denominator = power < 0 ? 10n ** BigInt(-power) : 1n
  return rational(numerator, denominator * (divisor === undefined ? 1n : parseInteger(divisor)))
}

function parseInteger(text: string): bigint {
  const plain = text.replaceAll(",", "")
  return plain.startsWith("+") ? BigInt(plain.slice(1)) : BigInt(plain)
}

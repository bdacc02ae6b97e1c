/** What a unit is: a dimension, and the way from a value in it to SI. */
import type { Rational } from "../rational.ts"
import { divide, multiply, one, power } from "../rational.ts"

/** Exponents over base units: those of SI, and radian, bit, month, currencies, the nameless unit. None is zero. */
export type Dimension = ReadonlyMap<string, number>

/** value in base units = value * factor * pi^pi + zero */
export interface Unit {
  readonly dimension: Dimension
  readonly factor: Rational
  /** The power of pi in the factor: a degree is pi/180 radians. */
  readonly pi: number
  /** Of a scale that does not begin at zero, in base units: 273.15 for degrees Celsius. */
  readonly zero?: Rational
}

export const unitless: Unit = { dimension: new Map(), factor: one, pi: 0 }

/** Largest exponent of a unit that is read. */
export const maxExponent = 12

/** a * b^exponent; undefined past the size cap. A scale's zero has no meaning in a compound and is lost. */
export function compound(a: Unit, b: Unit, exponent: number): Unit | undefined {
  if (!Number.isInteger(exponent) || Math.abs(exponent) > maxExponent) return undefined
  const size = power(b.factor, BigInt(Math.abs(exponent)))
  const factor = size && (exponent < 0 ? divide(a.factor, size) : multiply(a.factor, size))
  if (factor === undefined) return undefined
  const dimension = new Map(a.dimension)
  for (const [base, value] of b.dimension) {
    const sum = (dimension.get(base) ?? 0) + value * exponent
    if (sum === 0) dimension.delete(base)
    else dimension.set(base, sum)
  }
  return { dimension, factor, pi: a.pi + b.pi * exponent }
}

export function sameDimension(a: Unit, b: Unit): boolean {
  if (a.dimension.size !== b.dimension.size) return false
  return [...a.dimension].every(([base, exponent]) => b.dimension.get(base) === exponent)
}

/** Is one of the two made of "units" that have no name: square units against square centimetres? */
export function isNameless(unit: Unit): boolean {
  return unit.dimension.has("unit")
}

/** A currency, as the base of its code (ISO 4217). */
export function isMoney(unit: Unit): boolean {
  return [...unit.dimension.keys()].some((base) => /^[A-Z]{3}$/.test(base))
}

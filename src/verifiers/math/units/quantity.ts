/** Values with units: compared, and added up from their parts. */
import { expressionsEqual } from "../expression-equality.ts"
import type { EqualityContext } from "../expression-equality.ts"
import type { Expression } from "../expression.ts"
import type { Rational } from "../rational.ts"
import { compare, divide, integer, subtract, zero } from "../rational.ts"
import { isNameless, sameDimension } from "./unit.ts"
import type { Unit } from "./unit.ts"

export interface Quantity {
  readonly expression: Expression
  /** What its unit may mean; empty for none. */
  readonly units: readonly Unit[]
}

const pi: Expression = { kind: "constant", name: "pi" }

function number(value: Rational): Expression {
  return { kind: "number", value }
}

/** The value in another unit of the same dimension; the expression itself where the units agree. */
function converted(expression: Expression, from: Unit, to: Unit): Expression | undefined {
  const factor = divide(from.factor, to.factor)
  const distance = subtract(from.zero ?? zero, to.zero ?? zero)
  const offset = distance && divide(distance, to.factor)
  if (factor === undefined || offset === undefined) return undefined
  const turns = from.pi - to.pi
  if (factor.numerator === factor.denominator && turns === 0 && offset.numerator === 0n) return expression
  const factors = [expression, number(factor), ...(turns === 0 ? [] : [turns === 1 ? pi : power(turns)])]
  const product: Expression = { kind: "multiply", factors }
  return offset.numerator === 0n ? product : { kind: "add", terms: [product, number(offset)] }
}

function power(exponent: number): Expression {
  return { kind: "power", base: pi, exponent: number(integer(exponent)) }
}

/**
 * Do the two agree as quantities? Undefined when that is no question of units: one side names none, or one that has no
 * name (12 square units).
 * @throws BudgetExceeded
 */
export function quantitiesEqual(gold: Quantity, predicted: Quantity, context: EqualityContext): boolean | undefined {
  if (gold.units.length === 0 || predicted.units.length === 0) return undefined
  const pairs = gold.units.flatMap((to) => predicted.units.map((from) => [to, from] as const))
  if (pairs.every(([to, from]) => isNameless(to) !== isNameless(from))) return undefined
  const tried: Expression[] = []
  return pairs.some(([to, from]) => {
    if (!sameDimension(to, from)) return false
    const value = converted(predicted.expression, from, to)
    if (value === undefined || tried.includes(value)) return false
    tried.push(value)
    return expressionsEqual(gold.expression, value, context)
  })
}

/**
 * "1 hour 30 minutes" in the unit of its first part; undefined unless the parts have one dimension and each unit is
 * smaller than the one before.
 */
export function sumOfParts(parts: readonly Quantity[]): Quantity | undefined {
  const first = parts[0]
  if (first === undefined || parts.length < 2 || parts.some(({ units }) => units.length === 0)) return undefined
  const fits = (candidate: Unit): boolean =>
    parts.every(({ units }) => units.some((other) => sameDimension(candidate, other)))
  const unit = first.units.find(fits)
  if (unit === undefined || unit.zero !== undefined) return undefined
  let previous = unit
  const terms = [first.expression]
  for (const part of parts.slice(1)) {
    const own = part.units.find((candidate) => sameDimension(unit, candidate))
    if (own === undefined || own.pi !== previous.pi || compare(own.factor, previous.factor) >= 0) return undefined
    const term = converted(part.expression, own, unit)
    if (term === undefined) return undefined
    terms.push(term)
    previous = own
  }
  return { expression: { kind: "add", terms }, units: [unit] }
}

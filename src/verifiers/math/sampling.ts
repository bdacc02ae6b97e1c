/** Compares two expressions at sample points of their variables. */
import type { Budget } from "./budget.ts"
import { decimalLiteral, withinPrecision } from "./decimal-tolerance.ts"
import type { Precision } from "./decimal-tolerance.ts"
import type { Estimate } from "./estimate.ts"
import { isFinite, magnitude, multiply, subtract } from "./estimate.ts"
import { freeSymbols, hasDecimal, some } from "./expression.ts"
import type { Expression } from "./expression.ts"
import { NumericEvaluator } from "./numeric-evaluation.ts"

/** Rounding errors are first-order bounds; this much room makes them safe. */
const errorRoom = 16

/** Magnitude range of a sample point and whether variables of unknown sign are negative in it. */
const pointKinds: readonly { readonly low: number; readonly high: number; readonly signs: "positive" | "mixed" | "flipped" }[] = [
  { low: 0.15, high: 0.85, signs: "positive" },
  { low: 0.2, high: 0.95, signs: "positive" },
  { low: 1.1, high: 2.9, signs: "positive" },
  { low: 0.2, high: 0.9, signs: "mixed" },
  { low: 0.25, high: 0.95, signs: "flipped" },
  { low: 1.1, high: 2.7, signs: "mixed" },
]

/** Step functions differ at single integers: floor(sqrt(n-1)) and floor(sqrt(n-2)) at every square plus one. */
const integerPoints = 40

const stepFunctions = new Set(["floor", "ceil", "gcd", "lcm", "doubleFactorial"])

function needsIntegers(node: Expression): boolean {
  return some(node, (child) => child.kind === "bigOperation" || (child.kind === "call" && stepFunctions.has(child.name)))
}

function hash(name: string, index: number): number {
  let state = 2_166_136_261 ^ (index * 7919)
  for (let position = 0; position < name.length; position++) state = Math.imul(state ^ name.charCodeAt(position), 16_777_619)
  state = Math.imul(state ^ (state >>> 15), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return ((state ^ (state >>> 16)) >>> 0) / 4_294_967_296
}

/** Lower-case Latin letters may be negative; subscripted, Greek and capital names are quantities, taken as positive. */
function mayBeNegative(name: string): boolean {
  return /^[a-z]'*$/.test(name)
}

function samplePoint(names: readonly string[], index: number, integers: boolean): Map<string, number> {
  const kind = pointKinds[index % pointKinds.length]!
  const point = new Map<string, number>()
  for (const name of names) {
    if (integers && /^[a-wA-W]/.test(name)) {
      point.set(name, names.length === 1 ? index + 1 : 1 + Math.floor(hash(name, index) * 30))
      continue
    }
    const value = kind.low + (kind.high - kind.low) * hash(name, index)
    const coin = hash(name, kind.signs === "flipped" ? 3 : 3 + (index === 5 ? 2 : 0)) < 0.5
    const negative = kind.signs === "positive" || !mayBeNegative(name) ? false : kind.signs === "mixed" ? coin : !coin
    point.set(name, negative ? -value : value)
  }
  return point
}

interface Sample {
  readonly a: Estimate
  readonly b: Estimate
}

/**
 * True when the two agree at every sample point where both are real (or, when there is none, at the complex values).
 * Without decimals they must agree within rounding error; with them within the precision.
 */
export function equalAtSamples(a: Expression, b: Expression, precision: Precision, budget: Budget): boolean {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])]
  const approximate = hasDecimal(a) || hasDecimal(b)
  const literals = [decimalLiteral(a), decimalLiteral(b)].filter((literal) => literal !== undefined)
  const agree = ({ a: left, b: right }: Sample): boolean => {
    const distance = magnitude(subtract(left, right))
    if (distance <= errorRoom * (left.error + right.error)) return true
    if (!approximate) return false
    const size = Math.max(magnitude(left), magnitude(right))
    const signed = left.im === 0 && right.im === 0
    const values = signed ? [left.re, right.re] : [magnitude(left), magnitude(right)]
    if (names.length > 0) return distance <= 0.5 * 10 ** -precision.places * size
    return withinPrecision(values[0]!, values[1]!, distance, distance / size, precision, signed ? literals : [])
  }
  const integers = names.length > 0 && (needsIntegers(a) || needsIntegers(b))
  const outside: Sample[] = []
  let compared = 0
  for (let index = 0; index < (names.length === 0 ? 1 : integers ? integerPoints : pointKinds.length); index++) {
    const point = samplePoint(names, index, integers)
    const left = new NumericEvaluator(point, budget)
    const right = new NumericEvaluator(point, budget)
    const sample = { a: left.evaluate(a), b: right.evaluate(b) }
    if (!isFinite(sample.a) || !isFinite(sample.b) || blurred(sample)) continue
    if (names.length > 0 && (left.leftReals || right.leftReals)) {
      outside.push(sample)
      continue
    }
    if (!agree(sample)) return false
    compared++
  }
  if (compared >= 2 || (names.length === 0 && compared === 1)) return true
  return outside.length > 0 && outside.every(agree)
}

/**
 * Is a / b one constant at all sample points? Then its sign; 0 when not. Two equations are the same when the
 * differences of their sides are proportional, two inequalities when the constant is positive too.
 */
export function proportionalAtSamples(a: Expression, b: Expression, budget: Budget): number {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])]
  const room = hasDecimal(a) || hasDecimal(b) ? 5e-7 : 0
  const integers = needsIntegers(a) || needsIntegers(b)
  const samples: Sample[] = []
  for (let index = 0; index < pointKinds.length; index++) {
    const point = samplePoint(names, index, integers)
    const sample = { a: new NumericEvaluator(point, budget).evaluate(a), b: new NumericEvaluator(point, budget).evaluate(b) }
    if (isFinite(sample.a) && isFinite(sample.b) && !blurred(sample)) samples.push(sample)
  }
  const [first, ...rest] = samples
  if (first === undefined || rest.length === 0 || magnitude(first.a) === 0 || magnitude(first.b) === 0) return 0
  for (const sample of rest) {
    const left = multiply(first.a, sample.b)
    const right = multiply(first.b, sample.a)
    if (magnitude(subtract(left, right)) > errorRoom * (left.error + right.error) + room * magnitude(left)) return 0
  }
  return Math.sign(first.a.re * first.b.re) || 1
}

/** Rounding has eaten so much of the value that nothing can be said. */
function blurred({ a, b }: Sample): boolean {
  return errorRoom * (a.error + b.error) > 1e-5 * Math.max(magnitude(a), magnitude(b), 1e-9)
}

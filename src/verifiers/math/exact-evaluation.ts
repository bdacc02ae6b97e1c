/** First rung that computes: constant expressions as exact rationals. */
import type { Budget } from "./budget.ts"
import type { BigOperation, Expression } from "./expression.ts"
import * as rationals from "./rational.ts"
import type { Rational } from "./rational.ts"

/** Most terms of a sum or product that are written out. */
export const maxTerms = 2_000

export type Bindings = ReadonlyMap<string, Rational>

/**
 * The exact value, or undefined when the expression is not a rational number (symbols, irrational constants, division
 * by zero) or too large to be held.
 * @throws BudgetExceeded
 */
export function exactValue(node: Expression, budget: Budget, bindings?: Bindings): Rational | undefined {
  budget.charge(3)
  if (bindings !== undefined || (node.kind !== "call" && node.kind !== "power" && node.kind !== "bigOperation")) {
    return compute(node, budget, bindings)
  }
  // Every rung asks for the same constants again, and nested ones at every level.
  const { exactValues } = budget
  if (exactValues.has(node)) return exactValues.get(node)
  const value = compute(node, budget, bindings)
  exactValues.set(node, value)
  return value
}

function compute(node: Expression, budget: Budget, bindings: Bindings | undefined): Rational | undefined {
  switch (node.kind) {
    case "number":
    case "baseNumeral":
      return node.value
    case "constant":
    case "matrix":
    case "apply":
      return undefined
    case "symbol":
      return bindings?.get(node.name)
    case "add":
      return fold(node.terms, rationals.add, budget, bindings)
    case "multiply":
      return fold(node.factors, rationals.multiply, budget, bindings)
    case "divide": {
      const numerator = exactValue(node.numerator, budget, bindings)
      const denominator = numerator && exactValue(node.denominator, budget, bindings)
      return numerator && denominator && rationals.divide(numerator, denominator, budget)
    }
    case "negate": {
      const operand = exactValue(node.operand, budget, bindings)
      return operand && rationals.negate(operand)
    }
    case "degree":
      return exactValue(node.operand, budget, bindings)
    case "percent": {
      const operand = exactValue(node.operand, budget, bindings)
      return operand && rationals.divide(operand, rationals.integer(100), budget)
    }
    case "power": {
      const exponent = exactValue(node.exponent, budget, bindings)
      const base = exponent && exactValue(node.base, budget, bindings)
      return base && exponent && exactPower(base, exponent, budget)
    }
    case "root": {
      const index = exactValue(node.index, budget, bindings)
      const operand = index && exactValue(node.operand, budget, bindings)
      return index && operand && rationals.isInteger(index) ? rootOf(operand, index.numerator) : undefined
    }
    case "call":
      return exactCall(node.name, node.arguments, budget, bindings)
    case "bigOperation":
      return bigOperation(node, budget, bindings)
  }
}

function fold(
  nodes: readonly Expression[],
  combine: (a: Rational, b: Rational, budget: Budget) => Rational | undefined,
  budget: Budget,
  bindings: Bindings | undefined,
): Rational | undefined {
  let total: Rational | undefined
  for (const node of nodes) {
    const next = exactValue(node, budget, bindings)
    if (next === undefined) return undefined
    total = total === undefined ? next : combine(total, next, budget)
    if (total === undefined) return undefined
  }
  return total
}

function rootOf(operand: Rational, index: bigint): Rational | undefined {
  if (index < 2n || index > 4_000n) return undefined
  const numerator = rationals.exactRoot(operand.numerator, Number(index))
  const denominator = numerator === undefined ? undefined : rationals.exactRoot(operand.denominator, Number(index))
  return numerator === undefined || denominator === undefined ? undefined : { numerator, denominator }
}

function exactPower(base: Rational, exponent: Rational, budget: Budget): Rational | undefined {
  if (rationals.isInteger(exponent)) return rationals.power(base, exponent.numerator, budget)
  const root = rootOf(base, exponent.denominator)
  return root && rationals.power(root, exponent.numerator, budget)
}

function bigOperation(node: BigOperation, budget: Budget, bindings: Bindings | undefined): Rational | undefined {
  const from = exactValue(node.from, budget, bindings)
  const to = exactValue(node.to, budget, bindings)
  if (from === undefined || to === undefined || !rationals.isInteger(from) || !rationals.isInteger(to)) return undefined
  if (to.numerator - from.numerator >= BigInt(maxTerms)) return undefined
  const inner = new Map(bindings)
  let total = node.operation === "sum" ? rationals.zero : rationals.one
  for (let index = from.numerator; index <= to.numerator; index++) {
    budget.charge(10)
    inner.set(node.variable, rationals.integer(index))
    const term = exactValue(node.body, budget, inner)
    const next = term && (node.operation === "sum" ? rationals.add(total, term, budget) : rationals.multiply(total, term, budget))
    if (next === undefined) return undefined
    total = next
  }
  return total
}

function exactCall(
  name: string,
  nodes: readonly Expression[],
  budget: Budget,
  bindings: Bindings | undefined,
): Rational | undefined {
  if (!/^(?:abs|floor|ceil|sgn|max|min|gcd|lcm|factorial|doubleFactorial|binom|log)$/.test(name)) return undefined
  const list: Rational[] = []
  for (const node of nodes) {
    const next = exactValue(node, budget, bindings)
    if (next === undefined) return undefined
    list.push(next)
  }
  const [first, second] = list
  if (first === undefined) return undefined
  switch (name) {
    case "abs":
      return first.numerator < 0n ? rationals.negate(first) : first
    case "floor":
      return rationals.integer(floor(first))
    case "ceil":
      return rationals.integer(-floor(rationals.negate(first)))
    case "sgn":
      return rationals.integer(first.numerator > 0n ? 1n : first.numerator < 0n ? -1n : 0n)
    case "max":
      return list.reduce((a, b) => (rationals.compare(a, b) >= 0 ? a : b))
    case "min":
      return list.reduce((a, b) => (rationals.compare(a, b) <= 0 ? a : b))
    case "gcd":
    case "lcm":
      return list.every(rationals.isInteger) ? rationals.integer(divisor(list.map((each) => each.numerator), name)) : undefined
    case "factorial":
      return factorial(first, 1, budget)
    case "doubleFactorial":
      return factorial(first, 2, budget)
    case "binom":
      return second && binomial(first, second, budget)
    default:
      return second && exactLogarithm(first, second)
  }
}

function floor(value: Rational): bigint {
  const quotient = value.numerator / value.denominator
  return value.numerator % value.denominator < 0n ? quotient - 1n : quotient
}

function divisor(values: readonly bigint[], name: "gcd" | "lcm"): bigint {
  const greatest = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : greatest(b, a % b))
  return values.reduce((a, b) => (name === "gcd" ? greatest(a, b) : a === 0n || b === 0n ? 0n : (a / greatest(a, b)) * b))
}

function factorial(value: Rational, step: number, budget: Budget): Rational | undefined {
  if (!rationals.isInteger(value) || value.numerator < 0n || value.numerator > 2_000n) return undefined
  let product = 1n
  const count = Number(value.numerator)
  budget.charge(count * 8)
  for (let factor = count; factor > 1; factor -= step) product *= BigInt(factor)
  return rationals.rational(product, 1n)
}

function binomial(n: Rational, k: Rational, budget: Budget): Rational | undefined {
  if (!rationals.isInteger(n) || !rationals.isInteger(k) || n.numerator < 0n || n.numerator > 20_000n) return undefined
  if (k.numerator < 0n || k.numerator > n.numerator) return rationals.zero
  const count = k.numerator * 2n > n.numerator ? n.numerator - k.numerator : k.numerator
  if (count > 2_000n) return undefined
  budget.charge(Number(count) * 30)
  let product = 1n
  for (let index = 0n; index < count; index++) product = (product * (n.numerator - index)) / (index + 1n)
  return rationals.rational(product, 1n)
}

/** log_b(a) when it is an integer, up to 400 in size. */
function exactLogarithm(value: Rational, base: Rational): Rational | undefined {
  const limit = rationals.toNumber(value)
  const baseNumber = rationals.toNumber(base)
  if (!(limit > 0) || !(baseNumber > 0) || baseNumber === 1) return undefined
  const guess = Math.round(Math.log(limit) / Math.log(baseNumber))
  if (!Number.isFinite(guess) || Math.abs(guess) > 400) return undefined
  const power = rationals.power(base, BigInt(guess))
  return power !== undefined && rationals.equals(power, value) ? rationals.integer(guess) : undefined
}

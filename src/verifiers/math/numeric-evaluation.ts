/** Last rung: the value of an expression at a point, with its rounding error. */
import type { Budget } from "./budget.ts"
import type { Estimate } from "./estimate.ts"
import * as estimates from "./estimate.ts"
import { exactValue, maxTerms } from "./exact-evaluation.ts"
import type { BigOperation, Expression } from "./expression.ts"
import { some } from "./expression.ts"
import type { Rational } from "./rational.ts"
import { toNumber } from "./rational.ts"

const real = (value: number, error?: number): Estimate => estimates.estimate(value, 0, error)
const half = real(0.5, 0)
const one = real(1, 0)
const radiansPerDegree = real(Math.PI / 180)
const angular = new Set(["sin", "cos", "tan", "cot", "sec", "csc"])

/**
 * Evaluates at one point. `leftReals` is set when a root, logarithm or inverse function was taken outside the reals:
 * a formula in real variables is not meant there.
 */
export class NumericEvaluator {
  leftReals = false
  private readonly point: Map<string, number>
  private readonly budget: Budget
  private readonly constants = new Map<Expression, Rational | undefined>()
  private angle = false

  constructor(point: ReadonlyMap<string, number>, budget: Budget) {
    this.point = new Map(point)
    this.budget = budget
  }

  evaluate(node: Expression): Estimate {
    this.budget.charge(3)
    switch (node.kind) {
      case "number":
      case "baseNumeral":
        return real(toNumber(node.value))
      case "symbol":
        // An exact input: whatever double it is, both sides see the same.
        return real(this.point.get(node.name) ?? Number.NaN, 0)
      case "constant":
        return node.name === "pi" ? real(Math.PI) : node.name === "e" ? real(Math.E) : node.name === "i" ? estimates.estimate(0, 1, 0) : estimates.undefinedValue
      case "add":
        return node.terms.map((term) => this.evaluate(term)).reduce(estimates.add)
      case "multiply":
        return node.factors.map((factor) => this.evaluate(factor)).reduce(estimates.multiply)
      case "divide":
        return estimates.divide(this.evaluate(node.numerator), this.evaluate(node.denominator))
      case "negate":
        return estimates.negate(this.evaluate(node.operand))
      case "percent":
        return estimates.divide(this.evaluate(node.operand), real(100, 0))
      case "degree":
        return this.angle ? estimates.multiply(this.evaluate(node.operand), radiansPerDegree) : this.evaluate(node.operand)
      case "power":
        return this.power(this.evaluate(node.base), node.exponent)
      case "root":
        return this.root(node.index, node.operand)
      case "call":
        return this.call(node.name, node.arguments)
      case "apply":
        return this.apply(node.name, node.arguments)
      case "bigOperation":
        return this.bigOperation(node)
      case "matrix":
        return estimates.undefinedValue
    }
  }

  private constant(node: Expression): Rational | undefined {
    if (!this.constants.has(node)) {
      const free = some(node, (child) => child.kind === "symbol")
      this.constants.set(node, free ? undefined : exactValue(node, this.budget))
    }
    return this.constants.get(node)
  }

  /** A negative number has a real power when the exponent's denominator is odd. */
  private power(base: Estimate, exponentNode: Expression): Estimate {
    const exponent = this.evaluate(exponentNode)
    if (base.im !== 0 || base.re >= 0 || Number.isInteger(exponent.re)) return estimates.power(base, exponent)
    const exact = this.constant(exponentNode)
    if (exact !== undefined && exact.denominator % 2n === 1n) {
      const size = estimates.power(estimates.negate(base), exponent)
      return exact.numerator % 2n === 0n ? size : estimates.negate(size)
    }
    this.leftReals = true
    return estimates.power(base, exponent)
  }

  private root(indexNode: Expression, operandNode: Expression): Estimate {
    const operand = this.evaluate(operandNode)
    const index = this.constant(indexNode)
    const negative = operand.im === 0 && operand.re < 0
    if (index !== undefined && index.denominator === 1n) {
      if (index.numerator === 2n) {
        this.leftReals ||= negative
        return estimates.squareRoot(operand)
      }
      if (negative && index.numerator % 2n !== 0n)
        return estimates.negate(estimates.power(estimates.negate(operand), estimates.divide(one, real(toNumber(index)))))
    }
    this.leftReals ||= negative
    return estimates.power(operand, estimates.divide(one, this.evaluate(indexNode)))
  }

  private call(name: string, nodes: readonly Expression[]): Estimate {
    if (angular.has(name)) {
      const outer = this.angle
      this.angle = true
      const argument = this.evaluate(nodes[0]!)
      this.angle = outer
      return this.trigonometric(name, argument)
    }
    if (name === "det") return estimates.undefinedValue
    const values = nodes.map((node) => this.evaluate(node))
    const [first, second] = values as [Estimate, Estimate | undefined]
    switch (name) {
      case "ln":
        return this.logarithm(first)
      case "log":
        return estimates.divide(this.logarithm(first), this.logarithm(second ?? estimates.undefinedValue))
      case "abs":
        return { re: estimates.magnitude(first), im: 0, error: first.error }
      case "re":
        return { re: first.re, im: 0, error: first.error }
      case "im":
        return { re: first.im, im: 0, error: first.error }
      case "arg":
        return real(Math.atan2(first.im, first.re))
      default:
        if (values.some((value) => value.im !== 0)) return this.complexCall(name, first)
        return this.realCall(name, first, values)
    }
  }

  private logarithm(value: Estimate): Estimate {
    this.leftReals ||= value.im === 0 && value.re < 0
    return estimates.logarithm(value)
  }

  private trigonometric(name: string, x: Estimate): Estimate {
    switch (name) {
      case "sin":
        return estimates.sine(x)
      case "cos":
        return estimates.cosine(x)
      case "tan":
        return estimates.divide(estimates.sine(x), estimates.cosine(x))
      case "cot":
        return estimates.divide(estimates.cosine(x), estimates.sine(x))
      case "sec":
        return estimates.divide(one, estimates.cosine(x))
      default:
        return estimates.divide(one, estimates.sine(x))
    }
  }

  private complexCall(name: string, x: Estimate): Estimate {
    const e = estimates.exponential(x)
    const inverse = estimates.exponential(estimates.negate(x))
    switch (name) {
      case "sinh":
        return estimates.multiply(half, estimates.subtract(e, inverse))
      case "cosh":
        return estimates.multiply(half, estimates.add(e, inverse))
      case "tanh":
        return estimates.divide(estimates.subtract(e, inverse), estimates.add(e, inverse))
      case "coth":
        return estimates.divide(estimates.add(e, inverse), estimates.subtract(e, inverse))
      case "sech":
        return estimates.divide(real(2, 0), estimates.add(e, inverse))
      case "csch":
        return estimates.divide(real(2, 0), estimates.subtract(e, inverse))
      case "arcsin":
        return estimates.arcsine(x)
      case "arccos":
        return estimates.subtract(real(Math.PI / 2), estimates.arcsine(x))
      case "arctan":
        return estimates.arctangent(x)
      default:
        return estimates.undefinedValue
    }
  }

  private realCall(name: string, x: Estimate, values: readonly Estimate[]): Estimate {
    const all = values.map((value) => value.re)
    const error = Math.max(...values.map((value) => value.error))
    const arccosine = (value: Estimate): Estimate => estimates.subtract(real(Math.PI / 2), this.arcsine(value))
    switch (name) {
      case "arcsin":
        return this.arcsine(x)
      case "arccos":
        return arccosine(x)
      case "arctan":
        return estimates.arctangent(x)
      case "arccot":
        return estimates.subtract(real(Math.PI / 2), estimates.arctangent(x))
      case "arcsec":
        return arccosine(estimates.divide(one, x))
      case "arccsc":
        return this.arcsine(estimates.divide(one, x))
      case "arcsinh":
        return real(Math.asinh(x.re), x.error + 3e-16 * (1 + Math.abs(Math.asinh(x.re))))
      case "arccosh":
        this.leftReals ||= x.re < 1
        return estimates.logarithm(estimates.add(x, estimates.squareRoot(estimates.subtract(estimates.multiply(x, x), one))))
      case "arctanh":
        return estimates.multiply(half, this.logarithm(estimates.divide(estimates.add(one, x), estimates.subtract(one, x))))
      case "floor":
      case "ceil":
        return this.step(name, x)
      case "sgn":
        return real(Math.sign(x.re), 0)
      case "max":
        return real(Math.max(...all), error)
      case "min":
        return real(Math.min(...all), error)
      case "factorial":
        return this.factorial(x.re)
      case "gcd":
      case "lcm":
      case "doubleFactorial":
        return integerCall(name, all)
      case "binom":
        return estimates.divide(this.factorial(all[0]!), estimates.multiply(this.factorial(all[1]!), this.factorial(all[0]! - all[1]!)))
      default:
        return this.complexCall(name, x)
    }
  }

  private arcsine(x: Estimate): Estimate {
    this.leftReals ||= Math.abs(x.re) > 1
    return estimates.arcsine(x)
  }

  /** Floor and ceiling of a value that rounding has put on the wrong side of an integer are not known. */
  private step(name: "floor" | "ceil", x: Estimate): Estimate {
    const nearest = Math.round(x.re)
    if (nearest !== x.re && Math.abs(nearest - x.re) <= 16 * x.error) return real(nearest, 0)
    return real(name === "floor" ? Math.floor(x.re) : Math.ceil(x.re), 0)
  }

  private factorial(x: number): Estimate {
    const value = estimates.gamma(x + 1)
    return real(value, Math.abs(value) * (x === Math.round(x) && x < 22 ? 0 : 1e-14 * (1 + Math.abs(x))))
  }

  /** An unknown function: some smooth function of its arguments, the same for every use of the name. */
  private apply(name: string, nodes: readonly Expression[]): Estimate {
    let seed = 7
    for (let index = 0; index < name.length; index++) seed = (seed * 31 + name.charCodeAt(index)) % 1_000_003
    let total = real(0.3 + (seed % 97) / 61, 0)
    nodes.forEach((node, index) => {
      const value = this.evaluate(node)
      const linear = real(0.7 + ((seed >> 3) % 89) / 53 + index, 0)
      const quadratic = real(0.4 + ((seed >> 5) % 83) / 47 + index / 3, 0)
      total = estimates.add(total, estimates.multiply(value, estimates.add(linear, estimates.multiply(quadratic, value))))
    })
    return total
  }

  private bigOperation(node: BigOperation): Estimate {
    const from = Math.round(this.evaluate(node.from).re)
    const to = Math.round(this.evaluate(node.to).re)
    if (!(to - from < maxTerms)) return estimates.undefinedValue
    const outer = this.point.get(node.variable)
    let total = real(node.operation === "sum" ? 0 : 1, 0)
    for (let index = from; index <= to; index++) {
      this.point.set(node.variable, index)
      const term = this.evaluate(node.body)
      total = node.operation === "sum" ? estimates.add(total, term) : estimates.multiply(total, term)
    }
    if (outer === undefined) this.point.delete(node.variable)
    else this.point.set(node.variable, outer)
    return total
  }
}

/** Functions of integers at a sample point; no value elsewhere. */
function integerCall(name: "gcd" | "lcm" | "doubleFactorial", values: readonly number[]): Estimate {
  if (!values.every((value) => Number.isInteger(value) && Math.abs(value) < 1e6)) return estimates.undefinedValue
  if (name === "doubleFactorial") {
    let product = 1
    for (let factor = values[0]!; factor > 1 && Number.isFinite(product); factor -= 2) product *= factor
    return real(product)
  }
  const divisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : divisor(b, a % b))
  return real(values.reduce((a, b) => (name === "gcd" ? divisor(a, b) : Math.abs(a * b) / (divisor(a, b) || 1))))
}

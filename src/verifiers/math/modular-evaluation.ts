/**
 * Second rung: expressions evaluated at random points of prime fields. Rational functions over Q(i) that agree there
 * are equal (up to a chance below 10^-12), those that disagree are different: (x+y+z)^100 and itself + 1 cannot be told
 * apart in floating point. Anything else (pi, sin, roots) is an opaque atom with its argument's residue as identity.
 */
import type { Budget } from "./budget.ts"
import { exactValue } from "./exact-evaluation.ts"
import type { Expression } from "./expression.ts"
import { some } from "./expression.ts"

// Primes = 1 (mod 4) below 2^26: products stay exact in a double, and -1 has a square root.
const fields: readonly { readonly prime: number; readonly imaginary: number }[] = [67_108_837, 67_108_777, 67_108_757, 67_108_753].map(
  (prime) => ({ prime, imaginary: squareRootOfMinusOne(prime) }),
)

function powerModulo(base: number, exponent: number, prime: number): number {
  let result = 1
  let square = base
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * square) % prime
    square = (square * square) % prime
  }
  return result
}

function squareRootOfMinusOne(prime: number): number {
  for (let candidate = 2; ; candidate++) {
    const root = powerModulo(candidate, (prime - 1) / 4, prime)
    if ((root * root) % prime === prime - 1) return root
  }
}

/** How many fields there are; a fingerprint has one residue of each. */
export const fieldCount: number = fields.length

function mix(hash: number, value: number): number {
  let state = Math.imul(hash ^ value, 0x9e3779b1)
  state = Math.imul(state ^ (state >>> 15), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}

function hashText(text: string, seed: number): number {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = mix(hash, text.charCodeAt(index))
  return hash
}

const trigonometric = new Set(["sin", "cos", "tan", "cot", "sec", "csc"])

/** Evaluates in one field. `opaque` is set when an atom was met, so that inequality proves nothing. */
export class ModularEvaluator {
  opaque = false
  private readonly prime: number
  private readonly imaginary: number
  private readonly seed: number
  private readonly variant: number
  private readonly budget: Budget
  private angle = false

  /** @param variant  which of several points of the same field; constants keep their residues */
  constructor(field: number, budget: Budget, variant = 0) {
    this.variant = variant
    this.prime = fields[field]!.prime
    this.imaginary = fields[field]!.imaginary
    this.seed = mix(0x51ed270b, field)
    this.budget = budget
  }

  /** Residue, or undefined where the expression has no value (a pole, a matrix, infinity). */
  evaluate(node: Expression): number | undefined {
    this.budget.charge(2)
    const prime = this.prime
    switch (node.kind) {
      case "number":
      case "baseNumeral":
        return this.quotient(this.residue(node.value.numerator), this.residue(node.value.denominator))
      case "symbol":
        return this.atom(`symbol ${node.name}`, [this.variant])
      case "constant":
        if (node.name === "infinity") return undefined
        if (node.name === "i") return this.imaginary
        this.opaque = true
        return this.atom(`constant ${node.name}`, [])
      case "add": {
        let sum = 0
        for (const term of node.terms) {
          const value = this.evaluate(term)
          if (value === undefined) return undefined
          sum = (sum + value) % prime
        }
        return sum
      }
      case "multiply": {
        let product = 1
        for (const factor of node.factors) {
          const value = this.evaluate(factor)
          if (value === undefined) return undefined
          product = (product * value) % prime
        }
        return product
      }
      case "divide":
        return this.quotient(this.evaluate(node.numerator), this.evaluate(node.denominator))
      case "negate": {
        const value = this.evaluate(node.operand)
        return value === undefined ? undefined : (prime - value) % prime
      }
      case "percent":
        return this.quotient(this.evaluate(node.operand), 100)
      case "degree": {
        const value = this.evaluate(node.operand)
        if (value === undefined || !this.angle) return value
        return (value * this.atom("degree", [])) % prime
      }
      case "power":
        return this.power(node.base, node.exponent)
      case "root":
        return this.exact(node) ?? this.opaqueAtom("root", [node.index, node.operand])
      case "call":
        return this.exact(node) ?? this.opaqueAtom(node.name, node.arguments)
      case "apply":
        return this.atomOf(`apply ${node.name}`, node.arguments)
      case "bigOperation":
        return this.exact(node)
      case "matrix":
        return undefined
    }
  }

  private residue(value: bigint): number {
    const remainder = Number(value % BigInt(this.prime))
    return remainder < 0 ? remainder + this.prime : remainder
  }

  private quotient(numerator: number | undefined, denominator: number | undefined): number | undefined {
    if (numerator === undefined || denominator === undefined || denominator === 0) return undefined
    return denominator === 1 ? numerator : (numerator * powerModulo(denominator, this.prime - 2, this.prime)) % this.prime
  }

  private exact(node: Expression): number | undefined {
    if (some(node, (child) => child.kind === "symbol" && node.kind !== "bigOperation")) return undefined
    const value = exactValue(node, this.budget)
    return value && this.quotient(this.residue(value.numerator), this.residue(value.denominator))
  }

  private power(base: Expression, exponent: Expression): number | undefined {
    const constant = exponent.kind === "number" ? exponent.value : exactValue(exponent, this.budget)
    if (constant === undefined || constant.denominator !== 1n) {
      return this.exact({ kind: "power", base, exponent }) ?? this.opaqueAtom("power", [base, exponent])
    }
    const value = this.evaluate(base)
    if (value === undefined) return undefined
    const magnitude = constant.numerator < 0n ? -constant.numerator : constant.numerator
    if (value === 0) return constant.numerator > 0n ? 0 : undefined
    const result = powerModulo(value, Number(magnitude % BigInt(this.prime - 1)), this.prime)
    return constant.numerator < 0n ? this.quotient(1, result) : result
  }

  private opaqueAtom(name: string, nodes: readonly Expression[]): number | undefined {
    this.opaque = true
    if (!trigonometric.has(name)) return this.atomOf(name, nodes)
    const outer = this.angle
    this.angle = true
    const value = this.atomOf(name, nodes)
    this.angle = outer
    return value
  }

  private atomOf(name: string, nodes: readonly Expression[]): number | undefined {
    const residues: number[] = []
    for (const node of nodes) {
      const value = this.evaluate(node)
      if (value === undefined) return undefined
      residues.push(value)
    }
    return this.atom(name, residues)
  }

  private atom(name: string, residues: readonly number[]): number {
    let hash = hashText(name, this.seed)
    for (const value of residues) hash = mix(hash, value)
    return 1 + (hash % (this.prime - 1))
  }
}

/**
 * "equal" and "different" are proofs (up to chance); "unknown" when atoms stand in the way or nothing could be
 * evaluated.
 */
export function compareModular(a: Expression, b: Expression, budget: Budget): "equal" | "different" | "unknown" {
  let compared = 0
  for (let field = 0; field < fieldCount; field++) {
    const evaluator = new ModularEvaluator(field, budget)
    const left = evaluator.evaluate(a)
    const right = left === undefined ? undefined : evaluator.evaluate(b)
    if (left === undefined || right === undefined) continue
    if (left !== right) return evaluator.opaque ? "unknown" : "different"
    if (++compared === 3) return "equal"
  }
  return "unknown"
}

/**
 * Is a / b a constant other than zero? Compares a(P) b(Q) with a(Q) b(P) at two points of each of two fields.
 */
export function proportionalModular(a: Expression, b: Expression, budget: Budget): "equal" | "different" | "unknown" {
  let compared = 0
  for (let field = 0; field < fieldCount; field++) {
    const { prime } = fields[field]!
    const evaluators = [0, 1].map((variant) => new ModularEvaluator(field, budget, variant))
    const [aP, aQ] = evaluators.map((evaluator) => evaluator.evaluate(a))
    const [bP, bQ] = evaluators.map((evaluator) => evaluator.evaluate(b))
    if (aP === undefined || aQ === undefined || bP === undefined || bQ === undefined) continue
    const opaque = evaluators.some((evaluator) => evaluator.opaque)
    if ((aP * bQ) % prime !== (aQ * bP) % prime || (aP === 0) !== (bP === 0)) return opaque ? "unknown" : "different"
    if (aP === 0) return "unknown"
    if (++compared === 2) return "equal"
  }
  return "unknown"
}

/** Residues that stand for the expression in two fields, or undefined. For cancelling equal terms of a sum. */
export function fingerprint(node: Expression, budget: Budget): readonly [number, number] | undefined {
  const first = new ModularEvaluator(0, budget).evaluate(node)
  const second = first === undefined ? undefined : new ModularEvaluator(1, budget).evaluate(node)
  return first === undefined || second === undefined ? undefined : [first, second]
}

/** True when the two fingerprints add up to zero. */
export function opposite(a: readonly [number, number], b: readonly [number, number]): boolean {
  return (a[0] + b[0]) % fields[0]!.prime === 0 && (a[1] + b[1]) % fields[1]!.prime === 0
}

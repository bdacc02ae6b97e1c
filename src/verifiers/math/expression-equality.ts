/** The equality ladder of two scalar or matrix expressions; each rung decides or hands on. */
import type { Budget } from "./budget.ts"
import type { Precision } from "./decimal-tolerance.ts"
import { decimalLiteral, rationalsWithinPrecision } from "./decimal-tolerance.ts"
import { exactValue } from "./exact-evaluation.ts"
import { hasDecimal, some } from "./expression.ts"
import type { Expression } from "./expression.ts"
import { expandDeterminant, hasMatrix, matrixRows } from "./matrix.ts"
import { compareModular, fingerprint, opposite } from "./modular-evaluation.ts"
import { equals } from "./rational.ts"
import type { Rational } from "./rational.ts"
import { equalAtSamples } from "./sampling.ts"

export interface EqualityContext {
  readonly precision: Precision
  readonly budget: Budget
}

/**
 * Are the two expressions equal? In order: matrices entry by entry, infinities, percentages (28% is 28 and 0.28), base
 * numerals, exact rationals, residues at random points, floating point at sample points.
 * @throws BudgetExceeded
 */
export function expressionsEqual(gold: Expression, predicted: Expression, context: EqualityContext): boolean {
  const { budget } = context
  if (hasMatrix(gold) || hasMatrix(predicted)) return matricesEqual(gold, predicted, context)
  const goldSign = infinitySign(gold)
  const predictedSign = infinitySign(predicted)
  if (goldSign !== 0 || predictedSign !== 0) return goldSign === predictedSign
  const goldPercent = percentOperand(gold)
  const predictedPercent = percentOperand(predicted)
  if (goldPercent !== undefined || predictedPercent !== undefined) {
    const inner = expressionsEqual(goldPercent ?? gold, predictedPercent ?? predicted, context)
    return inner || ((goldPercent === undefined || predictedPercent === undefined) && scalarsEqual(gold, predicted, context))
  }
  if (gold.kind === "baseNumeral" && !some(predicted, (node) => node.kind === "baseNumeral")) {
    // Asked for in base 5, 204 is 204_5 without its subscript; 54 is not what was asked for.
    return predicted.kind === "number" && predicted.decimal === undefined && rationalText(predicted.value) === gold.digits
  }
  budget.charge(4)
  return scalarsEqual(gold, predicted, context)
}

function rationalText(value: Rational): string {
  return value.denominator === 1n ? String(value.numerator) : ""
}

function scalarsEqual(gold: Expression, predicted: Expression, context: EqualityContext): boolean {
  const { budget, precision } = context
  const approximate = hasDecimal(gold) || hasDecimal(predicted)
  const exactGold = exactValue(gold, budget)
  const exactPredicted = exactValue(predicted, budget)
  if (exactGold !== undefined && exactPredicted !== undefined) {
    if (equals(exactGold, exactPredicted)) return true
    const literals = [decimalLiteral(gold), decimalLiteral(predicted)].filter((literal) => literal !== undefined)
    return approximate && rationalsWithinPrecision(exactGold, exactPredicted, precision, literals)
  }
  const modular = compareModular(gold, predicted, budget)
  if (modular === "equal") return true
  if (modular === "different" && !approximate) return false
  const [left, right] = approximate ? [gold, predicted] : withoutCommonTerms(gold, predicted, budget)
  return equalAtSamples(left, right, precision, budget)
}

function matricesEqual(gold: Expression, predicted: Expression, context: EqualityContext): boolean {
  const left = expandDeterminant(gold, context.budget)
  const right = expandDeterminant(predicted, context.budget)
  if (!hasMatrixShape(left) && !hasMatrixShape(right)) return left === gold && right === predicted ? false : expressionsEqual(left, right, context)
  const a = matrixRows(left, context.budget)
  const b = matrixRows(right, context.budget)
  if (a === undefined || b === undefined || a.length !== b.length || a[0]!.length !== b[0]!.length) return false
  return a.every((row, r) => row.every((entry, c) => expressionsEqual(entry, b[r]![c]!, context)))
}

function hasMatrixShape(node: Expression): boolean {
  return !(node.kind === "call" && node.name === "det") && hasMatrix(node)
}

/** 1, -1 for a signed infinity, 0 for anything else. */
export function infinitySign(node: Expression): number {
  if (node.kind === "constant") return node.name === "infinity" ? 1 : 0
  if (node.kind === "negate") return -infinitySign(node.operand)
  return 0
}

function percentOperand(node: Expression): Expression | undefined {
  if (node.kind === "percent") return node.operand
  if (node.kind !== "negate") return undefined
  const operand = percentOperand(node.operand)
  return operand && { kind: "negate", operand }
}

function sumTerms(node: Expression, negative: boolean, out: Expression[]): Expression[] {
  if (node.kind === "add") for (const term of node.terms) sumTerms(term, negative, out)
  else if (node.kind === "negate") sumTerms(node.operand, !negative, out)
  else out.push(negative ? { kind: "negate", operand: node } : node)
  return out
}

/**
 * Takes terms that both sums share away before anything is rounded: e^50 + 1 and e^50 differ in the seventeenth digit,
 * 1 and 0 in the first.
 */
function withoutCommonTerms(a: Expression, b: Expression, budget: Budget): [Expression, Expression] {
  const left = sumTerms(a, false, [])
  const right = sumTerms(b, false, [])
  if (left.length + right.length < 3 || left.length * right.length > 400) return [a, b]
  const negated = right.map((term) => fingerprint({ kind: "negate", operand: term }, budget))
  const used = new Set<number>()
  const remaining = left.filter((term) => {
    const print = fingerprint(term, budget)
    const partner = print === undefined ? -1 : negated.findIndex((other, index) => other !== undefined && !used.has(index) && opposite(print, other))
    if (partner < 0) return true
    used.add(partner)
    return false
  })
  if (used.size === 0) return [a, b]
  return [sum(remaining), sum(right.filter((_, index) => !used.has(index)))]
}

function sum(terms: readonly Expression[]): Expression {
  if (terms.length === 0) return { kind: "number", value: { numerator: 0n, denominator: 1n } }
  return terms.length === 1 ? terms[0]! : { kind: "add", terms }
}

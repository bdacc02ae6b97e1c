/** Sets of reals with finitely many boundary points: intervals, unions, differences, and solutions of inequalities. */
import type { Answer, RelationOperator } from "./answer.ts"
import { exactValue } from "./exact-evaluation.ts"
import type { Expression } from "./expression.ts"
import { freeSymbols } from "./expression.ts"
import { expressionsEqual, infinitySign } from "./expression-equality.ts"
import type { EqualityContext } from "./expression-equality.ts"
import { NumericEvaluator } from "./numeric-evaluation.ts"
import * as rationals from "./rational.ts"

interface Boundary {
  readonly value: number
  readonly expression: Expression
}

/** inGap[i] is membership below boundary i, inGap[n] above the last; inPoint[i] of boundary i itself. */
export interface RealSet {
  readonly boundaries: readonly Boundary[]
  readonly inPoint: readonly boolean[]
  readonly inGap: readonly boolean[]
}

const everything: RealSet = { boundaries: [], inPoint: [], inGap: [true] }

function boundary(expression: Expression, context: EqualityContext): Boundary | undefined {
  if (freeSymbols(expression).length > 0) return undefined
  const value = new NumericEvaluator(new Map(), context.budget).evaluate(expression)
  return Number.isFinite(value.re) && value.im === 0 ? { value: value.re, expression } : undefined
}

function same(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-11 * Math.max(1, Math.abs(a), Math.abs(b))
}

function combine(a: RealSet, b: RealSet, rule: (inA: boolean, inB: boolean) => boolean): RealSet {
  const boundaries: Boundary[] = []
  const all = [...a.boundaries, ...b.boundaries].sort((x, y) => x.value - y.value)
  for (const each of all) if (boundaries.length === 0 || !same(boundaries.at(-1)!.value, each.value)) boundaries.push(each)
  const point = (set: RealSet, value: number): boolean => {
    const index = set.boundaries.findIndex((each) => same(each.value, value))
    return index >= 0 ? set.inPoint[index]! : gap(set, value)
  }
  const gap = (set: RealSet, value: number): boolean => set.inGap[set.boundaries.filter((each) => each.value < value).length]!
  const middles = [-Infinity, ...boundaries.map((each) => each.value), Infinity]
  const between = (index: number): number => {
    const [low, high] = [middles[index]!, middles[index + 1]!]
    if (low === -Infinity) return high === Infinity ? 0 : high - 1 - Math.abs(high)
    return high === Infinity ? low + 1 + Math.abs(low) : (low + high) / 2
  }
  return tidy({
    boundaries,
    inPoint: boundaries.map((each) => rule(point(a, each.value), point(b, each.value))),
    inGap: Array.from({ length: boundaries.length + 1 }, (_, index) => rule(gap(a, between(index)), gap(b, between(index)))),
  })
}

/** Without boundaries at which nothing changes: [0,1] and [1,2] make [0,2]. */
function tidy(set: RealSet): RealSet {
  const keep = set.boundaries.map((_, index) => set.inPoint[index] !== set.inGap[index] || set.inPoint[index] !== set.inGap[index + 1])
  return {
    boundaries: set.boundaries.filter((_, index) => keep[index]),
    inPoint: set.inPoint.filter((_, index) => keep[index]),
    inGap: [set.inGap[0]!, ...set.inGap.slice(1).filter((_, index) => keep[index])],
  }
}

const union = (a: RealSet, b: RealSet): RealSet => combine(a, b, (x, y) => x || y)
const intersection = (a: RealSet, b: RealSet): RealSet => combine(a, b, (x, y) => x && y)
const difference = (a: RealSet, b: RealSet): RealSet => combine(a, b, (x, y) => x && !y)

/** All x with x (operator) bound. */
function ray(operator: RelationOperator, bound: Expression, context: EqualityContext): RealSet | undefined {
  const sign = infinitySign(bound)
  if (sign !== 0) {
    const below = operator === "<" || operator === "<="
    return operator === "=" || (sign > 0) !== below ? { boundaries: [], inPoint: [], inGap: [operator === "!="] } : everything
  }
  const at = boundary(bound, context)
  if (at === undefined) return undefined
  const low = operator === "<" || operator === "<=" || operator === "!="
  const high = operator === ">" || operator === ">=" || operator === "!="
  return { boundaries: [at], inPoint: [operator === "<=" || operator === ">=" || operator === "="], inGap: [low, high] }
}

/** The set an answer denotes, or undefined when it is none that can be worked out. */
export function toRealSet(answer: Answer, context: EqualityContext): RealSet | undefined {
  context.budget.charge(5)
  switch (answer.kind) {
    case "expression":
      return ray("=", answer.expression, context)
    case "numberSet":
      return answer.name === "R" ? everything : undefined
    case "tuple": {
      const [low, high] = answer.items
      if (answer.items.length !== 2 || low?.kind !== "expression" || high?.kind !== "expression") return undefined
      const above = ray(answer.open === "[" ? ">=" : ">", low.expression, context)
      const below = ray(answer.close === "]" ? "<=" : "<", high.expression, context)
      const values = [above?.boundaries[0]?.value ?? -Infinity, below?.boundaries[0]?.value ?? Infinity] as const
      return above === undefined || below === undefined || values[0] > values[1] ? undefined : intersection(above, below)
    }
    case "set":
      return fold(answer.items, union, context) ?? (answer.items.length === 0 ? difference(everything, everything) : undefined)
    case "setOperation":
      return fold(answer.parts, answer.operator === "cup" ? union : answer.operator === "cap" ? intersection : difference, context)
    case "setBuilder":
      return toRealSet(answer.condition, context)
    case "relation":
      return solution(answer, context)
    case "list":
      return listSet(answer, context)
    default:
      return undefined
  }
}

function fold(parts: readonly Answer[], rule: (a: RealSet, b: RealSet) => RealSet, context: EqualityContext): RealSet | undefined {
  let result: RealSet | undefined
  for (const part of parts) {
    const next = toRealSet(part, context)
    if (next === undefined) return undefined
    result = result === undefined ? next : rule(result, next)
  }
  return result
}

/** Conditions joined by "or" are alternatives; joined by a comma they hold together, unless that leaves nothing. */
function listSet(answer: Answer & { kind: "list" }, context: EqualityContext): RealSet | undefined {
  const variables = new Set(answer.items.flatMap((item) => (item.kind === "relation" ? [relationVariable(item)] : [])))
  if (variables.size > 1) return undefined
  const conditions = answer.items.every((item) => item.kind === "relation" && item.operators.some((operator) => operator !== "="))
  if (!conditions || answer.connective === "or") return fold(answer.items, union, context)
  const together = fold(answer.items, intersection, context)
  if (together === undefined || together.boundaries.length > 0 || together.inGap[0]) return together
  return fold(answer.items, union, context)
}

function relationVariable(relation: Answer & { kind: "relation" }): string | undefined {
  const names = new Set(relation.operands.flatMap((operand) => (operand.kind === "expression" ? freeSymbols(operand.expression) : ["?"])))
  return names.size === 1 ? [...names][0] : undefined
}

const flipped: ReadonlyMap<RelationOperator, RelationOperator> = new Map([
  ["<", ">"],
  ["<=", ">="],
  [">", "<"],
  [">=", "<="],
])

/** Solutions of a (chain of) linear inequalities in one variable, |linear| included. */
function solution(relation: Answer & { kind: "relation" }, context: EqualityContext): RealSet | undefined {
  const variable = relationVariable(relation)
  if (variable === undefined) return undefined
  let result = everything
  for (const [index, operator] of relation.operators.entries()) {
    const [left, right] = [relation.operands[index]!, relation.operands[index + 1]!]
    if (left.kind !== "expression" || right.kind !== "expression") return undefined
    const part = single(left.expression, operator, right.expression, variable, context)
    if (part === undefined) return undefined
    result = intersection(result, part)
  }
  return result
}

function single(left: Expression, operator: RelationOperator, right: Expression, variable: string, context: EqualityContext): RealSet | undefined {
  if (freeSymbols(right).length > 0 && freeSymbols(left).length === 0) return single(right, flipped.get(operator) ?? operator, left, variable, context)
  if (freeSymbols(right).length === 0) {
    if (left.kind === "symbol") return ray(operator, right, context)
    if (left.kind === "call" && left.name === "abs") {
      const inner = left.arguments[0]!
      const high = single(inner, operator, right, variable, context)
      const low = single(inner, flipped.get(operator) ?? operator, { kind: "negate", operand: right }, variable, context)
      if (high === undefined || low === undefined) return undefined
      return operator === ">" || operator === ">=" || operator === "=" ? union(high, low) : intersection(high, low)
    }
  }
  // a x + b (operator) 0, found from three exact values.
  const gap: Expression = { kind: "add", terms: [left, { kind: "negate", operand: right }] }
  const at = (x: number): rationals.Rational | undefined => exactValue(gap, context.budget, new Map([[variable, rationals.integer(x)]]))
  const [b, one, three] = [at(0), at(1), at(3)]
  if (b === undefined || one === undefined || three === undefined) return undefined
  const a = rationals.subtract(one, b)
  const expected = a && rationals.add(rationals.multiply(a, rationals.integer(3)) ?? a, b)
  if (a === undefined || a.numerator === 0n || expected === undefined || !rationals.equals(expected, three)) return undefined
  const root = rationals.divide(rationals.negate(b), a)
  if (root === undefined) return undefined
  return ray(a.numerator > 0n ? operator : (flipped.get(operator) ?? operator), { kind: "number", value: root }, context)
}

/** Same membership everywhere, boundary points equal as expressions. */
export function realSetsEqual(a: RealSet, b: RealSet, context: EqualityContext): boolean {
  return (
    a.boundaries.length === b.boundaries.length &&
    a.inGap.every((inside, index) => inside === b.inGap[index]) &&
    a.inPoint.every((inside, index) => inside === b.inPoint[index]) &&
    a.boundaries.every((each, index) => expressionsEqual(each.expression, b.boundaries[index]!.expression, context))
  )
}

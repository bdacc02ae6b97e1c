/** Equations and inequalities: the same when the differences of their sides are proportional. */
import type { Answer, RelationOperator } from "./answer.ts"
import type { Expression } from "./expression.ts"
import { freeSymbols, hasDecimal, renameSymbols, some } from "./expression.ts"
import type { EqualityContext } from "./expression-equality.ts"
import { proportionalModular } from "./modular-evaluation.ts"
import { realSetsEqual, toRealSet } from "./real-set.ts"
import { proportionalAtSamples } from "./sampling.ts"

export type Relation = Answer & { readonly kind: "relation" }
export type AnswersEqual = (gold: Answer, predicted: Answer, context: EqualityContext) => boolean

export function isEquation(answer: Answer): answer is Relation {
  return answer.kind === "relation" && answer.operators.every((operator) => operator === "=")
}

/**
 * Is the left side of an equation only a name for the right one? x = 5, f(x) = x^2, AB/CD = 2, (p,q) = (3,2) are;
 * x + 3z = 0 is not.
 */
export function isAssignment(relation: Relation): boolean {
  if (relation.operands.length > 2) return true
  return isName(relation.operands[0]!)
}

function isName(answer: Answer): boolean {
  if (answer.kind === "tuple" || answer.kind === "list") return answer.items.every(isName)
  if (answer.kind === "ratio") return answer.parts.every(isName)
  if (answer.kind === "text") return !answer.garbled
  return answer.kind === "expression" && isNameExpression(answer.expression)
}

function isNameExpression(node: Expression): boolean {
  switch (node.kind) {
    case "symbol":
    case "apply":
      return true
    case "constant":
      return node.name === "e" || node.name === "i"
    case "add":
      return node.terms.every(isNameExpression)
    case "multiply":
      return node.factors.every(isNameExpression)
    case "divide":
      return isNameExpression(node.numerator) && isNameExpression(node.denominator)
    case "negate":
      return isNameExpression(node.operand)
    case "call":
      return node.name === "abs" && node.arguments.every(isNameExpression)
    case "power":
      // f^{-1}(x)
      return node.base.kind === "symbol" && node.exponent.kind === "negate"
    default:
      return false
  }
}

/** The value an equation ends in. */
export function lastOperand(relation: Relation): Answer {
  return relation.operands.at(-1)!
}

function upward(relation: Relation): Relation {
  const turns = relation.operators.filter((operator) => operator === ">" || operator === ">=").length
  if (turns === 0 || turns !== relation.operators.filter((operator) => operator !== "=" && operator !== "!=").length) return relation
  const turned: Record<string, RelationOperator> = { ">": "<", ">=": "<=" }
  return {
    ...relation,
    operands: [...relation.operands].reverse(),
    operators: [...relation.operators].reverse().map((operator) => turned[operator] ?? operator),
  }
}

function difference(left: Answer, right: Answer): Expression | undefined {
  if (left.kind !== "expression" || right.kind !== "expression") return undefined
  return { kind: "add", terms: [left.expression, { kind: "negate", operand: right.expression }] }
}

/** Sign of the constant ratio of two expressions, 0 when there is none. */
function proportion(a: Expression, b: Expression, context: EqualityContext): number {
  if (some(a, (node) => node.kind === "matrix") || some(b, (node) => node.kind === "matrix")) return 0
  const modular = proportionalModular(a, b, context.budget)
  if (modular === "different" && !hasDecimal(a) && !hasDecimal(b)) return 0
  return proportionalAtSamples(a, b, context.budget)
}

function equationsEqual(gold: Relation, predicted: Relation, context: EqualityContext, equal: AnswersEqual, renaming: boolean): boolean {
  const [goldLeft, goldRight] = [gold.operands[0]!, lastOperand(gold)]
  const [left, right] = [predicted.operands[0]!, lastOperand(predicted)]
  if (equal(goldLeft, left, context)) return equal(goldRight, right, context)
  const renamed = renaming ? sameFunction(goldLeft, left) : undefined
  if (renamed !== undefined) return equal(goldRight, rename(right, renamed), context)
  if (equal(goldLeft, right, context) && equal(goldRight, left, context)) return true
  const a = difference(goldLeft, goldRight)
  const b = difference(left, right)
  return a !== undefined && b !== undefined && proportion(a, b, context) !== 0
}

/** f(x) and f(t): the variable of the second and the one of the first. */
function sameFunction(gold: Answer, predicted: Answer): readonly [string, string] | undefined {
  const a = nameAndVariable(gold)
  const b = a === undefined ? undefined : nameAndVariable(predicted)
  return a !== undefined && b !== undefined && a[0] === b[0] && a[1] !== b[1] ? [b[1], a[1]] : undefined
}

function nameAndVariable(answer: Answer): readonly [string, string] | undefined {
  if (answer.kind !== "expression") return undefined
  const node = answer.expression
  if (node.kind === "apply") {
    const [variable] = node.arguments
    return node.arguments.length === 1 && variable?.kind === "symbol" ? [node.name, variable.name] : undefined
  }
  const [name, variable] = node.kind === "multiply" && node.factors.length === 2 ? node.factors : []
  return name?.kind === "symbol" && variable?.kind === "symbol" ? [name.name, variable.name] : undefined
}

function rename(answer: Answer, [from, to]: readonly [string, string]): Answer {
  return answer.kind === "expression" ? { ...answer, key: `${answer.key} [${from}->${to}]`, expression: renameSymbols(answer.expression, new Map([[from, to]])) } : answer
}

/**
 * Equations, inequalities and chains of them.
 * @param renaming  f(x) = x^2 and f(t) = t^2 are the same definition
 */
export function relationsEqual(gold: Relation, predicted: Relation, context: EqualityContext, equal: AnswersEqual, renaming: boolean): boolean {
  if (isEquation(gold) !== isEquation(predicted)) return false
  if (isEquation(gold)) return equationsEqual(gold, predicted, context, equal, renaming)
  const a = upward(gold)
  const b = upward(predicted)
  const alike = a.operators.length === b.operators.length && a.operators.every((operator, index) => operator === b.operators[index])
  if (alike && a.operands.every((operand, index) => equal(operand, b.operands[index]!, context))) return true
  if (alike && a.operators.length === 1) {
    const left = difference(a.operands[0]!, a.operands[1]!)
    const right = difference(b.operands[0]!, b.operands[1]!)
    const sign = left === undefined || right === undefined ? 0 : proportion(left, right, context)
    if (sign > 0 || (sign < 0 && a.operators[0] === "!=")) return true
  }
  const sets = [gold, predicted].map((relation) => toRealSet(relation, context))
  return sets[0] !== undefined && sets[1] !== undefined && sameVariable(gold, predicted) && realSetsEqual(sets[0], sets[1], context)
}

function sameVariable(a: Relation, b: Relation): boolean {
  const names = (relation: Relation): string => relation.operands.flatMap((operand) => (operand.kind === "expression" ? freeSymbols(operand.expression) : [])).join()
  return names(a) === names(b)
}

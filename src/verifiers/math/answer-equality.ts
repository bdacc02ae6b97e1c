/** Compares two structured answers. */
import type { Answer } from "./answer.ts"
import { calendarEqual } from "./calendar.ts"
import type { Expression } from "./expression.ts"
import { freeSymbols, hasDecimal, renameSymbols } from "./expression.ts"
import { expressionsEqual } from "./expression-equality.ts"
import type { EqualityContext } from "./expression-equality.ts"
import { letterStringsEqual } from "./letter-strings.ts"
import { NumericEvaluator } from "./numeric-evaluation.ts"
import { contradict, differentThings } from "./phrase.ts"
import type { Rational } from "./rational.ts"
import { piecewiseEqual } from "./piecewise.ts"
import { realSetsEqual, toRealSet } from "./real-set.ts"
import { isAssignment, isEquation, lastOperand, relationsEqual } from "./relation-equality.ts"
import { connectivesDiffer } from "./solutions.ts"
import { choiceLetter, textsEqual } from "./text-equality.ts"
import { quantitiesEqual } from "./units/quantity.ts"
import type { Quantity } from "./units/quantity.ts"
import { simpleUnit } from "./units/simple-units.ts"

export interface AnswerContext extends EqualityContext {
  /** Undefined: variables matter, but f(x) = x^2 and f(t) = t^2 define the same f. */
  readonly strict: boolean | undefined
  readonly allowSetRelationComparison: boolean
  /** See ReadingOptions. */
  readonly algebraOnly: boolean
  /** Is a response wrong that leaves out the gold's unit? */
  readonly unitsRequired: boolean
  /** x \approx 11 is 11. */
  readonly approximate: boolean
}

/**
 * Is the prediction the gold answer? Not symmetric: an equation is reduced to its value when the gold answer is a value,
 * an inequality to its solution set when the prediction is a set.
 * @throws BudgetExceeded
 */
export function answersEqual(gold: Answer, predicted: Answer, context: AnswerContext): boolean {
  context.budget.charge(5)
  if (gold.key === predicted.key && gold.key !== "") return true
  if (gold.kind === "time" || gold.kind === "date" || predicted.kind === "time" || predicted.kind === "date") {
    if (predicted.kind === "relation" && isEquation(predicted))
      return answersEqual(gold, lastOperand(predicted), context)
    return calendarEqual(gold, predicted)
  }
  if (gold.kind === "piecewise" && predicted.kind === "piecewise") {
    return piecewiseEqual(gold.branches, predicted.branches, (a, b) => answersEqual(a, b, context))
  }
  if (predicted.kind === "approximation") {
    if (answersEqual(gold, predicted.exact, context)) return true
    return (
      (context.approximate || isRounded(gold) || isApproximation(predicted, context)) &&
      answersEqual(gold, predicted.approximate, context)
    )
  }
  if (gold.kind === "approximation") return answersEqual(gold.exact, predicted, context) || answersEqual(gold.approximate, predicted, context)
  const [goldParts, predictedParts] = [componentEquations(gold), componentEquations(predicted)]
  if (goldParts !== undefined && predicted.kind === "list" && hasEquation(predicted)) return answersEqual(goldParts, predicted, context)
  if (predictedParts !== undefined && gold.kind === "list" && hasEquation(gold)) return answersEqual(gold, predictedParts, context)
  if (isEquation(predicted) && !hasEquation(gold)) return answersEqual(gold, lastOperand(predicted), context)
  if (isEquation(gold) && !hasEquation(predicted)) return isAssignment(gold) && answersEqual(lastOperand(gold), predicted, context)
  if (gold.kind === "text" || predicted.kind === "text") return textually(gold, predicted, context)
  const choice = gold.kind === "expression" ? choiceLetter(gold.key) : undefined
  if (choice !== undefined && gold.key.length <= 3 && predicted.kind !== "relation") {
    const chosen = choiceLetter(predicted.key)
    if (chosen !== undefined) return chosen === choice
  }
  if (gold.kind === "relation" && predicted.kind === "relation") return relationsEqual(gold, predicted, context, (a, b) => answersEqual(a, b, context), context.strict !== true)
  // "1/2 or 0.5" says one thing twice.
  if (gold.kind === "expression" && predicted.kind === "list" && predicted.connective === "or") {
    return predicted.items.every((item) => answersEqual(gold, item, context))
  }
  if (connectivesDiffer(gold, predicted)) return false
  const sets = compareAsSets(gold, predicted, context)
  if (sets !== undefined) return sets
  return compareItems(gold, predicted, context)
}

function hasEquation(answer: Answer): boolean {
  if (answer.kind === "list" || answer.kind === "set") return answer.items.some(hasEquation)
  return isEquation(answer)
}

/** (x, y) = (1, 2) as x = 1, y = 2. */
function componentEquations(answer: Answer): Answer | undefined {
  if (!isEquation(answer) || answer.operands.length !== 2) return undefined
  const [names, values] = answer.operands
  if (names?.kind !== "tuple" || values?.kind !== "tuple" || names.items.length !== values.items.length) return undefined
  const items = names.items.map(
    (name, index): Answer => ({ kind: "relation", operands: [name, values.items[index]!], operators: ["="], key: `${name.key}=${values.items[index]!.key}` }),
  )
  return { kind: "list", items, connective: "and", key: items.map((item) => item.key).join(",") }
}

/** A gold answer with a decimal point may itself be rounded. */
function isRounded(gold: Answer): boolean {
  return gold.kind === "expression" && hasDecimal(gold.expression)
}

/** 3 \approx 4 is a contradiction and no second chance: the rounded value must be near the exact one. */
function isApproximation(answer: Answer & { kind: "approximation" }, context: AnswerContext): boolean {
  const last = isEquation(answer.exact) ? lastOperand(answer.exact) : answer.exact
  const { approximate } = answer
  if (last.kind !== "expression" || approximate.kind !== "expression") return false
  const value = (node: Expression): number => new NumericEvaluator(new Map(), context.budget).evaluate(node).re
  const [a, b] = [value(last.expression), value(approximate.expression)]
  return Math.abs(a - b) <= 0.01 * Math.max(Math.abs(a), Math.abs(b))
}

function isSpelled(answer: Answer): boolean {
  if (answer.kind === "text" || (answer.kind === "set" && answer.items.length === 0)) return true
  return /^[\s(){}A-Za-z,'\\\u2192\u2220\u25b3\u203e]*$/.test(answer.key)
}

/** Words against words, or against letters that spell them. */
function textually(gold: Answer, predicted: Answer, { algebraOnly }: AnswerContext): boolean {
  if (!algebraOnly && /\p{L}{2}/u.test(gold.key) && textsEqual(gold.key, predicted.key)) return true
  if (!isSpelled(gold) || !isSpelled(predicted)) return false
  if (textsEqual(gold.key === "\\{\\}" ? "none" : gold.key, predicted.key === "\\{\\}" ? "none" : predicted.key)) return true
  const choice = /^[({\s]*[A-J][\s)}]*$/.test(gold.key) ? choiceLetter(gold.key) : undefined
  return choice !== undefined && choiceLetter(predicted.key) === choice
}

function isComposite(answer: Answer): boolean {
  return answer.kind === "setOperation" || answer.kind === "numberSet" || answer.kind === "setBuilder"
}

function isSetLike(answer: Answer): boolean {
  if (answer.kind === "tuple") return answer.items.length === 2
  return isComposite(answer) || answer.kind === "set" || (answer.kind === "list" && answer.items.every(isSetLike))
}

function isCondition(answer: Answer): boolean {
  if (answer.kind !== "list") return answer.kind === "relation"
  return answer.items.every((item) => isCondition(item) && !isEquation(item))
}

/** Undefined when the two are not both to be taken as sets of reals. */
function compareAsSets(gold: Answer, predicted: Answer, context: AnswerContext): boolean | undefined {
  if (gold.kind === "expression" || predicted.kind === "expression") return undefined
  const goldIsSet = isSetLike(gold)
  const predictedIsSet = isSetLike(predicted)
  const goldIsCondition = isCondition(gold)
  const predictedIsCondition = isCondition(predicted)
  const bothSets = goldIsSet && predictedIsSet && (isComposite(gold) || isComposite(predicted))
  const relationAndSet = goldIsCondition && predictedIsSet
  const setAndRelation = goldIsSet && predictedIsCondition
  const bothConditions = goldIsCondition && predictedIsCondition && (gold.kind === "list" || predicted.kind === "list")
  if (setAndRelation && !context.allowSetRelationComparison) return false
  if (!bothSets && !relationAndSet && !setAndRelation && !bothConditions) return undefined
  const [a, b] = [toRealSet(gold, context), toRealSet(predicted, context)]
  if (a === undefined || b === undefined) return bothConditions || bothSets ? undefined : false
  return realSetsEqual(a, b, context)
}

function compareItems(gold: Answer, predicted: Answer, context: AnswerContext): boolean {
  if (gold.kind === "set" && gold.items.length === 1 && predicted.kind !== "set") return answersEqual(gold.items[0]!, predicted, context)
  if (predicted.kind === "set" && predicted.items.length === 1 && gold.kind !== "set") return answersEqual(gold, predicted.items[0]!, context)
  if (gold.kind === "expression" && predicted.kind === "expression") return compareExpressions(gold, predicted, context)
  if (gold.kind === "tuple" || predicted.kind === "tuple") return compareTuples(gold, predicted, context)
  if (gold.kind === "ratio" || predicted.kind === "ratio") return compareRatios(gold, predicted, context)
  const [a, b] = [itemsOf(gold), itemsOf(predicted)]
  if (a !== undefined && b !== undefined) {
    if (gold.kind === "set" || predicted.kind === "set") return covers(a, b, context) && covers(b, a, context, true)
    // Labelled values (AB = 4, CD = 5) keep their order when the prediction drops the labels.
    const labelled = a.every(isEquation) && !b.some(isEquation) && new Set(a.map((item) => isEquation(item) && item.operands[0]!.key)).size > 1
    return labelled ? inOrder(a, b, context) : matched(a, b, context)
  }
  if (gold.kind === "setOperation" && predicted.kind === "setOperation") {
    if (gold.operator !== predicted.operator) return false
    const ordered = gold.operator === "setminus" && !context.algebraOnly
    return (ordered ? inOrder : matched)(gold.parts, predicted.parts, context)
  }
  return gold.kind === "numberSet" && predicted.kind === "numberSet" && gold.name === predicted.name
}

function itemsOf(answer: Answer): readonly Answer[] | undefined {
  return answer.kind === "list" || answer.kind === "set" ? answer.items : undefined
}

function inOrder(a: readonly Answer[], b: readonly Answer[], context: AnswerContext): boolean {
  return a.length === b.length && a.every((item, index) => answersEqual(item, b[index]!, context))
}

/** Every item of one list has its own partner in the other. */
function matched(a: readonly Answer[], b: readonly Answer[], context: AnswerContext): boolean {
  if (a.length !== b.length) return false
  if (inOrder(a, b, context)) return true
  const free = new Set(b.keys())
  return a.every((item) => {
    const partner = [...free].find((index) => answersEqual(item, b[index]!, context))
    return partner !== undefined && free.delete(partner)
  })
}

/** Every item of b equals some item of a. */
function covers(a: readonly Answer[], b: readonly Answer[], context: AnswerContext, swapped = false): boolean {
  return b.every((item) => a.some((other) => (swapped ? answersEqual(item, other, context) : answersEqual(other, item, context))))
}

function compareTuples(gold: Answer, predicted: Answer, context: AnswerContext): boolean {
  if (gold.kind === "tuple" && predicted.kind === "tuple") {
    const pair = gold.items.length === 2 && predicted.items.length === 2
    // (1,2) and [1,2] are two intervals; brackets around three numbers and more are a matter of taste.
    if (gold.names !== undefined && predicted.names !== undefined) {
      const order = gold.names.map((name) => predicted.names!.indexOf(name))
      if (order.includes(-1) || order.length !== predicted.items.length) return false
      return inOrder(gold.items, order.map((index) => predicted.items[index]!), context)
    }
    if (pair && (gold.open !== predicted.open || gold.close !== predicted.close)) return false
    return inOrder(gold.items, predicted.items, context)
  }
  const tuple = gold.kind === "tuple" ? gold : (predicted as Answer & { kind: "tuple" })
  const other = gold.kind === "tuple" ? predicted : gold
  const items = other.kind === "list" || (other.kind === "set" && context.strict === false) ? other.items : undefined
  if (items === undefined) return false
  if (tuple.items.length === 2 && (tuple.open !== "(" || tuple.close !== ")")) return false
  return gold.kind === "tuple" ? inOrder(tuple.items, items, context) : inOrder(items, tuple.items, context)
}

/** 2:3 and 4:6, or 2:3 and 2/3. Clock times are compared digit by digit. */
function compareRatios(gold: Answer, predicted: Answer, context: AnswerContext): boolean {
  const parts = (answer: Answer): readonly Expression[] | undefined => {
    const list = answer.kind === "ratio" ? answer.parts : answer.kind === "expression" ? [answer] : []
    const expressions = list.flatMap((part) => (part.kind === "expression" ? [part.expression] : []))
    return expressions.length === list.length && list.length > 0 ? expressions : undefined
  }
  const [a, b] = [parts(gold), parts(predicted)]
  if (a === undefined || b === undefined) return false
  const isZero = (node: Expression): boolean => node.kind === "number" && node.value.numerator === 0n
  const clock = /^\d{1,2}:[0-5]\d$/
  if (a.length === b.length) {
    if (a.every((part, index) => expressionsEqual(part, b[index]!, context))) return true
    if ([...a, ...b].some(isZero) || (clock.test(gold.key) && clock.test(predicted.key))) return false
    return a.every((part, index) => {
      if (index === 0) return true
      return expressionsEqual({ kind: "multiply", factors: [part, b[0]!] }, { kind: "multiply", factors: [b[index]!, a[0]!] }, context)
    })
  }
  const quotient = (list: readonly Expression[]): Expression | undefined =>
    list.length === 1 ? list[0]! : list.length === 2 ? { kind: "divide", numerator: list[0]!, denominator: list[1]! } : undefined
  const [left, right] = [quotient(a), quotient(b)]
  return left !== undefined && right !== undefined && expressionsEqual(left, right, context)
}

type Scalar = Answer & { readonly kind: "expression" }

function compareExpressions(gold: Scalar, predicted: Scalar, context: AnswerContext): boolean {
  const named = gold.letters && predicted.letters && letterStringsEqual(gold.letters, predicted.letters)
  if (named !== undefined) return named
  if (
    !context.algebraOnly &&
    gold.words !== undefined &&
    predicted.words !== undefined &&
    (contradict(gold.words, predicted.words) || differentThings(gold.words, predicted.words))
  )
    return false
  const measured = context.algebraOnly
    ? compareSimpleUnits(gold, predicted, context)
    : compareQuantities(gold, predicted, context)
  if (measured !== undefined) return measured
  const [exponents, others] = [unitExponents(gold), unitExponents(predicted)]
  if (exponents !== "" && others !== "" && exponents !== others) return false
  if (expressionsEqual(gold.expression, predicted.expression, context)) return true
  if (context.strict === false) {
    const [names, own] = [freeSymbols(gold.expression), freeSymbols(predicted.expression)]
    if (names.length > 0 && names.length === own.length) {
      const renamed = renameSymbols(predicted.expression, new Map(own.map((name, index) => [name, names[index]!])))
      if (expressionsEqual(gold.expression, renamed, context)) return true
    }
  }
  return sameWord(gold.key, predicted.key)
}

/** $Even$ and $even$: letters that spell one word, capitalised or not. XYZ and xyz are two products. */
function sameWord(a: string, b: string): boolean {
  const word = /^[A-Z]?[a-z]{2,}$/
  return word.test(a) && word.test(b) && a.toLowerCase() === b.toLowerCase()
}

/** Undefined when units do not decide. */
function compareQuantities(gold: Scalar, predicted: Scalar, context: AnswerContext): boolean | undefined {
  if (isBareNumber(predicted) && gold.unitStandsApart === true) {
    if (!context.unitsRequired && expressionsEqual(gold.lettersAsUnit!.expression, predicted.expression, context))
      return true
  } else if (isBareNumber(gold) && predicted.unitStandsApart === true) {
    if (expressionsEqual(gold.expression, predicted.lettersAsUnit!.expression, context)) return true
  }
  const [a, b] = [measuredBy(gold, predicted), measuredBy(predicted, gold)]
  if (context.unitsRequired && a.units.length > 0 && b.units.length === 0) return false
  const measured = quantitiesEqual(a, b, context)
  if (measured !== undefined || gold.lettersAsUnit === undefined || predicted.lettersAsUnit === undefined)
    return measured
  // Letters on both sides: 1 h and 60 min are equal either way, 5 m and 5 s neither.
  return quantitiesEqual(gold.lettersAsUnit, predicted.lettersAsUnit, context) === true ? true : undefined
}

/** Neither letters nor a unit. */
function isBareNumber(side: Scalar): boolean {
  return side.units.length === 0 && side.expression.kind === "number" && side.words === undefined
}

/** Undefined when units do not decide. */
function compareSimpleUnits(gold: Scalar, predicted: Scalar, context: AnswerContext): boolean | undefined {
  const [a, b] = [simpleUnit(gold.words ?? ""), simpleUnit(predicted.words ?? "")]
  if (a === undefined || b === undefined || a === b) return undefined
  if (a.kind !== b.kind) return false
  const scaled = (node: Expression, value: Rational): Expression => ({
    kind: "multiply",
    factors: [node, { kind: "number", value }],
  })
  return expressionsEqual(scaled(gold.expression, a.size), scaled(predicted.expression, b.size), context)
}

/** A side by the unit it names; in letters, when the other side names one. */
function measuredBy(side: Scalar, other: Scalar): Quantity {
  return side.units.length === 0 && other.units.length > 0 && side.lettersAsUnit !== undefined
    ? side.lettersAsUnit
    : side
}

/** The digits of a unit's exponents: cm^2 is no cm^4. */
function unitExponents(answer: Scalar): string {
  return answer.words?.replaceAll(/[^-\d]/g, "") ?? ""
}

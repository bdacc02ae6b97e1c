/** The expression tree of one scalar (or matrix) answer. Structure above it (lists, intervals, ...) is in answer.ts. */
import type { Rational } from "./rational.ts"

/** How a decimal literal was written; present only where a decimal point was. */
export interface DecimalLiteral {
  /** Digits after the point, exponent taken into account: 1.5e-3 has 4. */
  readonly places: number
  readonly significantDigits: number
}

export type ConstantName = "pi" | "e" | "i" | "infinity"

export type Expression =
  | { readonly kind: "number"; readonly value: Rational; readonly decimal?: DecimalLiteral }
  /** 204_5: digits as written and the value they have in that base. */
  | { readonly kind: "baseNumeral"; readonly digits: string; readonly base: number; readonly value: Rational }
  | { readonly kind: "constant"; readonly name: ConstantName }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "add"; readonly terms: readonly Expression[] }
  | { readonly kind: "multiply"; readonly factors: readonly Expression[] }
  | { readonly kind: "divide"; readonly numerator: Expression; readonly denominator: Expression }
  | { readonly kind: "negate"; readonly operand: Expression }
  | { readonly kind: "power"; readonly base: Expression; readonly exponent: Expression }
  /** sqrt[index]{operand}; an odd index has the real root of a negative number. */
  | { readonly kind: "root"; readonly index: Expression; readonly operand: Expression }
  | { readonly kind: "call"; readonly name: string; readonly arguments: readonly Expression[] }
  /** A function nobody defined: f(x), I(0). */
  | { readonly kind: "apply"; readonly name: string; readonly arguments: readonly Expression[] }
  | { readonly kind: "percent"; readonly operand: Expression }
  /** 45^\circ, or a temperature where a letter names its scale. */
  | { readonly kind: "degree"; readonly operand: Expression; readonly scale?: "C" | "F" }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Expression[])[] }
  | BigOperation

/** sum or product with bounds. */
export interface BigOperation {
  readonly kind: "bigOperation"
  readonly operation: "sum" | "product"
  readonly variable: string
  readonly from: Expression
  readonly to: Expression
  readonly body: Expression
}

const none: readonly Expression[] = []

/** Direct sub-expressions, in the order they are written. */
export function children(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case "number":
    case "baseNumeral":
    case "constant":
    case "symbol":
      return none
    case "add":
      return node.terms
    case "multiply":
      return node.factors
    case "divide":
      return [node.numerator, node.denominator]
    case "negate":
    case "percent":
    case "degree":
      return [node.operand]
    case "power":
      return [node.base, node.exponent]
    case "root":
      return [node.index, node.operand]
    case "call":
    case "apply":
      return node.arguments
    case "matrix":
      return node.rows.flat()
    case "bigOperation":
      return [node.from, node.to, node.body]
  }
}

/** True when the test holds for the node or anything below it. */
export function some(node: Expression, test: (node: Expression) => boolean): boolean {
  if (test(node)) return true
  for (const child of children(node)) if (some(child, test)) return true
  return false
}

/** Names of the free symbols, in order of first appearance. */
export function freeSymbols(node: Expression): string[] {
  const names = new Set<string>()
  addSymbols(node, [], names)
  return [...names]
}

function addSymbols(node: Expression, bound: readonly string[], names: Set<string>): void {
  if (node.kind === "symbol") {
    if (!bound.includes(node.name)) names.add(node.name)
  } else if (node.kind === "bigOperation") {
    addSymbols(node.from, bound, names)
    addSymbols(node.to, bound, names)
    addSymbols(node.body, [...bound, node.variable], names)
  } else for (const child of children(node)) addSymbols(child, bound, names)
}

/** The same expression with symbols renamed; unknown function names are renamed with them. */
export function renameSymbols(node: Expression, names: ReadonlyMap<string, string>): Expression {
  const visit = (child: Expression): Expression => renameSymbols(child, names)
  switch (node.kind) {
    case "number":
    case "baseNumeral":
    case "constant":
      return node
    case "symbol":
      return { kind: "symbol", name: names.get(node.name) ?? node.name }
    case "add":
      return { kind: "add", terms: node.terms.map(visit) }
    case "multiply":
      return { kind: "multiply", factors: node.factors.map(visit) }
    case "divide":
      return { kind: "divide", numerator: visit(node.numerator), denominator: visit(node.denominator) }
    case "negate":
      return { kind: "negate", operand: visit(node.operand) }
    case "power":
      return { kind: "power", base: visit(node.base), exponent: visit(node.exponent) }
    case "root":
      return { kind: "root", index: visit(node.index), operand: visit(node.operand) }
    case "call":
      return { kind: "call", name: node.name, arguments: node.arguments.map(visit) }
    case "apply":
      return { kind: "apply", name: names.get(node.name) ?? node.name, arguments: node.arguments.map(visit) }
    case "percent":
      return { kind: "percent", operand: visit(node.operand) }
    case "degree":
      return { kind: "degree", operand: visit(node.operand) }
    case "matrix":
      return { kind: "matrix", rows: node.rows.map((row) => row.map(visit)) }
    case "bigOperation":
      return { ...node, from: visit(node.from), to: visit(node.to), body: visit(node.body) }
  }
}

/** True when a decimal literal stands anywhere in the expression: only then is a comparison approximate. */
export function hasDecimal(node: Expression): boolean {
  return some(node, (child) => child.kind === "number" && child.decimal !== undefined)
}

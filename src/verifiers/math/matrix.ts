/** Matrix expressions worked out entry by entry: sums, products, multiples, powers, transposes, determinants. */
import type { Budget } from "./budget.ts"
import { BudgetExceeded } from "./budget.ts"
import { exactValue } from "./exact-evaluation.ts"
import type { Expression } from "./expression.ts"
import { children, hasDecimal, some } from "./expression.ts"

type Rows = readonly (readonly Expression[])[]

/** True when a matrix stands anywhere in the expression. */
export function hasMatrix(node: Expression): boolean {
  return some(node, (child) => child.kind === "matrix")
}

function map(rows: Rows, change: (entry: Expression) => Expression): Rows {
  return rows.map((row) => row.map(change))
}

function product(a: Rows, b: Rows, budget: Budget): Rows | undefined {
  if (a[0]!.length !== b.length) return undefined
  budget.charge(a.length * b.length * b[0]!.length)
  return a.map((row) =>
    b[0]!.map((_, column): Expression =>
      compact({ kind: "add", terms: row.map((entry, index): Expression => ({ kind: "multiply", factors: [entry, b[index]![column]!] })) }, budget),
    ),
  )
}

/** Entries double with every product: numbers are worked out at once, and a symbolic entry may not grow past this. */
const maxEntryNodes = 3_000

function compact(entry: Expression, budget: Budget): Expression {
  if (countNodes(entry, maxEntryNodes) > maxEntryNodes) throw new BudgetExceeded("matrix product too large")
  if (hasDecimal(entry)) return entry
  const value = exactValue(entry, budget)
  return value === undefined ? entry : { kind: "number", value }
}

/** Nodes of the tree, counted no further than just past the limit. */
function countNodes(node: Expression, limit: number): number {
  let count = 1
  for (const child of children(node)) {
    if (count > limit) break
    count += countNodes(child, limit - count)
  }
  return count
}

/** The entries of a matrix-valued expression; undefined for scalars and shapes that do not fit. */
export function matrixRows(node: Expression, budget: Budget): Rows | undefined {
  budget.charge(2)
  switch (node.kind) {
    case "matrix":
      return node.rows
    case "negate": {
      const rows = matrixRows(node.operand, budget)
      return rows && map(rows, (entry) => ({ kind: "negate", operand: entry }))
    }
    case "add": {
      const parts = node.terms.map((term) => matrixRows(term, budget))
      const first = parts[0]
      if (first === undefined || parts.some((part) => part?.length !== first.length || part[0]!.length !== first[0]!.length)) return undefined
      return first.map((row, r) => row.map((_, c): Expression => ({ kind: "add", terms: parts.map((part) => part![r]![c]!) })))
    }
    case "multiply": {
      const scalars: Expression[] = []
      let rows: Rows | undefined
      for (const factor of node.factors) {
        const next = matrixRows(factor, budget)
        if (next === undefined) scalars.push(factor)
        else if (rows === undefined) rows = next
        else {
          rows = product(rows, next, budget)
          if (rows === undefined) return undefined
        }
      }
      if (rows === undefined || scalars.length === 0 || scalars.some(hasMatrix)) return scalars.some(hasMatrix) ? undefined : rows
      return map(rows, (entry) => ({ kind: "multiply", factors: [...scalars, entry] }))
    }
    case "divide": {
      const rows = hasMatrix(node.denominator) ? undefined : matrixRows(node.numerator, budget)
      return rows && map(rows, (entry) => ({ kind: "divide", numerator: entry, denominator: node.denominator }))
    }
    case "power":
      return power(node.base, node.exponent, budget)
    default:
      return undefined
  }
}

function power(base: Expression, exponent: Expression, budget: Budget): Rows | undefined {
  const rows = matrixRows(base, budget)
  if (rows === undefined) return undefined
  if (exponent.kind === "symbol" && /^(?:T|\\top)$/.test(exponent.name)) return rows[0]!.map((_, column) => rows.map((row) => row[column]!))
  const count = exactValue(exponent, budget)
  if (count === undefined || count.denominator !== 1n || count.numerator < 1n || count.numerator > 6n) return undefined
  let result: Rows | undefined = rows
  for (let index = 1n; index < count.numerator && result !== undefined; index++) result = product(result, rows, budget)
  return result
}

/** The determinant by expansion along the first row; undefined past 5 x 5. */
export function determinant(rows: Rows, budget: Budget): Expression | undefined {
  budget.charge(rows.length)
  if (rows.length !== rows[0]!.length || rows.length > 5) return undefined
  if (rows.length === 1) return rows[0]![0]!
  const terms: Expression[] = []
  for (const [column, entry] of rows[0]!.entries()) {
    const minor = determinant(rows.slice(1).map((row) => row.filter((_, index) => index !== column)), budget)
    if (minor === undefined) return undefined
    const term: Expression = { kind: "multiply", factors: [entry, minor] }
    terms.push(column % 2 === 0 ? term : { kind: "negate", operand: term })
  }
  return { kind: "add", terms }
}

/** det(...) at the top of an expression, written out. Everything else is returned as it is. */
export function expandDeterminant(node: Expression, budget: Budget): Expression {
  if (node.kind !== "call" || node.name !== "det") return node
  const rows = matrixRows(node.arguments[0]!, budget)
  return (rows && determinant(rows, budget)) ?? node
}

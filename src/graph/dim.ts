/**
 * Dimensions of a shape: numbers, or polynomials in named symbols with integer coefficients ("B*T", "P+1"), so that one
 * graph serves every batch size and length and shape errors are still found when the graph is built.
 */
import { ShapeError } from "../errors.ts"

/** A dimension that is only known when the graph runs. Compare with `dimEqual`, never with `===`. */
export interface SymbolicDim {
  /** Monomial ("" for the constant, "B*T" with symbols sorted) to coefficient; sorted by key, no zero entries. */
  readonly terms: readonly (readonly [monomial: string, coefficient: number])[]
  /** Canonical text: equal dimensions have equal keys. */
  readonly key: string
}

export type Dim = number | SymbolicDim
export type Shape = readonly Dim[]
/** Values of the symbols at run time. */
export type Bindings = Readonly<Record<string, number>>

function fromTerms(terms: ReadonlyMap<string, number>): Dim {
  const kept = [...terms].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => (a < b ? -1 : 1))
  if (kept.length === 0) return 0
  if (kept.length === 1 && kept[0]![0] === "") return kept[0]![1]
  const key = kept
    .map(([monomial, coefficient]) => (monomial === "" ? `${coefficient}` : coefficient === 1 ? monomial : `${coefficient}*${monomial}`))
    .join("+")
  return { terms: kept, key }
}

function termsOf(dim: Dim): ReadonlyMap<string, number> {
  return typeof dim === "number" ? new Map([["", dim]]) : new Map(dim.terms)
}

/** A named dimension, such as `dim("B")`. */
export function dim(name: string): SymbolicDim {
  return { terms: [[name, 1]], key: name }
}

export function dimAdd(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b
  const sum = new Map(termsOf(a))
  for (const [monomial, coefficient] of termsOf(b)) sum.set(monomial, (sum.get(monomial) ?? 0) + coefficient)
  return fromTerms(sum)
}

export function dimMul(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b
  const product = new Map<string, number>()
  for (const [left, x] of termsOf(a)) {
    for (const [right, y] of termsOf(b)) {
      const monomial = [...left.split("*"), ...right.split("*")].filter(Boolean).sort().join("*")
      product.set(monomial, (product.get(monomial) ?? 0) + x * y)
    }
  }
  return fromTerms(product)
}

export function dimEqual(a: Dim, b: Dim): boolean {
  return typeof a === "number" || typeof b === "number" ? a === b : a.key === b.key
}

export function dimToString(dim: Dim): string {
  return typeof dim === "number" ? String(dim) : dim.key
}

/** Number of elements. */
export function shapeSize(shape: Shape): Dim {
  return shape.reduce<Dim>((product, dim) => dimMul(product, dim), 1)
}

export function shapeEqual(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dimEqual(dim, b[i]!))
}

export function shapeToString(shape: Shape): string {
  return `[${shape.map(dimToString).join(", ")}]`
}

/** @throws ShapeError when a symbol has no value. */
export function evaluateDim(dim: Dim, bindings: Bindings): number {
  if (typeof dim === "number") return dim
  let total = 0
  for (const [monomial, coefficient] of dim.terms) {
    let product = coefficient
    for (const symbol of monomial.split("*").filter(Boolean)) {
      const value = bindings[symbol]
      if (value === undefined) throw new ShapeError(`dimension ${dim.key}: expected a value for ${symbol}, got none. Feed an input that has it.`)
      product *= value
    }
    total += product
  }
  return total
}

export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings))
}

/** Shape of an elementwise result, by numpy's rules. A symbolic dimension only broadcasts against 1 or itself. */
export function broadcastShapes(who: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  const out: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (dimEqual(x, y) || y === 1) out.push(x)
    else if (x === 1) out.push(y)
    else {
      throw new ShapeError(
        `${who}: expected shapes that broadcast, got ${shapeToString(a)} and ${shapeToString(b)}. Make axis ${i - rank} equal, or 1 in one of them.`,
      )
    }
  }
  return out
}

/** Non-negative axis. */
export function normaliseAxis(who: string, axis: number, rank: number): number {
  const normalised = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || normalised < 0 || normalised >= rank) {
    throw new ShapeError(`${who}: expected an axis in ${-rank}..${rank - 1}, got ${axis}. Choose an axis the tensor has.`)
  }
  return normalised
}

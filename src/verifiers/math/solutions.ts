/** Lists of solutions and of statements: named tuples, repetitions, connectives. */
import type { Answer } from "./answer.ts"
import { isEquation } from "./relation-equality.ts"

type List = Answer & { readonly kind: "list" }

/**
 * p = 5, q = 2; p = 7, q = 2 as two tuples with names; undefined when the items are not the same names over and over.
 * @param items  of the list, flat
 */
export function namedSolutions(items: readonly Answer[]): Answer[] | undefined {
  if (items.length < 4 || !isEquation(items[0]!)) return undefined
  const names = items.map((item) =>
    isEquation(item) && item.operands.length === 2 ? item.operands[0]!.key : undefined,
  )
  const width = names.indexOf(names[0], 1)
  if (width < 2 || items.length % width !== 0 || names.includes(undefined)) return undefined
  const sorted = (from: number): string =>
    names
      .slice(from, from + width)
      .sort()
      .join()
  if (new Set(names.slice(0, width)).size !== width) return undefined
  const solutions: Answer[] = []
  for (let from = 0; from < items.length; from += width) {
    if (sorted(from) !== sorted(0)) return undefined
    const own = items.slice(from, from + width)
    const values = own.flatMap((item) => (item.kind === "relation" ? [item.operands[1]!] : []))
    solutions.push({
      kind: "tuple",
      items: values,
      open: "(",
      close: ")",
      names: names.slice(from, from + width).flatMap((name) => name ?? []),
      key: own.map((item) => item.key).join(","),
    })
  }
  return distinctSolutions(solutions)
}

/** A solution that is said twice is one; numbers that are repeated stay. */
export function distinctSolutions(items: readonly Answer[]): Answer[] {
  const seen = new Set<string>()
  return items.filter((item) => {
    if (item.kind !== "tuple" && item.kind !== "relation" && item.kind !== "set") return true
    if (seen.has(item.key)) return false
    seen.add(item.key)
    return true
  })
}

/** Is a part of a list a statement whose own connective is another one, so that its items do not join the list? */
export function isLogic(part: Answer, outer: List["connective"]): boolean {
  return part.kind === "list" && part.connective !== "," && part.connective !== outer && statesLogic(part)
}

/** Do "and" and "or" make different statements of the items? Values that are listed are the same with either. */
function statesLogic(list: List): boolean {
  const names = new Set(list.items.map((item) => (item.kind === "relation" ? item.operands[0]!.key : "")))
  return list.items.every(
    (item) =>
      item.kind === "text" ||
      (item.kind === "list" && statesLogic(item)) ||
      (item.kind === "relation" && (names.size > 1 || !isEquation(item))) ||
      (item.kind === "expression" && item.expression.kind === "symbol"),
  )
}

/** One list says "and" where the other says "or". */
export function connectivesDiffer(a: Answer, b: Answer): boolean {
  if (a.kind !== "list" || b.kind !== "list" || a.connective === "," || b.connective === ",") return false
  return a.connective !== b.connective && statesLogic(a) && statesLogic(b)
}

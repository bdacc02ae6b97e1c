/** Functions that are defined piece by piece: values with their conditions, in any order. */
import type { Answer } from "./answer.ts"

export interface Branch {
  readonly value: Answer
  /** Undefined: otherwise. */
  readonly condition?: Answer
}

const cases = /^([^=\\]{1,20}=)?\s*\\begin\{d?cases\}((?:(?!\\begin)[\s\S])*)\\end\{d?cases\}\s*\.?\s*$/
const conditionWord =
  /^\s*(?:\\(?:quad|qquad|;|,|:| )\s*)*(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*,?\s*(if|for|when|where|otherwise|else|elsewhere)\s*|(if|for|when|where|otherwise|else|elsewhere)(?![A-Za-z])\s*)/
const inlineCondition =
  /,?\s*(?=\\(?:text|textrm|mathrm|mbox)\s*\{\s*,?\s*(?:if|for|when|where|otherwise|else|elsewhere)\b)/
const otherwise = /^(?:otherwise|else|elsewhere)$/

/** Most pieces that are read. */
const maxBranches = 20

/**
 * The branches of a cases environment; undefined where the source is none, or where its rows are equations of a system.
 * @param parse  reads a value or a condition
 */
export function parsePiecewise(source: string, parse: (source: string) => Answer): Answer | undefined {
  if (!source.includes("cases}")) return undefined
  const found = cases.exec(source.replace(/^\s*\\left\.?|\\right\.?\s*$/g, ""))
  if (found === null) return undefined
  const rows = found[2]!.split(/\\\\(?:\[[^\]]{0,10}\])?/).filter((row) => row.trim() !== "")
  if (rows.length < 2 || rows.length > maxBranches) return undefined
  const branches: Branch[] = []
  for (const row of rows) {
    const cell = row.indexOf("&")
    const cut = cell >= 0 ? cell : row.search(inlineCondition)
    if (cut < 0) return undefined
    const written = row.slice(cut).replace(/^[\s&,]+/, "")
    const word = conditionWord.exec(written)
    const name = word?.[1] ?? word?.[2]
    const rest =
      word === null
        ? written
        : word[1] === undefined
          ? written.slice(word[0].length)
          : `\\text{${written.slice(word[0].length)}`
    const value = parse(row.slice(0, cut).replace(/[\s,;]+$/, ""))
    const condition = name !== undefined && otherwise.test(name) ? undefined : parse(rest.replace(/[\s,.;]+$/, ""))
    // x + y &= 1 is an equation that is aligned.
    if (value.key === "" || condition?.key === "" || /^\s*(?:=|\\[lg]eq?\b|<|>)/.test(rest)) return undefined
    branches.push({ value, ...(condition === undefined ? {} : { condition }) })
  }
  const key = branches.map(({ value, condition }) => `${value.key} if ${condition?.key ?? "otherwise"}`)
  return { kind: "piecewise", branches, key: `cases ${key.join("; ")}` }
}

/** Every branch has its own partner; one "otherwise" stands for the condition that nobody else took. */
export function piecewiseEqual(
  gold: readonly Branch[],
  predicted: readonly Branch[],
  equal: (gold: Answer, predicted: Answer) => boolean,
): boolean {
  if (gold.length !== predicted.length) return false
  const free = new Set(predicted)
  const take = (branch: Branch, fits: (other: Branch) => boolean): boolean => {
    const partner = [...free].find((other) => fits(other) && equal(branch.value, other.value))
    return partner !== undefined && free.delete(partner)
  }
  const same = (a: Answer | undefined, b: Answer | undefined): boolean =>
    a !== undefined && b !== undefined && equal(a, b)
  const left = gold.filter((branch) => !take(branch, (other) => same(branch.condition, other.condition)))
  if (left.length > 1) return false
  const isRest = (branch: Branch): boolean => branch.condition === undefined
  return left.every((branch) => take(branch, (other) => isRest(branch) || isRest(other)))
}

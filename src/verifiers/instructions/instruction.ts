/** What an instruction constraint is, and how its arguments are read. */

/** Arguments of an instruction, with IFEval's names. */
export type InstructionArguments = Readonly<Record<string, unknown>>

/** The arguments of an instruction are missing or of a wrong kind: the data is at fault, not the response. */
export class InstructionProblem extends Error {}

/** True when the response follows the instruction. */
export type InstructionCheck = (response: string, given: InstructionArguments) => boolean

/** Instructions by their IFEval names. */
export type InstructionTable = Readonly<Record<string, InstructionCheck>>

export function textOf(given: InstructionArguments, name: string): string {
  const value = given[name]
  if (typeof value === "string") return value
  throw new InstructionProblem(`expected ${name} to be a text, got ${JSON.stringify(value) ?? "nothing"}`)
}

export function textsOf(given: InstructionArguments, name: string): readonly string[] {
  const value = given[name]
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value
  throw new InstructionProblem(`expected ${name} to be a list of texts, got ${JSON.stringify(value) ?? "nothing"}`)
}

export function countOf(given: InstructionArguments, name: string): number {
  const value = Number(given[name] ?? Number.NaN)
  if (Number.isInteger(value)) return value
  throw new InstructionProblem(`expected ${name} to be a whole number, got ${JSON.stringify(given[name]) ?? "nothing"}`)
}

/** IFEval's two relations; a third, "at most", is read too. */
export function holds(count: number, given: InstructionArguments, relation: string, bound: string): boolean {
  const limit = countOf(given, bound)
  switch (given[relation]) {
    case "less than":
      return count < limit
    case "at least":
      return count >= limit
    case "at most":
      return count <= limit
    default:
      throw new InstructionProblem(
        `expected ${relation} to be "less than" or "at least", got ${JSON.stringify(given[relation]) ?? "nothing"}`,
      )
  }
}

/** A text as a pattern that matches it alone. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/gu, String.raw`\$&`)
}

/**
 * A keyword of IFEval as the pattern it is there; where JavaScript has no such pattern, the text itself.
 * @param wholeWord  only between word boundaries
 */
export function keywordPattern(keyword: string, wholeWord: boolean): RegExp {
  const edges = (pattern: string): string =>
    wholeWord ? String.raw`(?<![\p{L}\p{N}_])(?:${pattern})(?![\p{L}\p{N}_])` : pattern
  try {
    return new RegExp(edges(keyword), "giu")
  } catch {
    return new RegExp(edges(escapePattern(keyword)), "giu")
  }
}

/** Number of matches that do not overlap. */
export function countMatches(text: string, pattern: RegExp): number {
  let count = 0
  for (const _match of text.matchAll(pattern)) count++
  return count
}

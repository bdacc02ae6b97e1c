/** What the ports of published graders read: their patterns and recursion were not made for hostile texts. */
import type { Verdict } from "../verifier.ts"

/** Longest gold, characters: some of the patterns take the square of it. */
const maxGoldCharacters = 20_000

/** Deepest nesting of braces and brackets. */
export const maxNesting: number = 200

/** Does a text nest braces or brackets deeper than is read? */
export function nestsTooDeep(text: string): boolean {
  let depth = 0
  for (const character of text) {
    if ("{[(".includes(character)) {
      if (++depth > maxNesting) return true
    } else if ("}])".includes(character) && depth > 0) depth--
  }
  return false
}

/** Is a gold longer or deeper than anything that a grader was published for? */
export function isUnreadableGold(gold: string): boolean {
  return gold.length > maxGoldCharacters || nestsTooDeep(gold)
}

export const unreadableGold: Verdict = {
  status: "unparsable-gold",
  reward: 0,
  reason: `the gold has more than ${maxGoldCharacters} characters, or nests more than ${maxNesting} deep`,
}

/** Gold answers that were read a moment ago: the responses of one group are compared with the same one. */
import type { Reading } from "./answer-parser.ts"
import type { Budget } from "./budget.ts"
import type { MatchType } from "./options.ts"
import { readGold } from "./sides.ts"
import type { Gold, Unread } from "./sides.ts"

/** How many are kept: the prompts whose responses arrive between one another. */
const maxGolds = 16

interface KnownGold {
  readonly types: readonly MatchType[]
  readonly reading: Reading
  readonly gold: Gold | Unread
  readonly steps: number
}

/** The least recently used first. */
const known = new Map<string, KnownGold>()

/**
 * The same as readGold. A gold that is known costs the same steps of the budget, so that a verdict does not depend on
 * what was verified before.
 * @throws BudgetExceeded
 */
export function knownGold(
  text: string,
  types: readonly MatchType[],
  reading: Reading,
  budget: Budget,
): Gold | Unread {
  const before = known.get(text)
  if (before?.reading === reading && sameTypes(before.types, types)) {
    known.delete(text)
    known.set(text, before)
    budget.charge(before.steps)
    return before.gold
  }
  const left = budget.left
  const gold = readGold(text, types, reading, budget)
  known.delete(text)
  known.set(text, { types, reading, gold, steps: left - budget.left })
  const oldest = known.size > maxGolds ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
  return gold
}

function sameTypes(a: readonly MatchType[], b: readonly MatchType[]): boolean {
  return a === b || (a.length === b.length && a.every((type, index) => type === b[index]))
}

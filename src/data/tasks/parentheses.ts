/** Nesting depth of balanced parentheses. */
import { z } from "zod"
import { exactMatchVerifier } from "../../verifiers/procedural/exact-match.ts"
import { indexedTask } from "../procedural-task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

/**
 * `counts[remaining][height]`: the number of ways to close a balanced string from that height with so many characters
 * left (ballot numbers). Exact up to 24 pairs.
 */
function completions(pairs: number): readonly (readonly number[])[] {
  const counts: number[][] = [[1]]
  for (let remaining = 1; remaining <= 2 * pairs; remaining++) {
    const previous = counts[remaining - 1]
    const at = (height: number): number => previous[height] ?? 0
    counts.push(Array.from({ length: remaining + 1 }, (_, height) => at(height + 1) + (height > 0 ? at(height - 1) : 0)))
  }
  return counts
}

/** The balanced string of a rank in lexicographic order, and its greatest depth. */
function unrank(rank: number, pairs: number, counts: readonly (readonly number[])[]): { text: string; depth: number } {
  let text = ""
  let height = 0
  let depth = 0
  let left = rank
  for (let remaining = 2 * pairs - 1; remaining >= 0; remaining--) {
    const afterOpening = counts[remaining][height + 1] ?? 0
    if (left < afterOpening) {
      text += "("
      height++
      depth = Math.max(depth, height)
    } else {
      left -= afterOpening
      text += ")"
      height--
    }
  }
  return { text, depth }
}

/** Prompt `(()())=`, response the greatest nesting depth, `2`. Every balanced string of the length is as likely. */
export const parentheses: TaskDefinition = defineTask({
  name: "parentheses",
  description: "greatest nesting depth of balanced parentheses, prompt (()())=, response 2",
  schema: z.strictObject({ ...splitOptions, difficulty: difficultyOption(2, 24, 10, "pairs of parentheses") }),
  build({ seed, heldOutSize, difficulty: pairs }) {
    const counts = completions(pairs)
    return indexedTask({
      name: "parentheses",
      seed,
      heldOutSize,
      size: counts[2 * pairs][0],
      problemAt(index) {
        const { text, depth } = unrank(index, pairs, counts)
        const answer = String(depth)
        return { id: `parentheses/${text}`, prompt: `${text}=`, gold: answer, solution: answer, unique: true }
      },
      verifier: exactMatchVerifier({ trim: false }),
      alphabet: "0123456789()=",
      maxPromptCharacters: 2 * pairs + 1,
      maxResponseCharacters: String(pairs).length,
    })
  },
})

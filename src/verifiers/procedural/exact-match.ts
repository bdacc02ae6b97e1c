/** The response is the gold, character for character. */
import type { Verifier } from "../verifier.ts"
import { correct, incorrect, noAnswer, shown } from "./verdicts.ts"

export interface ExactMatchOptions {
  /** White space at both ends of response and gold does not count. Default true. */
  readonly trim?: boolean
}

/**
 * Right when the whole response equals the gold. With `trim: false` exactly one response is right, which tasks with
 * `unique` solutions need.
 */
export function exactMatchVerifier(options: ExactMatchOptions = {}): Verifier {
  const read = (options.trim ?? true) ? (text: string) => text.trim() : (text: string) => text
  return {
    name: "exact",
    verify({ gold, completion }) {
      const answer = read(completion)
      const expected = read(gold)
      if (answer === expected) return correct(answer, "equals the gold")
      if (answer === "") return noAnswer("the response is empty")
      return incorrect(answer, `expected exactly ${shown(expected)}, got ${shown(answer)}`)
    },
  }
}

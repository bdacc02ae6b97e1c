/** The final answer of a response is a number, compared exactly. */
import { answerPart, withoutReasoning } from "../response-parts.ts"
import type { Verifier } from "../verifier.ts"
import { afterLastMarker, bareNumber, lastBoxed, lastNumber } from "./answer-extraction.ts"
import { equal, format, parseNumber } from "./rational.ts"
import type { Rational } from "./rational.ts"
import { correct, incorrect, noAnswer, shown, unparsableGold } from "./verdicts.ts"

/**
 * Where the answer is read:
 * - `"boxed"` the last `\boxed{...}`, that of a closed `<answer>` first
 * - `"last"` the last `\boxed{...}`, else what follows the last `####`, else the last number; in a closed `<answer>`
 * where
 *   there is one
 * - `"whole"` the whole response
 * - `{ marker }` what follows the last marker, to the end of the line
 *
 * Reasoning is read for `"whole"` alone.
 */
export type AnswerPlace = "boxed" | "last" | "whole" | { readonly marker: string }

export interface NumericAnswerOptions {
  readonly name: string
  readonly place: AnswerPlace
  /** Only whole numbers are answers. Default false. */
  readonly integer?: boolean
}

/** GSM8K's marker of the final answer. */
const GSM8K_MARKER = "####"

function extract(response: string, place: AnswerPlace): string | undefined {
  if (place === "whole") return response.trim() === "" ? undefined : response.trim()
  const said = withoutReasoning(response)
  const { text } = answerPart(said)
  if (place === "boxed") return lastBoxed(text) ?? lastBoxed(said)
  if (place === "last") return lastBoxed(text) ?? afterLastMarker(text, GSM8K_MARKER) ?? lastNumber(text)
  return afterLastMarker(text, place.marker)
}

function missing(place: AnswerPlace): string {
  if (place === "whole") return "the response is empty"
  if (place === "boxed") return "the response has no \\boxed{...} that closes"
  if (place === "last") return "the response holds no number"
  return `the response has no ${shown(place.marker)} before its answer`
}

function parse(text: string, integer: boolean): Rational | undefined {
  const value = parseNumber(bareNumber(text))
  return value !== undefined && integer && value.denominator !== 1n ? undefined : value
}

function parseGold(gold: string, integer: boolean): Rational | undefined {
  return parse(afterLastMarker(gold, GSM8K_MARKER) ?? lastBoxed(gold) ?? gold, integer)
}

/**
 * Right when the number read from the response equals the gold exactly (`1,234.50` is `1234.5`, `2/4` is `0.5`). The gold
 * may be the number alone, or hold it after `####` or in `\boxed{}`. What stands in the answer's place and is not a
 * number is wrong; a response without the place has no answer.
 */
export function numericAnswerVerifier(options: NumericAnswerOptions): Verifier {
  const { name, place, integer = false } = options
  const kind = integer ? "a whole number" : "a number"
  return {
    name,
    verify({ gold, completion }) {
      const expected = parseGold(gold, integer)
      if (expected === undefined) return unparsableGold(gold, kind)
      const answer = extract(completion, place)
      if (answer === undefined) return noAnswer(missing(place))
      const value = parse(answer, integer)
      if (value === undefined) return incorrect(answer, `expected ${kind}, got ${shown(answer)}`)
      if (equal(value, expected)) return correct(answer, `${format(value)} equals the gold`)
      return incorrect(answer, `expected ${format(expected)}, got ${format(value)}`)
    },
  }
}

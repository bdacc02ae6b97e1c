/** The final answer of a response is a number, compared exactly. */
import { answerPart, withoutReasoning } from "../response-parts.ts"
import { verifyMath } from "../math/index.ts"
import { unitsNamed } from "../math/units/unit-table.ts"
import type { Verdict, Verifier } from "../verifier.ts"
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
  /**
   * With `place: "last"`: units convert where the gold names one, and scale words are factors, as `math` reads them.
   * Default false.
   */
  readonly quantities?: boolean
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

const SCALE_WORDS: ReadonlySet<string> = new Set("hundred thousand million billion trillion dozen".split(" "))
const UNIT_PARTS: ReadonlySet<string> = new Set("square cubic per of".split(" "))
const MOST_WORDS = 4
const TEXT_IN_FORMULA = /\\(?:text|mathrm|textrm)\s?\{([^{}]{0,40})\}/gu

/** The last number of a text with the scale word and the unit behind it: `1.5 million`, `90 km per hour`. */
function quantityIn(text: string): string | undefined {
  const number = lastNumber(text)
  if (number === undefined) return undefined
  const behind = text.slice(text.lastIndexOf(number) + number.length).replaceAll(TEXT_IN_FORMULA, " $1 ")
  const words: string[] = []
  for (const word of behind.split(/[\s~]+/u, MOST_WORDS + 1)) {
    const bare = word.replaceAll(/^\\?\$|[.,;:!?)}\]$]+$/gu, "")
    if (bare === "") {
      if (word === "" && words.length === 0) continue
      break
    }
    const isUnit = bare.split(/[/*·^\d-]+/u).every((part) => part === "" || unitsNamed(part).length > 0)
    if (!isUnit && !SCALE_WORDS.has(bare) && !UNIT_PARTS.has(bare)) break
    words.push(bare)
    if (bare !== word && !word.startsWith("$")) break
  }
  while (UNIT_PARTS.has(words.at(-1) ?? "")) words.pop()
  return words.length === 0 ? undefined : `${number} ${words.join(" ")}`
}

/** Whether a gold that is no number alone is a quantity: `5 km`, `$3`, `1.5 million`. */
function isQuantity(gold: string): boolean {
  return quantityIn(gold)?.length === gold.trim().length
}

/** A scale word is a factor also where the gold is a number alone; a unit that the gold does not name is not asked. */
function hasScale(quantity: string | undefined): quantity is string {
  return quantity?.split(" ").some((word) => SCALE_WORDS.has(word)) === true
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

/** What stands in the answer's place, with the words behind it; the number alone where none has a meaning. */
function extractQuantity(response: string): string | undefined {
  const said = withoutReasoning(response)
  const { text } = answerPart(said)
  const part = lastBoxed(text) ?? afterLastMarker(text, GSM8K_MARKER) ?? text
  return quantityIn(part) ?? lastNumber(part)
}

function judgedQuantity(gold: string, answer: string | undefined): Verdict {
  if (answer === undefined) return noAnswer(missing("last"))
  const { correct: isRight, reason } = verifyMath(gold, `\\boxed{${answer}}`)
  return isRight ? correct(answer, `${answer} equals the gold`) : incorrect(answer, `expected ${gold}: ${reason}`)
}

/**
 * Right when the number read from the response equals the gold exactly (`1,234.50` is `1234.5`, `2/4` is `0.5`). The gold
 * may be the number alone, or hold it after `####` or in `\boxed{}`. What stands in the answer's place and is not a
 * number is wrong; a response without the place has no answer. With `quantities`, `5000 m` is `5 km` and `1.5 million`
 * is 1500000.
 */
export function numericAnswerVerifier(options: NumericAnswerOptions): Verifier {
  const { name, place, integer = false, quantities = false } = options
  const kind = integer ? "a whole number" : "a number"
  return {
    name,
    verify({ gold, completion }) {
      const expected = parseGold(gold, integer)
      if (quantities) {
        const answer = extractQuantity(completion)
        const isNamed = expected === undefined && isQuantity(gold)
        if (isNamed || (expected !== undefined && hasScale(answer))) return judgedQuantity(gold, answer)
      }
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

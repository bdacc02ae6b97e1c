/** Multiple choice: the response names the letter of an option, or the option's text. */
import { verifyMath } from "../math/index.ts"
import { correct, incorrect, noAnswer, shown, unparsableGold } from "../procedural/verdicts.ts"
import { answerPart, answerTags, markedGold, withoutReasoning } from "../response-parts.ts"
import type { Verifier, VerifierInput } from "../verifier.ts"
import { lastBoxedText, lastStatedAnswer } from "./final-answer.ts"

export interface MultipleChoiceOptions {
  /** Letters that can be answers, from A. Default 10 (A to J), or the number of options of the row where it lists them. */
  readonly choices?: number
  /** Every letter named counts, in any order: gold `AC` is answered by `A, C`. Default false: exactly one letter. */
  readonly several?: boolean
  /** The last letter that stands alone is read where nothing marks the answer. Default true. */
  readonly anywhere?: boolean
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
const SEARCHED_CHARACTERS = 2000

/** Texts of the options, where a row lists them: `choices` or `options` as a list, `{ text: [...] }` or `{ A: "..." }`. */
function optionTexts(row: VerifierInput["row"]): readonly string[] | undefined {
  const value = row?.["choices"] ?? row?.["options"]
  if (typeof value !== "object" || value === null) return undefined
  const { text } = value as { text?: unknown }
  const list = Array.isArray(value) ? value : Array.isArray(text) ? text : Object.values(value)
  return list.length > 0 && list.every((one) => typeof one === "string") ? list : undefined
}

interface Reading {
  readonly letters: string
  readonly several: boolean
  readonly texts: readonly string[] | undefined
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/^[\s"'*]+|[\s"'*.]+$/gu, "")
}

/** The letters a short text names from its beginning on: `(C) because ...`, `C. Paris`, `A, C and D`. */
function leading(text: string, { letters, several, texts }: Reading): string | undefined {
  const cleaned = text.replaceAll(/[*_`$]|\\\(|\\\)/gu, "").trim()
  const byText = texts?.findIndex((one) => plain(one) === plain(cleaned)) ?? -1
  if (byText >= 0) return LETTERS[byText]
  const one = `[([]?\\s?[${letters}${letters.toLowerCase()}]\\s?[)\\]]?`
  const head = new RegExp(`^(?:(?:option|choice|answer)\\s{1,3})?(${one})(?![\\p{L}\\p{N}'’])`, "iu").exec(cleaned)
  if (head !== null) {
    if (!several) return isWord(cleaned, head[0]) ? undefined : letterOf(head[1]!)
    const list = new RegExp(`^(?:${one}(?:\\s{0,3}(?:,|;|&|and)\\s{0,3}(?:and\\s)?)?)+`, "iu").exec(cleaned)
    return sorted(list?.[0] ?? head[1]!, letters)
  }
  if (!several) return texts === undefined ? undefined : byValue(cleaned, texts)
  return new RegExp(`^[${letters}]{2,}(?![\\p{L}\\p{N}])`, "u").test(cleaned)
    ? sorted(cleaned.split(/[^A-Z]/u)[0]!, letters)
    : undefined
}

const VALUE_CHARACTERS = 60

/**
 * The one option that has the value of a text with a number in it: `5000 m` for `5 km`, `1.5 million` for `1,500,000`.
 */
function byValue(text: string, texts: readonly string[]): string | undefined {
  if (text.length > VALUE_CHARACTERS || !/\d/u.test(text)) return undefined
  const equal = texts.flatMap((option, i) =>
    /\d/u.test(option) && verifyMath(option, `\\boxed{${text}}`).correct ? [i] : [],
  )
  return equal.length === 1 ? LETTERS[equal[0]!] : undefined
}

/** `a dog` and `I think` begin with a word of one letter; `A. dog` and `A` name an option. */
function isWord(text: string, head: string): boolean {
  return /^[ai]$/iu.test(head.trim()) && /^\s+[\p{L}\p{N}]/u.test(text.slice(head.length))
}

function letterOf(text: string): string {
  return text.replaceAll(/[^A-Za-z]/gu, "").toUpperCase()
}

function sorted(text: string, letters: string): string {
  const named = [...text.replaceAll(/and/giu, "").toUpperCase()].filter((letter) => letters.includes(letter))
  return [...new Set(named)].sort().join("")
}

/** "The answer is not C", "it cannot be (C)". */
const DENIED_LETTER = /(?:\bnot|\bcannot|n['’]t|\bneither|\bnor)\s+(?:be\s+)?(?:option\s+)?[(*]{0,3}$/iu

/** The last capital letter of an option that stands alone: not in a word, not the article or pronoun. */
function standingAlone(text: string, letters: string): string | undefined {
  const end = text.slice(-SEARCHED_CHARACTERS)
  const alone = new RegExp(`(?<![\\p{L}\\p{N}'’\\\\])([${letters}])(?![\\p{L}\\p{N}'’])`, "gu")
  const found = [...end.matchAll(alone)].filter(
    ({ 0: letter, index }) =>
      !(/[AI]/u.test(letter) && /^\s+[\p{Ll}]/u.test(end.slice(index + 1, index + 4))) &&
      !DENIED_LETTER.test(end.slice(Math.max(0, index - 24), index)),
  )
  return found.at(-1)?.[1]
}

/** A response that begins with an option: a letter with a bracket, a dot or a colon, or a line of its own. */
const BEGINS_WITH_OPTION =
  /^[*_]{0,3}(?:[([]\s?[A-Za-z]\s?[)\]]|[A-Z](?:[.):]|[*_]{0,3}\s*(?:\n|$))|[A-Z](?:\s{0,2}(?:,|;|&|and)\s{0,2}[A-Z])+\b)/u

function extract(
  completion: string,
  reading: Reading,
  anywhere: boolean,
): { readonly text: string; readonly answer: string } | undefined {
  const { text: part, tagged } = answerPart(withoutReasoning(completion))
  const whole = part.trim()
  const isText = reading.texts?.some((text) => plain(text) === plain(whole)) === true
  const beginning = isText || BEGINS_WITH_OPTION.test(whole) ? whole : undefined
  for (const place of [tagged ? part : undefined, lastBoxedText(part), lastStatedAnswer(part), beginning]) {
    if (place === undefined || place === "") continue
    const answer = leading(place, reading)
    if (answer !== undefined) return { text: place, answer }
  }
  const letter = anywhere ? standingAlone(part, reading.letters) : undefined
  return letter === undefined ? undefined : { text: letter, answer: letter }
}

/**
 * Right when the option that the response names is the gold's. Reasoning is not read. The answer is read in `<answer>`
 * tags, in the last `\boxed{}`, after the last "answer is", at the beginning of the response, else as the last capital
 * letter that stands alone and is not denied. Where the row lists the options, an option's text or its value with
 * another unit stands for its letter. The gold is a letter (`C`, `(C)`, `C. Paris`) or an option's text.
 */
export function multipleChoiceVerifier(options: MultipleChoiceOptions = {}): Verifier {
  const { several = false, anywhere = true } = options
  return {
    name: "mcq",
    verify({ gold, completion, row }) {
      const texts = optionTexts(row)
      const letters = LETTERS.slice(0, options.choices ?? texts?.length ?? 10)
      const reading = { letters, several, texts }
      const expected = leading(answerTags(gold).content ?? lastBoxedText(gold) ?? markedGold(gold), reading)
      if (expected === undefined) return unparsableGold(gold, `a letter from A to ${letters.at(-1)}`)
      const found = extract(completion, reading, anywhere)
      if (found === undefined) return noAnswer("the response names no option")
      if (found.answer === expected) return correct(found.answer, `${expected} is the right option`)
      return incorrect(found.answer, `expected ${expected}, got ${found.answer} (read in ${shown(found.text)})`)
    },
  }
}

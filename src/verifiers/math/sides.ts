/** The two sides of a comparison, the gold answer and that of a response: found, and read into structure. */
import { markedGold } from "../response-parts.ts"
import type { Answer } from "./answer.ts"
import type { ParsedAnswer, Reading } from "./answer-parser.ts"
import { parseAnswer } from "./answer-parser.ts"
import { goldBoxedAnswer } from "./boxed.ts"
import type { Budget } from "./budget.ts"
import type { Candidate } from "./extraction.ts"
import { extractCandidates, maxCompletionCharacters } from "./extraction.ts"
import { isFormula } from "./formula-text.ts"
import { maxAnswerCharacters } from "./lexer.ts"
import type { AnswerPlace, MatchType } from "./options.ts"
import { statesValue, wordsOf } from "./phrase.ts"

export interface Side {
  readonly text: string
  readonly plain: boolean
  readonly parsed: ParsedAnswer
}

export interface Gold extends Side {
  /** What it says, where it is an answer in words. */
  readonly words?: string
  /** It is the letter of a choice. */
  readonly choice: boolean
}

export interface Prediction extends Side {
  readonly source: Candidate["source"]
}

/** Why there is no side. */
export interface Unread {
  readonly unread: string
  readonly tooLong?: true
}

export function isGarbled(answer: Answer): boolean {
  return answer.kind === "text" && answer.garbled
}

function tooLong(what: string, length: number): Unread {
  const [has, most] = [length, maxAnswerCharacters].map((count) => count.toLocaleString("en-US"))
  return { unread: `${what} has ${has} characters, and no more than ${most} are read`, tooLong: true }
}

/** A gold answer in words is short; a long one is a solution whose answer is looked for as in a completion. */
const longestPhrase = 500

/**
 * @param first  the reading that is tried first
 * @throws BudgetExceeded
 */
export function readGold(
  gold: string,
  types: readonly MatchType[],
  first: Reading,
  budget: Budget,
): Gold | Unread {
  const trimmed = markedGold(gold).slice(-maxCompletionCharacters).trim()
  if (trimmed === "") return { unread: "the gold answer is empty" }
  const latex = types.includes("latex")
  const direct = latex || trimmed.includes("\\") ? goldBoxedAnswer(trimmed) : undefined
  const text = direct ?? trimmed
  if (direct === undefined && text.length > longestPhrase && !isFormula(text, true, true))
    return answerOfSolution(gold, types, first, budget)
  if (text.length > maxAnswerCharacters) return tooLong("the gold answer", text.length)
  const parsed = parseAnswer(text, { ...first, decimalComma: !latex }, budget)
  const stated = !first.algebraOnly && parsed.answer.kind === "text" && statesValue(text)
  const searched = direct === undefined && (isGarbled(parsed.answer) || stated)
  if (searched && /[A-Za-z]{3,}/.test(text.replaceAll(/\\[A-Za-z]+/g, ""))) {
    const found = answerOfSolution(gold, types, first, budget)
    if (
      !("unread" in found) &&
      !isGarbled(found.parsed.answer) &&
      (first.algebraOnly || found.parsed.answer.kind !== "text")
    )
      return found
  }
  return goldOf({ text, plain: !latex, parsed })
}

function answerOfSolution(gold: string, types: readonly MatchType[], first: Reading, budget: Budget): Gold | Unread {
  const found = readPrediction(gold, types, first, budget)
  if (found === undefined) return { unread: "the gold answer is a text in which no answer was found" }
  return "unread" in found ? { ...found, unread: `of the gold answer, ${found.unread}` } : goldOf(found)
}

function goldOf({ text, plain, parsed }: Side): Gold {
  const words = wordsOf(text)
  const choice = /^[({\s]*[A-J][\s)}]*$/.test(parsed.answer.key)
  return { text, plain, parsed, choice, ...(words === undefined ? {} : { words }) }
}

// \textbf{(B)}\ 5 and (B) 5, where the gold answer is the value.
const choiceLabel =
  /^\s*(?:\\(?:text|textbf|textrm|mathrm|mathbf)\s*\{\s*\(?[A-J]\)?[.:]?\s*\}(?:\\[ ,;:]|[\s~:])+|\([A-J]\)\s+)(?=\S)/

/**
 * The answer of a response; undefined when it has none.
 * @param choice  the gold answer is the letter of a choice
 * @throws BudgetExceeded
 */
export function readPrediction(
  completion: string,
  types: readonly MatchType[],
  first: Reading,
  budget: Budget,
  place: AnswerPlace = "any",
  choice = false,
): Prediction | Unread | undefined {
  let fallback: Prediction | undefined
  for (const candidate of extractCandidates(completion, types, place)) {
    const { source, plain } = candidate
    const unlabelled = choice ? (candidate.choice ?? candidate.text) : candidate.text.replace(choiceLabel, "")
    if (unlabelled.length > maxAnswerCharacters) return tooLong(`the answer (${source})`, unlabelled.length)
    const read = parseAnswer(unlabelled, { ...first, decimalComma: plain && !types.includes("latex") }, budget)
    const parsed = candidate.decisive === true ? wholePhrase(unlabelled, read) : read
    if (parsed.answer.key === "") continue
    const result: Prediction = { text: candidate.text, plain, parsed, source }
    if (parsed.answer.kind !== "text" || (!parsed.answer.garbled && source !== "last formula")) return result
    fallback ??= result
  }
  return fallback
}

/** Words beside a value are its unit, except where they make another value of it: "5 or more" is no 5. */
function wholePhrase(phrase: string, read: ParsedAnswer): ParsedAnswer {
  const asWords = read.answer.kind === "text" || (read.answer.kind === "expression" && read.answer.words !== undefined)
  return asWords ? { ...read, answer: { kind: "text", garbled: false, key: phrase } } : read
}

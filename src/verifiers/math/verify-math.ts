/** The math verifier: extraction, structure, equality. */
import { markedGold, withoutReasoning } from "../response-parts.ts"
import type { Answer } from "./answer.ts"
import { answersEqual } from "./answer-equality.ts"
import type { AnswerContext } from "./answer-equality.ts"
import type { ParsedAnswer, Reading } from "./answer-parser.ts"
import { parseAnswer } from "./answer-parser.ts"
import { boxedAnswer, goldBoxedAnswer, hasOpenBox } from "./boxed.ts"
import { Budget, BudgetExceeded } from "./budget.ts"
import type { Candidate } from "./extraction.ts"
import { extractCandidates, maxCompletionCharacters } from "./extraction.ts"
import { maxAnswerCharacters } from "./lexer.ts"
import type { AnswerPlace, MatchType, MathOptions } from "./options.ts"
import { endsInWordsOf, statesValue } from "./phrase.ts"

export type MathStatus = "correct" | "incorrect" | "no-answer" | "unparsable-gold" | "timeout"

export interface MathVerdict {
  readonly status: MathStatus
  readonly correct: boolean
  /** The answer as it was read from the completion. */
  readonly extracted?: string
  readonly reason: string
}

const defaultTypes: readonly MatchType[] = ["latex", "expr"]
const defaultSteps = 80_000
const defaultPlaces = 6

/** The last characters of a completion in which the words of a gold are looked for. */
const maxEnding = 1_000

/** Longest extracted text that a verdict repeats. */
const maxReported = 300

interface Side {
  readonly text: string
  readonly plain: boolean
  readonly parsed: ParsedAnswer
}

const firstReading: Reading = {
  algebraOnly: false,
  groupThousands: true,
  decimalComma: false,
  tightDivision: false,
  naturalLogarithm: true,
  forms: true,
}

/**
 * Decides whether a completion gives the gold answer. Never throws and never runs long: the work is counted and capped.
 * @param gold        the answer, in LaTeX or plain text; a worked solution is read by its last \boxed
 * @param completion  the response text
 */
export function verifyMath(gold: string, completion: string, options: MathOptions = {}): MathVerdict {
  const budget = new Budget(options.maxSteps ?? defaultSteps)
  let extracted: string | undefined
  try {
    const types = options.matchTypes ?? defaultTypes
    const first: Reading = {
      ...firstReading,
      algebraOnly: options.reading === "algebra",
      forms: options.reading !== "algebra",
    }
    const goldSide = readGold(gold, types, first, budget)
    if (goldSide === undefined) return verdict("unparsable-gold", "the gold answer is empty")
    const place = options.place ?? "any"
    const ending = withoutReasoning(completion).slice(-maxEnding)
    if (
      !first.algebraOnly &&
      place === "any" &&
      boxedAnswer(ending) === undefined &&
      endsInWordsOf(goldSide.text, ending)
    )
      return verdict("correct", "the words of the gold answer", goldSide.text.trim().slice(0, maxReported))
    const predicted = readPrediction(completion, types, first, budget, place, isChoice(goldSide.parsed.answer))
    if (predicted === undefined) return verdict("no-answer", whyNone(completion, types, place))
    extracted = predicted.side.text.trim().slice(0, maxReported)
    const context: AnswerContext = {
      strict: options.strict,
      algebraOnly: first.algebraOnly,
      unitsRequired: options.units === "required",
      allowSetRelationComparison: options.allowSetRelationComparison ?? false,
      approximate: options.approximate ?? false,
      precision: { places: options.precision ?? defaultPlaces, absolute: options.precision !== undefined },
      budget,
    }
    if (matches(goldSide, predicted.side, first, context))
      return verdict("correct", `${predicted.source}: equal to the gold answer`, extracted)
    if (isGarbled(goldSide.parsed.answer)) return verdict("unparsable-gold", "the gold answer could not be read and is not what was written", extracted)
    return verdict("incorrect", `${predicted.source}: ${describe(predicted.side.parsed.answer)} is not ${describe(goldSide.parsed.answer)}`, extracted)
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error
    return verdict("timeout", "the comparison asked for more work than one verification may cost", extracted)
  }
}

function whyNone(completion: string, types: readonly MatchType[], place: AnswerPlace): string {
  const where = place === "boxed" ? " in a box" : place === "marked" ? " that is marked as one" : ""
  const none = `no answer found among ${types.join(", ")}${where}`
  if (withoutReasoning(completion).trim() === "" && completion.trim() !== "")
    return `${none}; all of the response is reasoning`
  return hasOpenBox(completion) ? `${none}; a box is never closed` : none
}

function verdict(status: MathStatus, reason: string, extracted?: string): MathVerdict {
  return { status, correct: status === "correct", reason, ...(extracted === undefined ? {} : { extracted }) }
}

function describe(answer: Answer): string {
  const text = answer.key.replaceAll(/\s+/g, " ")
  const kind = answer.kind === "text" && answer.garbled ? "unreadable" : answer.kind
  return `${kind} ${text.length > 80 ? `${text.slice(0, 77)}...` : text}`
}

function isGarbled(answer: Answer): boolean {
  return answer.kind === "text" && answer.garbled
}

/** A gold answer is short; a long one is a solution whose answer is looked for as in a completion. */
const longestPlainGold = 500

function readGold(gold: string, types: readonly MatchType[], first: Reading, budget: Budget): Side | undefined {
  const trimmed = markedGold(gold).slice(-maxCompletionCharacters).trim()
  if (trimmed === "") return undefined
  const reading = { ...first, decimalComma: !types.includes("latex") }
  const direct = types.includes("latex") || /\\/.test(trimmed) ? goldBoxedAnswer(trimmed) : undefined
  if (direct === undefined && trimmed.length > longestPlainGold) return readPrediction(gold, types, first, budget)?.side
  const text = direct ?? trimmed
  const parsed = parseAnswer(text, reading, budget)
  const stated = !first.algebraOnly && parsed.answer.kind === "text" && statesValue(text)
  const searched = isGarbled(parsed.answer) || stated
  if (direct === undefined && searched && /[A-Za-z]{3,}/.test(text.replaceAll(/\\[A-Za-z]+/g, ""))) {
    const found = readPrediction(gold, types, first, budget)
    if (
      found !== undefined &&
      !isGarbled(found.side.parsed.answer) &&
      (first.algebraOnly || found.side.parsed.answer.kind !== "text")
    )
      return found.side
  }
  return { text, plain: !types.includes("latex"), parsed }
}

// \textbf{(B)}\ 5 and (B) 5, where the gold answer is the value.
const choiceLabel = /^\s*(?:\\(?:text|textbf|textrm|mathrm|mathbf)\s*\{\s*\(?[A-J]\)?[.:]?\s*\}(?:\\[ ,;:]|[\s~:])+|\([A-J]\)\s+)(?=\S)/

/** Is the gold answer the letter of a choice? */
function isChoice(answer: Answer): boolean {
  return /^[({\s]*[A-J][\s)}]*$/.test(answer.key)
}

function readPrediction(
  completion: string,
  types: readonly MatchType[],
  first: Reading,
  budget: Budget,
  place: AnswerPlace = "any",
  choice = false,
): { side: Side; source: Candidate["source"] } | undefined {
  const candidates = extractCandidates(completion, types, place)
  let fallback: { side: Side; source: Candidate["source"] } | undefined
  for (const candidate of candidates) {
    const reading = { ...first, decimalComma: candidate.plain && !types.includes("latex") }
    const unlabelled = choice ? (candidate.choice ?? candidate.text) : candidate.text.replace(choiceLabel, "")
    const read = parseAnswer(unlabelled, reading, budget)
    const parsed = candidate.decisive === true ? wholePhrase(unlabelled, read) : read
    const result = { side: { text: candidate.text, plain: candidate.plain, parsed }, source: candidate.source }
    if (parsed.answer.kind !== "text" || (!parsed.answer.garbled && candidate.source !== "last formula")) {
      if (parsed.answer.key !== "") return result
    }
    fallback ??= parsed.answer.key === "" ? undefined : result
  }
  return fallback
}

/** Words beside a value are its unit, except where they make another value of it: "5 or more" is no 5. */
function wholePhrase(phrase: string, read: ParsedAnswer): ParsedAnswer {
  const asWords = read.answer.kind === "text" || (read.answer.kind === "expression" && read.answer.words !== undefined)
  return asWords ? { ...read, answer: { kind: "text", garbled: false, key: phrase } } : read
}

/** Equal under some reading of what is ambiguous in the sources: the same choice is made on both sides, then mixed. */
function matches(gold: Side, predicted: Side, first: Reading, context: AnswerContext): boolean {
  if (answersEqual(gold.parsed.answer, predicted.parsed.answer, context)) return true
  const [a, b] = [gold.parsed.ambiguous, predicted.parsed.ambiguous]
  const read = (side: Side, change: Partial<Reading>): Answer =>
    parseAnswer(side.text, { ...first, ...change }, context.budget).answer
  if (a.thousands || b.thousands) {
    const change = { groupThousands: false }
    const [lists, other] = [read(gold, change), read(predicted, change)]
    if (answersEqual(lists, predicted.parsed.answer, context) || answersEqual(gold.parsed.answer, other, context)) return true
  }
  if (a.division || b.division) {
    const change = { tightDivision: true }
    const [tight, other] = [read(gold, change), read(predicted, change)]
    if (answersEqual(tight, predicted.parsed.answer, context) || answersEqual(gold.parsed.answer, other, context) || answersEqual(tight, other, context)) return true
  }
  if (a.logarithm || b.logarithm) {
    const change = { naturalLogarithm: false }
    if (answersEqual(read(gold, change), read(predicted, change), context)) return true
  }
  // 1000,99 in plain text, when the gold answer is one number.
  if (predicted.plain && /^\s*-?\d+,\d+\s*$/.test(predicted.text) && gold.parsed.answer.kind === "expression" && !predicted.parsed.ambiguous.thousands) {
    return answersEqual(gold.parsed.answer, read(predicted, { decimalComma: true }), context)
  }
  return false
}

/** How much of an answer is read. */
export const answerLimit: number = maxAnswerCharacters

/** The math verifier: extraction, structure, equality. */
import { withoutReasoning } from "../response-parts.ts"
import type { Answer } from "./answer.ts"
import { answersEqual } from "./answer-equality.ts"
import type { AnswerContext } from "./answer-equality.ts"
import type { Reading } from "./answer-parser.ts"
import { parseAnswer } from "./answer-parser.ts"
import { boxedAnswer, hasOpenBox } from "./boxed.ts"
import { Budget, BudgetExceeded } from "./budget.ts"
import { knownGold } from "./known-golds.ts"
import { maxAnswerCharacters } from "./lexer.ts"
import type { AnswerPlace, MatchType, MathOptions } from "./options.ts"
import { endsInWords } from "./phrase.ts"
import { isGarbled, readPrediction } from "./sides.ts"
import type { Gold, Side } from "./sides.ts"

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

const fullReading: Reading = {
  algebraOnly: false,
  groupThousands: true,
  decimalComma: false,
  tightDivision: false,
  naturalLogarithm: true,
  forms: true,
}
const algebraReading: Reading = { ...fullReading, algebraOnly: true, forms: false }

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
    const first = options.reading === "algebra" ? algebraReading : fullReading
    const goldSide = knownGold(gold, types, first, budget)
    if ("unread" in goldSide) return verdict("unparsable-gold", goldSide.unread)
    const place = options.place ?? "any"
    if (!first.algebraOnly && place === "any" && saysTheWords(goldSide, completion))
      return verdict("correct", "the words of the gold answer", shown(goldSide))
    const predicted = readPrediction(completion, types, first, budget, place, goldSide.choice)
    if (predicted === undefined) return verdict("no-answer", whyNone(completion, types, place))
    if ("unread" in predicted) return verdict("no-answer", predicted.unread)
    extracted = shown(predicted)
    const context: AnswerContext = {
      strict: options.strict,
      algebraOnly: first.algebraOnly,
      unitsRequired: options.units === "required",
      allowSetRelationComparison: options.allowSetRelationComparison ?? false,
      approximate: options.approximate ?? false,
      precision: { places: options.precision ?? defaultPlaces, absolute: options.precision !== undefined },
      budget,
    }
    const { source } = predicted
    if (matches(goldSide, predicted, first, context))
      return verdict("correct", `${source}: equal to the gold answer`, extracted)
    if (isGarbled(goldSide.parsed.answer))
      return verdict("unparsable-gold", "the gold answer could not be read and is not what was written", extracted)
    const reason = `${source}: ${describe(predicted.parsed.answer)} is not ${describe(goldSide.parsed.answer)}`
    return verdict("incorrect", reason, extracted)
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error
    return verdict("timeout", "the comparison asked for more work than one verification may cost", extracted)
  }
}

/** What is wrong with a gold answer that is too long to be read; undefined for others. */
export function overlongGold(gold: string): string | undefined {
  if (gold.length <= maxAnswerCharacters) return undefined
  try {
    const read = knownGold(gold, defaultTypes, fullReading, new Budget(defaultSteps))
    return "unread" in read && read.tooLong === true ? read.unread : undefined
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined
    throw error
  }
}

/** Does a response without a box end in the words of a gold in words? */
function saysTheWords({ words }: Gold, completion: string): boolean {
  if (words === undefined) return false
  const ending = withoutReasoning(completion).slice(-maxEnding)
  return boxedAnswer(ending) === undefined && endsInWords(words, ending)
}

function shown({ text }: Side): string {
  return text.trim().slice(0, maxReported)
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

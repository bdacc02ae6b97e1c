/**
 * Finds the answer in a completion: first the part that may hold it (response-parts.ts), then the chain of closed
 * \boxed{} or the final answer that follows it; what is announced; the whole text when it is one formula; the last
 * formula or number.
 */
import { answerTags, withoutReasoning } from "../response-parts.ts"
import { afterAnnouncement, announced } from "./announcement.ts"
import type { Announced, Denial, ReadableText } from "./announcement.ts"
import { boxedChain, withoutOpenBoxes } from "./boxed.ts"
import { fractionPattern, isFormula, numberPattern } from "./formula-text.ts"
import { connectedSpans, mathSpans } from "./math-spans.ts"
import type { AnswerPlace, MatchType } from "./options.ts"
import { isDenied, qualifierAfter } from "./phrases.ts"

/** The last characters of a completion that are read. */
export const maxCompletionCharacters = 20_000

export interface Candidate {
  readonly text: string
  readonly source:
    | "boxed"
    | "final answer"
    | "answer"
    | "answer tag"
    | "whole text"
    | "last formula"
    | "last number"
    | "letter"
  /** Plain text, where 1000,99 may be a decimal. */
  readonly plain: boolean
  /** The words make another value of the one among them: "less than 5". */
  readonly decisive?: true
  /** The letter of a choice the answer begins with: "C) 42". */
  readonly choice?: string
}

// "x = 2 and x = -3": several labelled numbers are one answer.
const labelledNumbers = /\b[a-z] ?= ?[-−]?\d+(?:\.\d+|\/\d+)?(?:,? (?:and|or) [a-z] ?= ?[-−]?\d+(?:\.\d+|\/\d+)?)+/g

/** Candidates in order of trust, looked for one by one; the first one that can be read is the answer. */
export function* extractCandidates(
  completion: string,
  types: readonly MatchType[],
  place: AnswerPlace = "any",
): Generator<Candidate> {
  const said = withoutReasoning(completion).slice(-maxCompletionCharacters)
  const { content, open } = answerTags(said)
  const latex = types.includes("latex")
  const inside = content === undefined ? [] : insideTag(content, types, place)
  const boxed = latex && open !== undefined && inside.length === 0 ? boxedChain(said) : undefined
  if (inside.length > 0) yield* inside
  else if (boxed !== undefined) yield { text: boxed.content, source: "boxed", plain: false }
  else yield* candidates(open === undefined ? said : said.slice(0, open), types, place)
}

function readable(text: string, types: readonly MatchType[]): ReadableText {
  const latex = types.includes("latex")
  return { text, spans: latex ? mathSpans(text) : [], latex, plain: types.includes("expr") }
}

/** What a closed <answer> holds is announced, and its whole phrase is the answer. */
function insideTag(content: string, types: readonly MatchType[], place: AnswerPlace): Candidate[] {
  const marked = [...candidates(content, types, place === "boxed" ? "boxed" : "marked")]
  if (marked.length > 0 || place === "boxed") return marked
  const whole: Candidate = { text: content, source: "answer tag", plain: true }
  if (content.includes("\n")) return [...candidates(content, types, "any"), whole]
  const phrase = afterAnnouncement(readable(content, types), 0)
  if (phrase === undefined || "denied" in phrase) return [whole]
  return [{ ...candidateOf(phrase), source: "answer tag" }]
}

function candidateOf({ text, plain, decisive, choice }: Announced): Omit<Candidate, "source"> {
  return { text, plain, ...(decisive ? { decisive } : {}), ...(choice === undefined ? {} : { choice }) }
}

function* candidates(part: string, types: readonly MatchType[], place: AnswerPlace): Generator<Candidate> {
  const latex = types.includes("latex")
  const plain = types.includes("expr")
  const boxed = latex ? boxedChain(part) : undefined
  if (boxed !== undefined) {
    const concludes = place !== "boxed" && /final answer/iu.test(part.slice(boxed.end))
    const conclusion = concludes ? announced("final answer", readable(part, types), boxed.end).answer : undefined
    if (conclusion?.direct === true) yield { ...candidateOf(conclusion), source: "final answer" }
    yield { text: boxed.content, source: "boxed", plain: false }
  }
  if (boxed !== undefined || place === "boxed") return
  const source = readable(withoutOpenBoxes(part), types)
  if (types.includes("string") && place === "any") yield* choiceLetters(source.text)
  const denials: Denial[] = []
  for (const mark of ["final answer", "answer"] as const) {
    const { answer, denials: more } = announced(mark, source)
    denials.push(...more)
    if (answer === undefined) continue
    yield { ...candidateOf(answer), source: mark }
    if (answer.decisive) return
  }
  if (place === "marked") return
  const rest = denials.length === 0 ? source : readable(withoutDenials(source.text, denials), types)
  if (isWhole(rest.text, latex, plain)) yield { text: rest.text, source: "whole text", plain: true }
  yield* lastByPosition(rest)
}

/** The text with blanks in place of what is said not to be the answer. */
function withoutDenials(text: string, denials: readonly Denial[]): string {
  let out = text
  for (const { denied: [start, end] } of denials) out = out.slice(0, start) + " ".repeat(end - start) + out.slice(end)
  return out
}

/** A short text that is one formula: "10/9", "\frac{10}{9}", "W(x)=1orW(x)=-1". */
function isWhole(text: string, latex: boolean, plain: boolean): boolean {
  const trimmed = text.trim()
  if (trimmed.length > 400 || !plain || /(?<!\\)[.?!]\s+\S/.test(trimmed) || /\n\s*\S/.test(trimmed)) return false
  if (/^[A-Za-z]*\d+[A-Za-z]+$/.test(trimmed) && /^[A-Za-z]/.test(trimmed)) return false
  return isFormula(trimmed.replaceAll(/\d\s+[A-Za-z]+\s*$/g, "0"), latex, plain)
}

/** Single letters and names: formulas that are quoted more often than answered. */
const isName = (content: string): boolean => /^\s*(?:\\[A-Za-z]+|[A-Za-z])(?:_\{?\w+\}?)?\s*$|^\s*[A-Z]{2,5}\s*$/.test(content)

function lastByPosition({ text, spans, latex, plain }: ReadableText): Candidate[] {
  const found: (Candidate & { readonly end: number; readonly weak: boolean })[] = []
  for (let index = spans.length - 1; index >= Math.max(0, spans.length - 3); index--) {
    const span = connectedSpans(text, spans, index)
    if (isDenied(text, span.start)) continue
    found.push({
      text: span.content + qualifierAfter(text, span.end),
      source: "last formula",
      plain: false,
      end: span.end,
      weak: isName(span.content),
    })
  }
  const inside = (at: number): boolean => spans.some((span) => at >= span.start && at < span.end)
  const window = Math.max(0, text.length - 4_000)
  const outside = [...text.slice(window).matchAll(numberPattern)].filter(({ index }) => !inside(index + window))
  const labelled = plain ? [...text.slice(window).matchAll(labelledNumbers)].findLast((match) => !inside(match.index + window)) : undefined
  if (labelled !== undefined) found.push({ text: labelled[0], source: "last number", plain: true, end: window + labelled.index + labelled[0].length, weak: false })
  const number = plain ? outside.findLast(({ index }) => !isDenied(text, index + window)) : undefined
  if (number !== undefined) {
    const end = window + number.index + number[0].length
    const qualifier = /%|percent|pct/iu.test(number[0]) ? "" : qualifierAfter(text, end)
    found.push({ text: number[0] + qualifier, source: "last number", plain: true, end, weak: false })
  }
  const fraction = latex ? [...text.slice(window).matchAll(fractionPattern)].findLast((match) => !inside(match.index + window)) : undefined
  if (fraction !== undefined) found.push({ text: fraction[0], source: "last formula", plain: false, end: window + fraction.index + fraction[0].length, weak: false })
  const bracket = latex && !plain && found.length === 0 ? [...text.slice(window).matchAll(/\s\[([^\n[\]]+)\]\s/g)].at(-1) : undefined
  if (bracket !== undefined) found.push({ text: bracket[1]!, source: "last formula", plain: false, end: window + bracket.index, weak: false })
  return found.sort((a, b) => Number(a.weak) - Number(b.weak) || b.end - a.end)
}

function choiceLetters(text: string): Candidate[] {
  const anchoredLetter = [...text.matchAll(/answer[^A-Za-z]{0,10}(?:is|:)?[\s:*(]{0,5}([A-D])(?=[\s.,:)*]|$)/gi)].at(-1)?.[1]
  const loose = [...text.matchAll(/(?:^|\s)(?:\*\*)?\(?([A-D])\)?(?:\*\*)?(?=[.,:\s]|$)/g)].at(-1)?.[1]
  const letter = anchoredLetter ?? loose
  return letter === undefined ? [] : [{ text: letter.toUpperCase(), source: "letter", plain: true }]
}

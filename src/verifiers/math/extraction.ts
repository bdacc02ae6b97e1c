/**
 * Finds the answer in a completion. In order: the chain of closed \boxed{}; what follows "final answer" or "answer"; the whole
 * text when it is one formula; the last formula or number by position.
 */
import { boxedAnswer, withoutOpenBoxes } from "./boxed.ts"
import type { MathSpan } from "./math-spans.ts"
import { connectedSpans, enumerationFrom, mathSpans } from "./math-spans.ts"
import type { MatchType } from "./options.ts"

/** The last characters of a completion that are read. */
export const maxCompletionCharacters = 20_000

export interface Candidate {
  readonly text: string
  readonly source: "boxed" | "final answer" | "answer" | "whole text" | "last formula" | "last number" | "letter"
  /** Plain text, where 1000,99 may be a decimal. */
  readonly plain: boolean
  /** The letter of a choice the answer begins with: "C) 42". */
  readonly choice?: string
}

const numberPattern =
  /(?<![A-Za-z\d.:])[-−]?(?:\d+(?::\d+)+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:\s*\/\s*\d+(?!\d|\.\d))?(?:\s?[√π]\(?\d*\)?)*(?:\s*(?:%|percent\b|pct\b))?/g
const fractionPattern = /(?:-\s?)?\\[dtc]?frac\s*\{[^{}]{1,40}\}\s*\{[^{}]{1,40}\}/g

// "x = 2 and x = -3": several labelled numbers are one answer.
const labelledNumbers = /\b[a-z] ?= ?[-−]?\d+(?:\.\d+|\/\d+)?(?:,? (?:and|or) [a-z] ?= ?[-−]?\d+(?:\.\d+|\/\d+)?)+/g

/** Candidates in order of trust; the first one that can be read is the answer. */
export function extractCandidates(completion: string, types: readonly MatchType[]): Candidate[] {
  const end = tail(completion)
  const latex = types.includes("latex")
  const plain = types.includes("expr")
  const boxed = latex ? boxedAnswer(end) : undefined
  if (boxed !== undefined) return [{ text: boxed, source: "boxed", plain: false }]
  const text = withoutOpenBoxes(end)
  const found: Candidate[] = []
  if (types.includes("string")) found.push(...choiceLetters(text))
  const spans = latex ? mathSpans(text) : []
  found.push(...anchored(text, spans, latex, plain))
  if (isWhole(text, latex, plain)) found.push({ text, source: "whole text", plain: true })
  found.push(...lastByPosition(text, spans, latex, plain))
  return found
}

/** The end of the completion, after a closed chain of thought when something follows it. */
function tail(completion: string): string {
  const cut = completion.length > maxCompletionCharacters ? completion.slice(-maxCompletionCharacters) : completion
  const thought = cut.lastIndexOf("</think>")
  const after = thought < 0 ? "" : cut.slice(thought + "</think>".length)
  return /[\p{L}\p{N}]/u.test(after) ? after : cut
}

const anchors: readonly { readonly mark: string; readonly source: "final answer" | "answer" }[] = [
  { mark: "final answer", source: "final answer" },
  { mark: "answer", source: "answer" },
  { mark: "option is", source: "answer" },
  { mark: "choice is", source: "answer" },
]

/** What stands after the last "final answer", then after the last "answer" that anything can be read from. */
function anchored(text: string, spans: readonly MathSpan[], latex: boolean, plain: boolean): Candidate[] {
  const lower = text.toLowerCase()
  const found: Candidate[] = []
  for (const { mark, source } of anchors) {
    let at = lower.lastIndexOf(mark)
    for (let tries = 0; at >= 0 && tries < 3; tries++) {
      const candidate = afterAnchor(text, at + mark.length, spans, latex, plain)
      if (candidate !== undefined) {
        found.push({ ...candidate, source })
        break
      }
      at = at === 0 ? -1 : lower.lastIndexOf(mark, at - 1)
    }
  }
  return found
}

const lead = /^[\s:*_#>=]*(?:(?:is|are|was|will be|would be|equals|be)\b[\s:*_=]*)?/i
// A sentence ends at a line, at a full stop before a space, or where the template's closing words begin.
const sentenceEnd = /\n|[.!?](?=\s|\*|$)|\s*\*\*|I hope it is|<\|/

const choiceStart = /^[\s*_]*\(?([A-J])(?:\)|[.:](?=\s))/

function afterAnchor(text: string, from: number, spans: readonly MathSpan[], latex: boolean, plain: boolean): Omit<Candidate, "source"> | undefined {
  const candidate = valueAfterAnchor(text, from, spans, latex, plain)
  const start = from + lead.exec(text.slice(from, from + 60))![0].length
  const choice = choiceStart.exec(text.slice(start, start + 12))?.[1]
  if (choice === undefined) return candidate
  return { ...(candidate ?? { text: choice, plain: true }), choice }
}

function valueAfterAnchor(
  text: string,
  from: number,
  spans: readonly MathSpan[],
  latex: boolean,
  plain: boolean,
): { readonly text: string; readonly plain: boolean } | undefined {
  const skipped = lead.exec(text.slice(from, from + 60))![0].length
  const start = from + skipped
  const rest = text.slice(start, start + 300)
  const first = spans.findIndex((span) => span.start >= start)
  const immediate = spans[first]
  if (immediate !== undefined && /^[\s*_]*$/.test(text.slice(start, immediate.start))) {
    const span = enumerationFrom(text, spans, first)
    return { text: span.content + percentAfter(text, span.end), plain: false }
  }
  const stop = rest.search(sentenceEnd)
  const sentence = stop < 0 ? rest : rest.slice(0, stop)
  const end = start + sentence.length
  // "The volume of $ABCD$ is 120": what stands after the last verb counts.
  const verb = Math.max(sentence.lastIndexOf(" is "), sentence.lastIndexOf(" are "))
  const tailFrom = verb < 0 ? start : start + verb + 4
  const inTail = spans.findIndex((span) => span.start >= tailFrom && span.end <= end + 2)
  if (inTail >= 0) {
    const span = enumerationFrom(text, spans, inTail)
    return { text: span.content + percentAfter(text, span.end), plain: false }
  }
  const phrase = text.slice(tailFrom, end).trim().replace(/^[*_:\s]+|[*_\s]+$/g, "")
  if (phrase !== "" && isFormula(phrase, latex, plain)) return { text: phrase, plain: true }
  const numbers = plain ? [...phrase.matchAll(numberPattern)] : []
  const fractions = latex ? [...phrase.matchAll(fractionPattern)] : []
  if (fractions.length > 0) return { text: fractions.at(-1)![0], plain: false }
  if (numbers.length > 0) {
    // An answer that begins with its number is that number: "5 apples because 3 + 2 = 5".
    const chosen = numbers[0]!.index === 0 ? numbers[0]! : numbers.at(-1)!
    return { text: chosen[0], plain: true }
  }
  return verb < 0 && plain && /^[\p{L}(][\p{L}\s'()-]{0,40}$/u.test(phrase) && skipped > 0 ? { text: phrase, plain: true } : undefined
}

function percentAfter(text: string, from: number): string {
  return /^\s*(?:\\?%|percent|pct)/i.test(text.slice(from, from + 12)) ? "\\%" : ""
}

const mathWords =
  /\b(?:and|or|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi|infinity|inf|oo|max|min|gcd|lcm|arcsin|arccos|arctan|asin|acos|atan|in|percent|percentage|pct|binom|union|U)\b/g

const shortWords = /\b(?:is|it|to|of|we|so|be|as|at|by|no|my|he|if|do|an|on|go|me|us)\b/i

/** Does the phrase hold mathematics and no prose? Words directly after a number are its unit. */
function isFormula(phrase: string, latex: boolean, plain: boolean): boolean {
  if (!latex) return plain && /^[-+*/^().,\d\s%×÷$€£]+$/.test(phrase) && /\d/.test(phrase)
  const bare = phrase
    .replaceAll(/\\(?:text|textbf|mbox|mathrm|operatorname|textnormal)\s*\{[^{}]*\}/g, " ")
    .replaceAll(/\\(?:begin|end)\s*\{[a-z]*\*?\}/gi, " ")
    .replaceAll(/\\[A-Za-z]+/g, " ")
    .replaceAll(/(?<=[\d)])(?:or|and)(?=[A-Za-z]\b)/g, " ")
    .replaceAll(mathWords, " ")
    .replaceAll(/_\{[^{}]*\}/g, " ")
  const words = (bare.match(/[A-Za-z]{3,}/g) ?? []).filter((word) => !/^[A-Z]{2,5}$/.test(word))
  if (!plain && !phrase.includes("\\")) return false
  return words.length === 0 && !shortWords.test(bare) && /[\dA-Za-z\\]/.test(phrase)
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

function lastByPosition(text: string, spans: readonly MathSpan[], latex: boolean, plain: boolean): Candidate[] {
  const found: (Candidate & { readonly end: number; readonly weak: boolean })[] = []
  for (let index = spans.length - 1; index >= Math.max(0, spans.length - 3); index--) {
    const span = connectedSpans(text, spans, index)
    const percent = percentAfter(text, span.end)
    found.push({ text: span.content + percent, source: "last formula", plain: false, end: span.end, weak: isName(span.content) })
  }
  const inside = (at: number): boolean => spans.some((span) => at >= span.start && at < span.end)
  const window = Math.max(0, text.length - 4_000)
  const outside = [...text.slice(window).matchAll(numberPattern)].filter((match) => !inside(match.index + window))
  const labelled = plain ? [...text.slice(window).matchAll(labelledNumbers)].findLast((match) => !inside(match.index + window)) : undefined
  if (labelled !== undefined) found.push({ text: labelled[0], source: "last number", plain: true, end: window + labelled.index + labelled[0].length, weak: false })
  const number = plain ? outside.at(-1) : undefined
  if (number !== undefined) found.push({ text: number[0], source: "last number", plain: true, end: window + number.index + number[0].length, weak: false })
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

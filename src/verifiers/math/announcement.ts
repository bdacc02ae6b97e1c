/** Answers that a text announces: "the final answer is X", "Answer: X", "#### 12". */
import { parseCalendar } from "./calendar.ts"
import { fractionPattern, isFormula, numberPattern } from "./formula-text.ts"
import type { MathSpan } from "./math-spans.ts"
import { enumerationFrom } from "./math-spans.ts"
import { afterContrast, changesValue, isNegated, qualifierAfter, spokenValue, withoutAside } from "./phrases.ts"

/** A text, its formulas, and what may be read from it. */
export interface ReadableText {
  readonly text: string
  readonly spans: readonly MathSpan[]
  readonly latex: boolean
  readonly plain: boolean
}

export interface Announced {
  readonly text: string
  /** Plain text, where 1000,99 may be a decimal. */
  readonly plain: boolean
  /** The value itself stands where it is announced; false for one found in the words that follow. */
  readonly direct: boolean
  /** The phrase makes another value of the one in it ("less than 5"): no other place is to be tried. */
  readonly decisive: boolean
  /** The letter of a choice the answer begins with: "C) 42". */
  readonly choice?: string
}

/** "The answer is not 42": from the announcement to the end of what is denied. */
export interface Denial {
  readonly denied: readonly [start: number, end: number]
}

const verbs = "is|are|was|were|equals|remains|becomes|(?:will|would|should|must|has to|can|could|may|might) be"
const denyingVerbs =
  "(?:is|are|was|were|would|could|should|can|must|wo)n['’]t(?: be)?|can ?not be|" +
  "(?:would|could|should|must|may|will) (?:not|never) be"
const adverb = "(?:(?:therefore|then|thus|hence|simply|just)\\s)?"
const directly = new RegExp(`^s?[*_"'\`)\\]]{0,4}\\s{0,3}(?:[:：=≈]|${adverb}(?:${verbs}|${denyingVerbs})\\b)`, "iu")
const complement =
  /^s?(?:,|\s+\(|\s+(?:to|for|of|in|from|that|which|we|i|you|here|with|as|after|choice|option)\b)[^.?!\n]{0,120}?(?:\b(?:is|are|equals)\b|[:=])/iu
const heading = /^s?[*_:#"')\]\s]*\n/u
const beforeValue = /^s?[*_\s]*(?:[$\\(]|[-−]?\.?\d)/u

export type Mark = "final answer" | "answer"

const marks: Readonly<Record<Mark, RegExp>> = {
  "final answer": /\bfinal answers?\b/giu,
  answer: /(?<!final )\banswer|\b(?:option|choice)(?= is\b)|答案|答(?=[:：])|^[ \t]*####(?=[^#])/gimu,
}

// What every mark holds: a cheap test, before those that look around every letter.
const mayAnnounce = /answer|option|choice|答|####/i

/** Announcements that are tried, from the last one on. */
const maxTried = 12
/** Characters of a phrase that are read. */
const maxPhrase = 300

/** Does what follows "answer" announce one? */
function announces(text: string, start: number, end: number): boolean {
  if (!/[a-z]/iu.test(text[start]!)) return true
  const rest = text.slice(end, end + 160)
  if (directly.test(rest) || beforeValue.test(rest) || complement.test(rest)) return true
  if (!heading.test(rest)) return false
  const lineStart = text.lastIndexOf("\n", start) + 1
  return start - lineStart < 40 && !/[.?!]/.test(text.slice(lineStart, start))
}

/** What the last announcement of a kind gives, and what those behind it deny. */
export function announced(
  mark: Mark,
  source: ReadableText,
  from: number = 0,
): { readonly answer: Announced | undefined; readonly denials: readonly Denial[] } {
  const denials: Denial[] = []
  if (!mayAnnounce.test(source.text)) return { answer: undefined, denials }
  const found = [...source.text.slice(from).matchAll(marks[mark])].slice(-maxTried).reverse()
  for (const match of found) {
    const start = from + match.index
    const end = start + match[0].length
    if (!announces(source.text, start, end)) continue
    if (match[0].endsWith("####") && !isMarkedResult(source, end)) continue
    const answer = afterAnnouncement(source, end)
    if (answer === undefined) continue
    if (!("denied" in answer)) return { answer, denials }
    denials.push({ denied: [start, answer.denied[1]] })
  }
  return { answer: undefined, denials }
}

/** "#### 12" is GSM8K's mark, "#### 2. Solve" a heading. */
function isMarkedResult({ text, latex, plain }: ReadableText, end: number): boolean {
  const line = /^[^\n]*/.exec(text.slice(end, end + maxPhrase))![0].trim()
  const last = !/[\p{L}\p{N}]/u.test(text.slice(end + line.length + 1).replaceAll(/<\|[^|]{0,40}\|>/g, ""))
  return last || (!/^\d+[.)]\s/.test(line) && isFormula(line, latex, plain))
}

const lead = new RegExp(
  `^[\\s:：*_#>=≈"'\`)\\]]*(?:是|为|為|应为|應為)?[\\s:：*_=]*${adverb}(?:(?:${verbs}|be)\\b[\\s:*_=]*)?`,
  "iu",
)
const denyingLead = new RegExp(`^[\\s*_]*(?:${denyingVerbs})\\b`, "iu")
// A sentence ends at a line, at a full stop before a space, or where the template's closing words begin.
const sentenceEnd = /\n|[.!?](?=\s|\*|$)|[。！？；]|\s*\*\*|I hope it is|<\|/u

const choiceStart = /^[\s*_]*\(?([A-J])(?:\)|[.:](?=\s))/

function sentenceFrom(text: string, start: number): string {
  const rest = text.slice(start, start + maxPhrase)
  const stop = rest.search(sentenceEnd)
  return stop < 0 ? rest : rest.slice(0, stop)
}

/** Reads the phrase that follows an announcement. */
export function afterAnnouncement(source: ReadableText, from: number): Announced | Denial | undefined {
  const { text } = source
  const head = text.slice(from, from + 60)
  const denying = denyingLead.exec(head)
  const start = from + (denying ?? lead.exec(head)!)[0].length
  const sentence = sentenceFrom(text, start)
  if ((denying !== null || isNegated(sentence)) && /[\d$\\]/.test(sentence)) {
    const rest = text.slice(start, start + maxPhrase).split("\n", 1)[0]!
    const other = afterContrast(rest)
    return other === undefined ? { denied: [from, start + sentence.length] } : phraseAt(source, start + other, true)
  }
  const answer = phraseAt(source, start, start > from)
  const choice = choiceStart.exec(text.slice(start, start + 12))?.[1]
  if (choice === undefined) return answer
  return { ...(answer ?? { text: choice, plain: true, direct: true, decisive: false }), choice }
}

function phraseAt(source: ReadableText, at: number, marked: boolean): Announced | undefined {
  const { text, spans, latex, plain } = source
  const start = at + /^[\s*_]*/.exec(text.slice(at, at + 60))![0].length
  const first = spans.findIndex((span) => span.start >= start)
  if (spans[first]?.start === start) return formula(source, first, start)
  const sentence = withoutAside(sentenceFrom(text, start))
  const end = start + sentence.length
  // "The volume of $ABCD$ is 120": what stands after the last verb counts.
  const verb = Math.max(sentence.lastIndexOf(" is "), sentence.lastIndexOf(" are "))
  const tailFrom = verb < 0 ? start : start + verb + 4
  const inTail = spans.findIndex((span) => span.start >= tailFrom && span.end <= end + 2)
  if (inTail >= 0) return formula(source, inTail, tailFrom)
  const phrase = text
    .slice(tailFrom, end)
    .trim()
    .replace(/^[*_:\s]+|[*_\s]+$/g, "")
  const whole = phrase !== "" && (isFormula(phrase, latex, plain) || parseCalendar(phrase) !== undefined)
  if (whole) return { text: phrase, plain: true, direct: true, decisive: false }
  const spoken = latex && plain ? spokenValue(phrase) : undefined
  if (spoken !== undefined) return { text: spoken, plain: false, direct: true, decisive: false }
  const fraction = latex ? [...phrase.matchAll(fractionPattern)].at(-1) : undefined
  if (fraction !== undefined) return value(phrase, fraction, false)
  const numbers = plain ? [...phrase.matchAll(numberPattern)] : []
  // An answer that begins with its number is that number: "5 apples because 3 + 2 = 5".
  if (numbers.length > 0) return value(phrase, numbers[0]!.index === 0 ? numbers[0]! : numbers.at(-1)!, true)
  const words = verb < 0 && plain && marked && /^[\p{L}(][\p{L}\s'()-]{0,40}$/u.test(phrase)
  return words ? { text: phrase, plain: true, direct: false, decisive: false } : undefined
}

/** The formula at an index, or the whole phrase where its words make another value of it. */
function formula({ text, spans }: ReadableText, index: number, from: number): Announced {
  const span = enumerationFrom(text, spans, index)
  const before = text.slice(from, spans[index]!.start)
  if (!changesValue(before, text.slice(span.end, span.end + 30))) {
    const content = span.content + qualifierAfter(text, span.end)
    return { text: content, plain: false, direct: before.trim() === "", decisive: false }
  }
  const phrase = withoutAside(text.slice(from, Math.max(span.end, from + sentenceFrom(text, from).length))).trim()
  const spoken = spokenValue(phrase)
  return { text: spoken ?? phrase, plain: spoken === undefined, direct: false, decisive: true }
}

function value(phrase: string, match: RegExpMatchArray, plain: boolean): Announced {
  const [at, end] = [match.index!, match.index! + match[0].length]
  if (changesValue(phrase.slice(0, at), phrase.slice(end))) {
    return { text: phrase, plain: true, direct: false, decisive: true }
  }
  const percent = /%|percent|pct/iu.test(match[0])
  return { text: match[0] + (percent ? "" : qualifierAfter(phrase, end)), plain, direct: at === 0, decisive: false }
}

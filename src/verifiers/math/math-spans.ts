/** Finds the formulas of a text: $...$, $$...$$, \(...\), \[...\]. One linear pass. */

export interface MathSpan {
  readonly start: number
  readonly end: number
  readonly content: string
}

/** Longest formula that is looked at. */
const maxSpan = 2_000

/**
 * All formulas in order. An inline $...$ ends with its line, and a $ before a number that no other $ closes on the line
 * is a currency sign.
 */
export function mathSpans(text: string): MathSpan[] {
  const spans: MathSpan[] = []
  if (!/[$\\]/.test(text)) return spans
  let index = 0
  // Where each mark stands next, so that the text is searched once for each and not once for each opening.
  const ahead = new Map<string, number>()
  const closing = (mark: string, from: number): number => {
    let at = ahead.get(mark) ?? -1
    if (at < from) {
      at = text.indexOf(mark, from)
      if (at < 0) at = Number.POSITIVE_INFINITY
      ahead.set(mark, at)
    }
    return at - from > maxSpan ? -1 : at
  }
  while (index < text.length) {
    const character = text[index]!
    const environment = character === "\\" && text.startsWith("begin{", index + 1) ? aligned.exec(text.slice(index, index + 24))?.[1] : undefined
    if (environment !== undefined) {
      const end = closing(`\\end{${environment}}`, index)
      const from = index + `\\begin{${environment}}`.length
      if (end >= 0) spans.push({ start: index, end: end + environment.length + 6, content: lastRow(text.slice(from, end)) })
      index = end < 0 ? from : end + environment.length + 6
    } else if (character === "\\") {
      const mark = text[index + 1] === "(" ? "\\)" : text[index + 1] === "[" ? "\\]" : ""
      const end = mark === "" ? -1 : closing(mark, index + 2)
      if (end < 0) index += 2
      else {
        spans.push({ start: index, end: end + 2, content: text.slice(index + 2, end) })
        index = end + 2
      }
    } else if (character === "$") {
      const display = text[index + 1] === "$"
      const from = index + (display ? 2 : 1)
      const end = display ? closing("$$", from) : inlineEnd(text, from)
      if (end < 0) index = from
      else {
        if (end > from) spans.push({ start: index, end: end + (display ? 2 : 1), content: text.slice(from, end) })
        index = end + (display ? 2 : 1)
      }
    } else index++
  }
  return spans
}

// A derivation over several rows: what its last row comes to is the formula.
const aligned = /^\\begin\{((?:align|aligned|gather|gathered|eqnarray|equation|multline)\*?)\}/

function lastRow(content: string): string {
  return content.split("\\\\").findLast((row) => row.trim() !== "") ?? ""
}

function inlineEnd(text: string, from: number): number {
  for (let index = from; index < text.length && index - from <= maxSpan; index++) {
    const character = text[index]!
    if (character === "\n") return -1
    if (character === "\\") index++
    else if (character === "$") {
      // "$5 and then $7": prices, when words stand between.
      const content = text.slice(from, index)
      return /^\d[\d.,]*\s+(?:[a-z]{2,}\s+)+(?:[a-z]+\s*)?$/i.test(content.slice(0, 120)) ? -1 : index
    }
  }
  return -1
}

const connected = /^(?:\s|[,;]|,?\s*\b(?:and|or)\b|&)*$/

/** How two neighbouring formulas are one answer: an enumeration, one formula cut after an operator, or not at all. */
function joint(text: string, left: MathSpan, right: MathSpan): string | undefined {
  const between = text.slice(left.end, right.start)
  if (between.length > 12 || /\n\s*\n/.test(between)) return undefined
  if (!/\S/.test(between)) return /[-+*/=]\s*$/.test(left.content) ? " " : undefined
  return connected.test(between) ? ", " : undefined
}

/** "Since $a=3$ and $b=16$" enumerates two facts, "$x=2$ or $x=-3$" one answer. */
function differentNames(left: string, right: string): boolean {
  const name = (content: string): string | undefined => /^([^=<>]{1,40})=/.exec(content)?.[1]?.trim()
  const [a, b] = [name(left), name(right)]
  return a !== undefined && b !== undefined && a !== b
}

/** Most formulas of one enumeration. */
const maxJoined = 20

/**
 * The formula at `index` with those before it that only commas, "and" and "or" separate from it: "$1$, $2$ and $3$".
 */
export function connectedSpans(text: string, spans: readonly MathSpan[], index: number): MathSpan {
  let joined = spans[index]!
  for (let first = index - 1; first >= 0 && index - first < maxJoined; first--) {
    const span = spans[first]!
    const glue = differentNames(span.content, joined.content) ? undefined : joint(text, span, joined)
    if (glue === undefined) break
    joined = { start: span.start, end: joined.end, content: span.content + glue + joined.content }
  }
  return joined
}

/** The same forwards: the formula at `index` with those that follow it in one enumeration. */
export function enumerationFrom(text: string, spans: readonly MathSpan[], index: number): MathSpan {
  let joined = spans[index]!
  for (let next = index + 1; next < spans.length && next - index < maxJoined; next++) {
    const span = spans[next]!
    const glue = joint(text, joined, span)
    if (glue === undefined) break
    joined = { start: joined.start, end: span.end, content: joined.content + glue + span.content }
  }
  return joined
}

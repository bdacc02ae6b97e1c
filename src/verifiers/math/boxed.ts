/** \boxed{...}: where it stands, what it holds, and which boxes belong to one answer. */

interface Box {
  /** Position of the backslash. */
  readonly start: number
  /** Position after the closing brace. */
  readonly end: number
  readonly content: string
}

/** Longest part of a text that a box that never closes takes with it. */
const maxUnclosed = 300

/** Matching brace of every opening brace that closes. Linear; \{ and \} are no braces. */
function braceEnds(text: string): Map<number, number> {
  const ends = new Map<number, number>()
  const stack: number[] = []
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (character === 92) index++
    else if (character === 123) stack.push(index)
    else if (character === 125) {
      const open = stack.pop()
      if (open !== undefined) ends.set(open, index)
    }
  }
  return ends
}

/** Matching brace of one opening brace; undefined when it never closes. */
function braceEnd(text: string, open: number): number | undefined {
  let depth = 0
  for (let index = open; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (character === 92) index++
    else if (character === 123) depth++
    else if (character === 125 && --depth === 0) return index
  }
  return undefined
}

const boxCommand = /\\{1,2}(?:boxed|fbox)(?![A-Za-z])\s*/g

/** All outermost boxes that are closed, in order, and where those begin that are not. */
function boxes(text: string): { readonly closed: readonly Box[]; readonly open: readonly number[] } {
  const closed: Box[] = []
  const opened: number[] = []
  let ends: Map<number, number> | undefined
  let after = 0
  for (const match of text.matchAll(boxCommand)) {
    const start = match.index
    if (start < after) continue
    const open = start + match[0].length
    let box: Box
    if (text[open] === "{") {
      const close = ends === undefined ? braceEnd(text, open) : ends.get(open)
      if (close === undefined) {
        // Each of the boxes in one that never closes would look for its end up to that of the text.
        ends ??= braceEnds(text)
        opened.push(start)
        continue
      }
      box = { start, end: close + 1, content: text.slice(open + 1, close) }
    } else {
      const bare = /^[^\s$]{1,40}/.exec(text.slice(open, open + 40))?.[0] ?? ""
      box = { start, end: open + bare.length, content: bare.replace(/[.,;]+$/, "") }
    }
    closed.push(box)
    after = box.end
  }
  return { closed, open: opened }
}

/** True when a box never closes. */
export function hasOpenBox(text: string): boolean {
  return boxes(text).open.length > 0
}

/** Up to the end of the line or formula. */
function upToEnd(text: string): string {
  return text.split(/\n|\$|\\\]|\\\)/, 1)[0]!
}

/**
 * The text with blanks in place of every box that never closes, up to the end of its line or formula: a response that was cut off in its box has not said
 * its answer, and \boxed{4 may be the beginning of 42. What stands elsewhere may still be read. Math-Verify, verl and Hendrycks' grader read no such box either.
 */
export function withoutOpenBoxes(text: string): string {
  if (!text.includes("boxed") && !text.includes("fbox")) return text
  const parts: string[] = []
  let done = 0
  for (const start of boxes(text).open) {
    if (start < done) continue
    const content = upToEnd(text.slice(start, start + maxUnclosed))
    parts.push(text.slice(done, start), " ".repeat(content.length))
    done = start + content.length
  }
  return parts.length === 0 ? text : parts.join("") + text.slice(done)
}

const joins = /\b(?:and|or)\b|[,;]/
const concludes =
  /\b(?:answer|final|so|thus|hence|therefore|finally|then|get|gives?|which|but|wait|no|not|actually|instead|rather|however|correct(?:ed|ion|ing)?|mistake|sorry)\b|[.?!]\s/i

/** Do two boxes with this text between them form one answer? */
function belongTogether(between: string): boolean {
  if (/\n\s*\n/.test(between)) return false
  if (between.length < 10) return !concludes.test(between)
  return between.length < 70 && joins.test(between) && !concludes.test(between)
}

/**
 * The content of the last box, with the boxes before it that belong to the same answer ("\boxed{2} and \boxed{3}")
 * joined by commas, and where the last one ends; undefined when there is no closed box with anything in it.
 */
export function boxedChain(text: string): { readonly content: string; readonly end: number } | undefined {
  if (!text.includes("boxed") && !text.includes("fbox")) return undefined
  const all = boxes(text).closed.filter((box) => box.content.trim() !== "")
  let index = all.length - 1
  if (index < 0) return undefined
  const { end } = all[index]!
  const contents = [all[index]!.content]
  while (index > 0 && contents.length < 50 && belongTogether(text.slice(all[index - 1]!.end, all[index]!.start))) {
    index--
    const { content } = all[index]!
    if (!contents.includes(content)) contents.unshift(content)
  }
  return { content: contents.join(", "), end }
}

/** The content alone. */
export function boxedAnswer(text: string): string | undefined {
  return boxedChain(text)?.content
}

/** The same of a gold answer, which nobody cut off: where data sets have lost the brace, as some of Numina's rows have, the box that never closes counts. */
export function goldBoxedAnswer(text: string): string | undefined {
  const closed = boxedAnswer(text)
  if (closed !== undefined || !(text.includes("boxed") || text.includes("fbox"))) return closed
  const start = boxes(text).open.at(-1)
  if (start === undefined) return undefined
  const from = text.indexOf("{", start) + 1
  const content = upToEnd(text.slice(from, from + maxUnclosed))
  return content.trim() === "" ? undefined : content
}

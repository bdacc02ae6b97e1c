/**
 * Where a response in words states its final answer, within the part that ../response-parts.ts leaves of it. Each
 * function runs in time linear in the text.
 */
import { lastBoxed } from "../procedural/answer-extraction.ts"

/** Only the end of a long response is searched. */
const SEARCHED_CHARACTERS = 20_000

/** `answer is`, `answer:`, `choice is` ... and what follows on the line. */
const STATED =
  /\b(?:answer|choice|option)\b[*_"']{0,3}(?:\s{1,3}(?:is|would be|must be))?\s{0,3}[:=]?[*_]{0,3}\s{0,3}/giu

/** What follows the last "answer is" or "answer:" on its line, trimmed; undefined when there is none. */
export function lastStatedAnswer(text: string): string | undefined {
  const end = text.slice(-SEARCHED_CHARACTERS)
  let found: string | undefined
  for (const match of end.matchAll(STATED)) {
    if (!/(?:is|be|[:=])[*_]{0,3}\s*$/iu.test(match[0])) continue
    const rest = end.slice(match.index + match[0].length)
    const line = rest.slice(0, rest.search(/\n|$/u)).trim()
    if (line !== "") found = line
  }
  return found
}

/** The last `\boxed{}`, with `\text{}` and the like around the whole content taken away. */
export function lastBoxedText(text: string): string | undefined {
  const boxed = lastBoxed(text.slice(-SEARCHED_CHARACTERS))
  return boxed?.replace(/^\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}$/u, "$1").trim()
}

/** Where an answer stands in a response. Each function runs in time linear in the text. */

/** Text after the last marker, trimmed, up to the end of its line; undefined without a marker. */
export function afterLastMarker(text: string, marker: string): string | undefined {
  const at = text.lastIndexOf(marker)
  if (at < 0) return undefined
  const rest = text.slice(at + marker.length).trimStart()
  const end = rest.indexOf("\n")
  return (end < 0 ? rest : rest.slice(0, end)).trim()
}

const BOXED = "\\boxed{"

/**
 * Content of the `\boxed{...}` that opens last among those whose braces close, trimmed; undefined when there is none.
 * Of nested boxes that is the inner one. Braces after a backslash do not count.
 */
export function lastBoxed(text: string): string | undefined {
  const openings: { readonly start: number; readonly depth: number }[] = []
  let found: { readonly start: number; readonly end: number } | undefined
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === "\\") {
      if (text.startsWith(BOXED, i)) {
        i += BOXED.length - 1
        openings.push({ start: i + 1, depth })
        depth++
      } else {
        i++
      }
    } else if (character === "{") {
      depth++
    } else if (character === "}" && depth > 0) {
      depth--
      if (openings.at(-1)?.depth === depth) {
        const opening = openings.pop()
        if (opening !== undefined && (found === undefined || opening.start > found.start)) {
          found = { start: opening.start, end: i }
        }
      }
    }
  }
  return found === undefined ? undefined : text.slice(found.start, found.end).trim()
}

const NUMBER_IN_TEXT = /[+-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?:\/\d+)?/g
/** Only the end of a long response is searched for a bare number. */
const SEARCHED_CHARACTERS = 10_000

/** The last number in a text as it is written; undefined when there is none. */
export function lastNumber(text: string): string | undefined {
  return text.slice(-SEARCHED_CHARACTERS).match(NUMBER_IN_TEXT)?.at(-1)
}

const BEFORE_A_NUMBER = /^\s*(?:\\?\$)?\s*/
const AFTER_A_NUMBER = /\s*(?:\\?[$%]\s*)*\.?\s*$/
const THIN_SPACE_OR_BRACED_COMMA = /(?<=\d)(?:\\[!,;]|\{,\})(?=,?\d)/g
const MAXIMUM_NUMBER_CHARACTERS = 1000

/**
 * Takes away what often stands around a number and does not change it: dollar and percent signs, blanks and a full stop
 * at its ends, LaTeX's thin spaces between digits.
 */
export function bareNumber(text: string): string {
  if (text.length > MAXIMUM_NUMBER_CHARACTERS) return text
  return text
    .replace(THIN_SPACE_OR_BRACED_COMMA, (match) => (match === "{,}" ? "," : ""))
    .replace(BEFORE_A_NUMBER, "")
    .replace(AFTER_A_NUMBER, "")
}

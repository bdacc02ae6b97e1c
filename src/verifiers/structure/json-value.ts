/** JSON inside a response. */

/** A response longer than this is searched at its end alone. */
const MAXIMUM_CHARACTERS = 200_000
/** Places of the text where a JSON value may begin that are tried. */
const MAXIMUM_TRIES = 50

export interface FoundJson {
  readonly value: unknown
  /** As it stands in the response. */
  readonly text: string
}

/** Deeper values are not read: what walks through them would run out of stack. */
export const maxJsonDepth: number = 200

/** Does a JSON text nest deeper than is read? Most texts hold too few brackets for it, which is quickly counted. */
export function nestsTooDeep(text: string): boolean {
  if (openings(text, "[") + openings(text, "{") <= maxJsonDepth) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === "\\") i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === "{" || character === "[") {
      if (++depth > maxJsonDepth) return true
    } else if (character === "}" || character === "]") depth--
  }
  return false
}

/** How often a bracket stands in a text, counted no further than just past the depth that is read. */
function openings(text: string, bracket: string): number {
  let count = 0
  for (let at = text.indexOf(bracket); at >= 0 && count <= maxJsonDepth; at = text.indexOf(bracket, at + 1)) count++
  return count
}

/** Undefined for text that is not JSON, and for values nested more than 200 deep. */
export function parseJson(text: string): FoundJson | undefined {
  if (nestsTooDeep(text)) return undefined
  try {
    return { value: JSON.parse(text) as unknown, text }
  } catch {
    return undefined
  }
}

/** Contents of the fenced code blocks of a text, with the language after the fence in lower case; an open one ends with the text. */
export function fencedBlocks(text: string): readonly { readonly language: string; readonly content: string }[] {
  const blocks: { language: string; content: string }[] = []
  let open: { language: string; fence: string; lines: string[] } | undefined
  for (const line of text.split("\n")) {
    const fence = /^\s{0,12}(```+|~~~+)\s*([\w+#.-]*)/u.exec(line)
    if (open === undefined) {
      if (fence !== null) open = { language: fence[2]!.toLowerCase(), fence: fence[1]!, lines: [] }
    } else if (fence !== null && fence[1]!.startsWith(open.fence) && fence[2] === "") {
      blocks.push({ language: open.language, content: open.lines.join("\n") })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  if (open !== undefined) blocks.push({ language: open.language, content: open.lines.join("\n") })
  return blocks
}

/** End of the bracketed value that begins at `start`, or -1 when it does not close. Brackets in strings do not count. */
function closingBracket(text: string, start: number): number {
  let depth = 0
  let inString = false
  for (let i = start; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === "\\") i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === "{" || character === "[") depth++
    else if ((character === "}" || character === "]") && --depth === 0) return i
  }
  return -1
}

/** The last object or list that stands in a text among other words. */
function lastEmbedded(text: string): FoundJson | undefined {
  let found: FoundJson | undefined
  let tries = 0
  for (let at = 0; at < text.length && tries < MAXIMUM_TRIES;) {
    const next = text.slice(at).search(/[{[]/u)
    if (next < 0) break
    const start = at + next
    const end = closingBracket(text, start)
    const parsed = end < 0 ? undefined : parseJson(text.slice(start, end + 1))
    tries++
    if (parsed !== undefined) found = parsed
    at = parsed === undefined ? start + 1 : end + 1
  }
  return found
}

/**
 * The JSON value of a response: the whole of it, else the last fenced block that parses, else the last object or list in
 * the text. Undefined when there is none.
 */
export function findJson(completion: string): FoundJson | undefined {
  const text = completion.slice(-MAXIMUM_CHARACTERS).trim()
  const whole = parseJson(text)
  if (whole !== undefined) return whole
  const blocks = fencedBlocks(text).map(({ content }) => parseJson(content.trim()))
  return blocks.findLast((block) => block !== undefined) ?? lastEmbedded(text)
}

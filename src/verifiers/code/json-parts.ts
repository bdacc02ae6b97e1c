/** Parts of JSON texts as texts: numbers keep every digit, which parsing to JavaScript numbers does not. */

export interface JsonPart {
  /** Name of a member; undefined in a list. */
  readonly key: string | undefined
  readonly text: string
}

/** Index after the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1
  return at + 1
}

/** Index after the value that begins at `start`. */
function valueEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length;) {
    const character = text[at]!
    if (character === '"') at = stringEnd(text, at)
    else {
      if (character === "{" || character === "[") depth++
      else if (character === "}" || character === "]") {
        if (depth === 0) return at
        depth--
      } else if (depth === 0 && /[,\s]/u.test(character)) return at
      at++
    }
    if (depth === 0 && /["}\]]/u.test(character)) return at
  }
  return text.length
}

/** The elements of a list or the members of an object; none for other values. The text must be valid JSON. */
export function jsonParts(text: string): readonly JsonPart[] {
  const parts: JsonPart[] = []
  const skip = (at: number): number => {
    let next = at
    while (/[\s,:]/u.test(text[next] ?? "")) next++
    return next
  }
  const open = skip(0)
  if (text[open] !== "[" && text[open] !== "{") return parts
  const isObject = text[open] === "{"
  for (let at = skip(open + 1); at < text.length && text[at] !== "]" && text[at] !== "}"; at = skip(at)) {
    let key: string | undefined
    if (isObject) {
      const end = stringEnd(text, at)
      key = JSON.parse(text.slice(at, end)) as string
      at = skip(end)
    }
    const end = valueEnd(text, at)
    parts.push({ key, text: text.slice(at, end) })
    at = end
  }
  return parts
}

/** The text of a member of an object. */
export function jsonMember(text: string, key: string): string | undefined {
  return jsonParts(text).findLast((part) => part.key === key)?.text
}

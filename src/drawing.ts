/** What makers of pictures and pages share: texts in markup, scales. */

/** Control characters but tabs and ends of lines, and what is no character: no file of XML may hold them, or it should not. */
const refused = /[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

/** Embeddings, overrides and isolates of direction: they turn the text that follows them around without a trace. */
const directions = /[\u202a-\u202e\u2066-\u2069]/g

/** A text that reads in the order of its characters: what turns it around is shown as an escape, `\u202e`. Arabic and Hebrew need none of these. */
export function showDirections(text: string): string {
  return text.replace(directions, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}

/** A text as the content of an element or of a quoted attribute, of HTML and of SVG. What XML refuses becomes U+FFFD; directions are shown. */
export function escapeText(text: string): string {
  return showDirections(text).replace(refused, "\ufffd").replace(/[&<>"']/g, (character) => entities[character]!)
}

/** From a value to a place. */
export type Scale = (value: number) => number

/** A straight scale; a range without length goes to the start. */
export function linearScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const length = from[1] - from[0]
  return (value) => (length === 0 ? to[0] : to[0] + ((value - from[0]) / length) * (to[1] - to[0]))
}

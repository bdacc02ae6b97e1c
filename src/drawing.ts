/** What makers of pictures and pages share: texts in markup, scales, round ticks. */

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

/** Round numbers between two ends, about `count` of them, and the distance between two. */
export interface Ticks {
  readonly step: number
  readonly values: readonly number[]
}

/** @param least  smallest distance between two ticks, 1 for whole numbers */
export function ticksBetween(low: number, high: number, count: number, least: number = 0): Ticks {
  const length = high - low
  // Nothing to divide: one value, or a length that rounding has made.
  if (!(length > 1e-12 * Math.max(Math.abs(low), Math.abs(high), 1e-280))) return { step: 1, values: [low] }
  const rough = length / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(least, power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)!)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return { step, values: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step) }
}

/**
 * The ends of a chart's axis: some room around what is drawn, also around one value, and not beyond what a share can
 * be.
 */
export function axisRange(low: number, high: number, isShare: boolean): readonly [number, number] {
  const room = high > low ? 0.05 * (high - low) : Math.max(Math.abs(high) * 0.1, isShare ? 0.05 : high === 0 ? 1 : 1e-6)
  const [least, most] = [low - room, high + room]
  return [isShare && low >= 0 ? Math.max(0, least) : least, isShare && high <= 1 ? Math.min(1, most) : most]
}

/** The ends of an axis of steps or of time: from the first to the last, and room on both sides of one alone. */
export function runRange(first: number, last: number, room: number): readonly [number, number] {
  return last > first ? [first, last] : [Math.max(0, first - room), first + room]
}

/** Pieces that the pictures share: texts, rules, bars, paths. Pure. */
import { escapeText } from "../drawing.ts"

/** A place with one digit and no needless zero. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/** A text at a place. */
export function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end" = "start", kind: "txt" | "head" = "txt"): string {
  return `<text class="${kind}" x="${at(x)}" y="${at(y)}"${anchor === "start" ? "" : ` text-anchor="${anchor}"`}>${escapeText(content)}</text>`
}

/** A level line from left to right, or an upright one. */
export function rule(x1: number, y1: number, x2: number, y2: number, kind: "grid" | "axis" = "grid"): string {
  return `<path class="${kind}" d="M${at(x1)} ${at(y1)}L${at(x2)} ${at(y2)}"/>`
}

/** Bars of one kind as one path: left edge, top, width, height. */
export function bars(kind: string, boxes: readonly (readonly [x: number, y: number, width: number, height: number])[]): string {
  if (boxes.length === 0) return ""
  return `<path class="${kind} fill" d="${boxes.map(([x, y, width, height]) => `M${at(x)} ${at(y)}h${at(width)}v${at(height)}h${at(-width)}z`).join("")}"/>`
}

/** Where a curve goes on without a gap: the points from `from` to before `to`. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** Stretches of known values. */
export function stretches(values: readonly (number | null)[]): Stretch[] {
  const found: Stretch[] = []
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null || values[i] === undefined) continue
    const from = i
    while (i < values.length && values[i] !== null && values[i] !== undefined) i++
    found.push({ from, to: i })
  }
  return found
}

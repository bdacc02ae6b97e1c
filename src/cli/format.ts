/**
 * Numbers and tables as text.
 */
import { formatShare as shareText } from "../amounts.ts"
import { terminalLine } from "../terminal-text.ts"

export { formatDuration } from "../age.ts"
export { terminalLine, terminalText } from "../terminal-text.ts"

/** 1234567 as `1.23M`, 12345 as `12.3k`, 950 as `950`. */
export function formatCount(value: number): string {
  if (value >= 999_500_000) return `${(value / 1e9).toPrecision(3)}G`
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`
  if (value >= 999.5) return `${(value / 1e3).toPrecision(3)}k`
  return value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2)
}

/** A share as `41.2 %`; `-` when there is none. */
export function formatShare(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : shareText(value)
}

/** A difference of shares, in points of a hundred, with its sign. */
export function formatGain(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : `${signed(100 * value, 1)} points`
}

/** A number with its sign and a fixed number of digits. */
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits)
  return `${value < 0 && Number(text) !== 0 ? "-" : "+"}${text}`
}

/** Rows as aligned columns, the first left and the others right, two spaces between them. A cell is one line, and cannot steer the terminal. */
export function formatTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(terminalLine))
  const widths = rows.reduce<number[]>(
    (wide, row) => row.map((cell, i) => Math.max(cell.length, wide[i] ?? 0)),
    [],
  )
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ").trimEnd(),
  )
  return `${lines.join("\n")}\n`
}

/** A number of unknown size with about three digits: `0.312`, `12.3`, `4510`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return "0"
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3)
}

/** `1 row`, `3 rows`. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

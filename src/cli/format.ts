/**
 * Numbers and tables as text.
 */

/** 1234567 as `1.23M`, 12345 as `12.3k`, 950 as `950`. */
export function formatCount(value: number): string {
  if (value >= 999_500_000) return `${(value / 1e9).toPrecision(3)}G`
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`
  if (value >= 999.5) return `${(value / 1e3).toPrecision(3)}k`
  return value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2)
}

/** Seconds as `8s`, `2m05s` or `3h07m`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number): string => String(value).padStart(2, "0")
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`
}

/** A share as `41.2 %`; `-` when there is none. */
export function formatShare(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : `${(100 * value).toFixed(1)} %`
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

/** A text of a model or of data as a terminal may show it: control characters, which could steer it, are escapes. Line ends and tabs stay. */
export function terminalText(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/** The same on one line. */
export function terminalLine(text: string): string {
  return terminalText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\u0009")
}

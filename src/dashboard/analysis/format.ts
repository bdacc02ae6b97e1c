/** Numbers as people read them. */

const minus = "\u2212"

/** Up to four digits: 0.0123, 12.35, 12 300, 1.2e-7. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "-"
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("-", minus)
  const text = Number.isInteger(value) ? value.toFixed(0) : size >= 1000 ? value.toFixed(0) : value.toPrecision(size >= 1 ? 4 : 3)
  return text.replace("-", minus)
}

/** A share as `41.2 %`. */
export function percent(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? "-" : `${(100 * value).toFixed(1).replace("-", minus)} %`
}

/** With its sign. */
export function signed(value: number | null | undefined, digits: number = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "-"
  return `${value < 0 ? minus : "+"}${Math.abs(value).toFixed(digits)}`
}

/** How long something took: `42 s`, `12 min`, `3.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** `820 B`, `12 kB`, `5.0 MB`. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  return value < 1e6 ? `${(value / 1000).toFixed(0)} kB` : `${(value / 1e6).toFixed(1)} MB`
}

/** Bytes and shares as people read them. */

/** A share as `41.2 %`. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Bytes of memory, in binary units: `830 MiB`, `5.9 GiB`. */
export function formatBytes(bytes: number): string {
  const [value, unit] = scaled(bytes, 1024, 1024, ["B", "KiB", "MiB", "GiB", "TiB"])
  return `${value < 10 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** Bytes of a file, in the decimal units of the hub's pages: 269060552 is `269 MB`. */
export function formatSize(bytes: number): string {
  const [value, unit] = scaled(bytes, 1000, 999.5, ["B", "kB", "MB", "GB", "TB"])
  return `${unit === "B" || value >= 99.95 ? Math.round(value) : value.toPrecision(3)} ${unit}`
}

/** @param most  a value from here on is told in the next unit */
function scaled(bytes: number, base: number, most: number, units: readonly string[]): [value: number, unit: string] {
  let value = bytes
  let unit = 0
  while (value >= most && unit < units.length - 1) {
    value /= base
    unit += 1
  }
  return [value, units[unit]!]
}

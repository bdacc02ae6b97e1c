/** Bytes as people read them. */

/** 269060552 as `269 MB`, in the decimal units of the hub's pages. */
export function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}

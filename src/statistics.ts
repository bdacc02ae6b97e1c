/** Means and their like, for every layer. Pure. */

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard error of the mean, s / sqrt(n) with the sample deviation s; NaN for fewer than two values. */
export function standardError(values: readonly number[]): number {
  const centre = mean(values)
  const n = values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1) / n)
}

/** The middle value, the mean of the two middle ones of an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  // Typed arrays sort by number, and fast.
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : mean([...sorted.subarray(middle - 1, middle + 1)])
}

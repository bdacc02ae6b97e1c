/** Means, deviations and middles of plain numbers. */

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Sample standard deviation (n - 1 in the denominator); NaN for fewer than two values. */
export function sampleDeviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (values.length - 1))
}

/** Standard error of the mean of independent values; 0 for fewer than two, which say nothing of it. */
export function standardError(values: readonly number[]): number {
  return values.length < 2 ? 0 : sampleDeviation(values) / Math.sqrt(values.length)
}

/** The middle value, the mean of the two middle ones of an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  // Typed arrays sort by number, and fast.
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

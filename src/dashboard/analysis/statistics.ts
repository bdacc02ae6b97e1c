/** Small statistics that both the server and the page need. */

/**
 * Exponential moving average without the pull of its start: s_i = sum_j w^(i-j) x_j / sum_j w^(i-j). Missing values stay
 * missing and leave the average as it is.
 * @param weight  of the past, 0 (no smoothing) to below 1
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let [sum, total] = [0, 0]
  return values.map((value) => {
    if (value === null) return null
    sum = sum * weight + value
    total = total * weight + 1
    return sum / total
  })
}

/** Middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

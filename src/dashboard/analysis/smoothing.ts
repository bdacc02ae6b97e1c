/** Smoothing of curves. */

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

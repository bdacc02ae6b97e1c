/** Small statistics that both the server and the page need. */

/**
 * Wilson's interval of a share p of n trials: where the true share lies with 95 %.
 *   (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n),  z = 1.96
 * @returns undefined without trials
 */
export function wilsonInterval(share: number, trials: number): readonly [low: number, high: number] | undefined {
  if (!(trials > 0) || !Number.isFinite(share)) return undefined
  const z2 = 1.96 ** 2
  const centre = share + z2 / (2 * trials)
  const half = 1.96 * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials))
  const scale = 1 + z2 / trials
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)]
}

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

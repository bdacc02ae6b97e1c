/** 95 % intervals of shares, means and changes. None of them is ever NaN. */

/** Half-width of a 95 % interval in standard errors. */
export const Z95 = 1.959963984540054

/** A number with its 95 % interval. */
export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}

/**
 * Share of `count` among `total` with Wilson's score interval:
 *   (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n)
 * It stays within [0, 1] and is of use for small counts.
 * @returns null for a total of 0
 * Source: E. B. Wilson, JASA 22 (1927) 209-212.
 */
export function wilson(count: number, total: number): Interval | null {
  if (!(total > 0)) return null
  const share = count / total
  const zz = (Z95 * Z95) / total
  const centre = (share + zz / 2) / (1 + zz)
  const half = (Z95 * Math.sqrt((share * (1 - share)) / total + zz / (4 * total))) / (1 + zz)
  return { value: share, low: Math.min(share, Math.max(0, centre - half)), high: Math.max(share, Math.min(1, centre + half)) }
}

/** value +- 1.96 standard errors. */
export function normalInterval(value: number, standardError: number, bounds: readonly [number, number] = [-Infinity, Infinity]): Interval {
  const clamp = (x: number): number => Math.min(bounds[1], Math.max(bounds[0], x))
  return { value, low: clamp(value - Z95 * standardError), high: clamp(value + Z95 * standardError) }
}

/** A change and its standard error. */
export interface Change {
  readonly change: number
  readonly standardError: number
  /** Measured problem by problem, so that what both measurements share falls out. */
  readonly paired: boolean
}

/**
 * Change of a share from one measurement to another of the same problems, given as strings of 1 (right), 0 (wrong) and - (not
 * judged) per problem. With b problems gained, c lost, of n judged in both, and half a problem added to each of the four cells,
 * so that no change at all still has an error:
 *   change = (b - c)/n,  SE = sqrt(b + c + 1 - (b - c)^2/(n + 2)) / (n + 2)
 * @returns null when the strings differ in length or no problem was judged in both
 * Source: Agresti and Min, Statistics in Medicine 24 (2005) 729-740. Differs: the change itself is not shrunk.
 */
export function pairedChange(before: string, after: string): Change | null {
  if (before.length !== after.length) return null
  let [n, gained, lost] = [0, 0, 0]
  for (let i = 0; i < before.length; i++) {
    const [was, is] = [before[i], after[i]]
    if (was === "-" || is === "-") continue
    n++
    if (was !== is && is === "1") gained++
    else if (was !== is) lost++
  }
  if (n === 0) return null
  const change = (gained - lost) / n
  const variance = Math.max(0, gained + lost + 1 - (gained - lost) ** 2 / (n + 2))
  return { change, standardError: Math.sqrt(variance) / (n + 2), paired: true }
}

/**
 * Standard error of a share measured on `size` problems, with two successes and two failures added so that it is not 0 at the ends.
 * Source: Agresti and Coull, The American Statistician 52 (1998) 119-126.
 */
export function shareStandardError(share: number, size: number): number {
  const n = size + 4
  const p = Math.min(1, Math.max(0, (share * size + 2) / n))
  return Math.sqrt((p * (1 - p)) / n)
}

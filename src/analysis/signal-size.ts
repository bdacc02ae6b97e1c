/** How large the improvement signal is against its sampling error: whether its sign can mean anything. */
import { median } from "../statistics.ts"

/** |mu_t - muHis| / SE over the rows where both are known. */
export interface SignalSize {
  /** Rows counted. */
  readonly steps: number
  readonly median: number
  /** Share of rows in which the signal exceeds one standard error; 0.317 for noise alone. */
  readonly above1: number
  /** Share above two; 0.046 for noise alone. */
  readonly above2: number
  /** Median standard error of mu_t - muHis. */
  readonly medianError: number
}

/** Shares that noise alone would show above one and two standard errors (of a normal distribution). */
export const noiseAbove1 = 0.3173
export const noiseAbove2 = 0.0455

/**
 * @param progress  mu - muHis; NaN where there is none
 * @param errors  its standard errors; rows with an error of 0 or NaN are left out: a batch of equal rewards tells nothing of its error
 * @returns null when no row is left
 */
export function signalSize(progress: ArrayLike<number>, errors: ArrayLike<number>): SignalSize | null {
  const ratios: number[] = []
  const known: number[] = []
  for (let i = 0; i < progress.length; i++) {
    const error = errors[i]!
    if (!(error > 0) || !Number.isFinite(progress[i]!)) continue
    ratios.push(Math.abs(progress[i]!) / error)
    known.push(error)
  }
  const steps = ratios.length
  if (steps === 0) return null
  const above = (bound: number): number => ratios.reduce((sum, ratio) => sum + Number(ratio > bound), 0) / steps
  return { steps, median: median(ratios), above1: above(1), above2: above(2), medianError: median(known) }
}

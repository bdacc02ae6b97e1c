/** The improvement signal xi: how far the newest batch mean stands from its window. */

export type Deviation = "sample" | "population"

export interface SignalOptions {
  /** K: a window of one has no deviation. */
  readonly windowSize: number
  /** Default "sample" (K - 1 in the denominator), the paper's; the published code divides by K. */
  readonly sigma?: Deviation
  /** Deviations below this count as 1. Default 1e-8. */
  readonly guard?: number
  /** Largest |mu - muHis|. Default 5. */
  readonly clip?: number
  /** Divide by sigma. Default true. */
  readonly normalise?: boolean
}

export interface ImprovementSignal {
  readonly mu: number
  readonly muHis: number
  readonly sigmaHis: number
  /** mu - muHis, clipped. */
  readonly progress: number
  readonly xi: number
}

/**
 * xi = clip(mu - mean(H), +-clip) / sigma(H). sigma is 1 where it says nothing: K = 1, fewer than two means, below the guard. An
 * empty window gives muHis = mu and xi = 0.
 *
 * @param mu mean verifier reward of the current batch
 * @param window the means it is judged against, oldest first
 * Source: arXiv:2604.00860 equations 7 to 9; the guards and the clip as in its code. Differs: no epsilon in the denominator.
 */
export function improvementSignal(mu: number, window: readonly number[], options: SignalOptions): ImprovementSignal {
  const { windowSize, sigma = "sample", guard = 1e-8, clip = 5, normalise = true } = options
  const n = window.length
  const muHis = n === 0 ? mu : window.reduce((sum, x) => sum + x, 0) / n
  const progress = Math.min(clip, Math.max(-clip, mu - muHis))
  const squares = window.reduce((sum, x) => sum + (x - muHis) ** 2, 0)
  const deviation = windowSize === 1 || n < 2 ? 1 : Math.sqrt(squares / (sigma === "sample" ? n - 1 : n))
  const sigmaHis = deviation < guard ? 1 : deviation
  return { mu, muHis, sigmaHis, progress, xi: normalise ? progress / sigmaHis : progress }
}

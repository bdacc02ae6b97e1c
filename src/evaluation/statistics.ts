/**
 * Numbers from repeated attempts at problems.
 *
 * Shape legend: P problems, N attempts at one problem.
 */
import { deriveSeed, integerBelow, randomStream } from "../random.ts"

/** A mean over problems with its 95 % bootstrap interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/**
 * Probability that at least one of k attempts, drawn without replacement from n of which c are right, is right:
 *   1 - C(n - c, k) / C(n, k)
 * computed as a product, which neither overflows nor cancels. Unbiased for pass@k.
 * @returns NaN when k is above n
 * Source: arXiv:2107.03374, section 2.1. Differs: no.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (k > n) return Number.NaN
  if (n - c < k) return 1
  let allWrong = 1
  for (let i = 0; i < k; i++) allWrong *= (n - c - i) / (n - i)
  return 1 - allWrong
}

/** One attempt as a vote: which answer it gives (undefined when it gives none), and whether that is right. */
export interface Vote {
  readonly answer: number | undefined
  readonly correct: boolean
}

/** Right share of a plurality vote: a tie counts as the share of its answers that are right. */
function pluralityOf(votes: readonly Vote[]): number {
  const counts = new Map<number, { votes: number; correct: boolean }>()
  for (const { answer, correct } of votes) {
    if (answer === undefined) continue
    const known = counts.get(answer)
    if (known === undefined) counts.set(answer, { votes: 1, correct })
    else known.votes += 1
  }
  const most = Math.max(0, ...[...counts.values()].map((count) => count.votes))
  if (most === 0) return 0
  const winners = [...counts.values()].filter((count) => count.votes === most)
  return winners.filter(({ correct }) => correct).length / winners.length
}

/** Subsets that are drawn where not all attempts vote. */
const SUBSETS = 200

/**
 * Probability that the most frequent answer of k attempts is right. Exact for k = n; for smaller k the mean over
 * seeded random subsets.
 * @returns NaN when k is above n
 */
export function majorityAtK(votes_N: readonly Vote[], k: number, seed: number): number {
  const n = votes_N.length
  if (k > n || k < 1) return Number.NaN
  if (k === n) return pluralityOf(votes_N)
  if (k === 1) return votes_N.filter(({ correct }) => correct).length / n
  let total = 0
  for (let subset = 0; subset < SUBSETS; subset++) {
    const random = randomStream(deriveSeed(seed, "majority"), subset)
    const rest = [...votes_N]
    const drawn = Array.from({ length: k }, () => rest.splice(random.below(rest.length), 1)[0])
    total += pluralityOf(drawn)
  }
  return total / SUBSETS
}

const RESAMPLES = 1000
const TAIL = 0.025

/** Value at a share of sorted numbers, interpolated. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low])
}

/**
 * Mean over problems with its 95 % percentile bootstrap interval: problems are drawn again with replacement, since they
 * and not the attempts are the sample that a benchmark is. The same seed gives the same interval.
 * @param scores_P  one number per problem; NaN is left out
 * @returns undefined when no problem has a score
 */
export function bootstrapMean(scores_P: readonly number[], seed: number): Estimate | undefined {
  const scores = scores_P.filter((score) => !Number.isNaN(score))
  const size = scores.length
  if (size === 0) return undefined
  const value = scores.reduce((sum, score) => sum + score, 0) / size
  const resampleSeed = deriveSeed(seed, "bootstrap")
  const means = Array.from({ length: RESAMPLES }, (_, resample) => {
    let sum = 0
    for (let draw = 0; draw < size; draw++) sum += scores[integerBelow(size, resampleSeed, resample, draw)]
    return sum / size
  }).sort((a, b) => a - b)
  return { value, low: quantile(means, TAIL), high: quantile(means, 1 - TAIL) }
}

/** Powers of two up to n, and n. */
export function attemptCounts(n: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(n)) + 1 }, (_, i) => 2 ** i)
  return powers.includes(n) ? powers : [...powers, n]
}

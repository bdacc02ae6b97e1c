/** Which source of a mixture a position of the training stream draws from. */
import { deriveSeed, permutationIndex } from "../random.ts"

/** A position within the stream of one source. */
export interface ScheduledDraw {
  readonly source: number
  readonly position: number
}

/** Longest block for weights that are not small whole numbers: shares are then exact to a thousandth. */
const LONGEST_BLOCK = 1000

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/**
 * Draws of each source in one block: the weights themselves, reduced, when they are small whole numbers; else the shares
 * of a thousand, at least one each.
 * @param weights  positive
 */
export function blockCounts(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (weights.every(Number.isInteger)) {
    const divisor = weights.reduce(greatestCommonDivisor)
    if (total / divisor <= LONGEST_BLOCK) return weights.map((weight) => weight / divisor)
  }
  const exact = weights.map((weight) => (weight / total) * LONGEST_BLOCK)
  const counts = exact.map((share) => Math.max(1, Math.floor(share)))
  const missing = Math.max(0, LONGEST_BLOCK - counts.reduce((sum, count) => sum + count, 0))
  const byRemainder = exact.map((share, i) => ({ i, rest: share - Math.floor(share) })).sort((a, b) => b.rest - a.rest)
  for (const { i } of byRemainder.slice(0, missing)) counts[i] += 1
  return counts
}

/**
 * The draw at a position. Every block holds each source as often as `counts` says, in an order of its own; every position
 * of a source's stream is drawn once. Pure in (seed, position).
 */
export function scheduledDraw(counts: readonly number[], seed: number, position: number): ScheduledDraw {
  const size = counts.reduce((sum, count) => sum + count, 0)
  const block = Math.floor(position / size)
  let place = permutationIndex(deriveSeed(seed, "mixture"), block, size, position % size)
  for (const [source, count] of counts.entries()) {
    if (place < count) return { source, position: block * count + place }
    place -= count
  }
  throw new RangeError(`scheduledDraw: expected a place below ${size}, got one past the end.`)
}

/** The items of several lists in one, each list spread evenly over its length, so that a beginning has something of all. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  return lists
    .flatMap((list, which) => list.map((item, i) => ({ item, which, at: (i + 0.5) / list.length })))
    .sort((a, b) => a.at - b.at || a.which - b.which)
    .map(({ item }) => item)
}

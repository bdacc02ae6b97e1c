/**
 * Who is credited with the previous update: advantages of the cached batch, normalised within their group.
 *
 * Shape legend: T response tokens of one response.
 */
import { ShapeError } from "../errors.ts"

/** Largest |xi Abar|, as in the published code. */
const COEFFICIENT_LIMIT = 10

export interface AttributionOptions {
  /** Added to the group's sum of absolute advantages. Default 1e-6. */
  readonly epsilon?: number
  /** Groups of different sizes: each by its own size (default), or refused, as the published code does. */
  readonly unequalGroups?: "own-size" | "refuse"
}

/**
 * Local attribution of each response: Abar_i = G A_i / (sum over its group of |A_j| + epsilon), with A_i the mean of its token
 * advantages over counted tokens. |Abar_i| averages to 1 in a group that has any signal.
 *
 * @param advantages per response [T]
 * @param masks per response [T]
 * @param groups the group of each response
 * @throws ShapeError when `unequalGroups` is "refuse" and sizes differ
 * Source: arXiv:2604.00860.
 */
export function groupAttribution(
  advantages: readonly ArrayLike<number>[],
  masks: readonly ArrayLike<number>[],
  groups: readonly number[],
  options: AttributionOptions = {},
): Float64Array {
  const { epsilon = 1e-6, unequalGroups = "own-size" } = options
  const means = advantages.map((row, i) => tokenMean(row, masks[i]!))
  const totals = new Map<number, { size: number; absolute: number }>()
  groups.forEach((group, i) => {
    const total = totals.get(group) ?? { size: 0, absolute: 0 }
    totals.set(group, { size: total.size + 1, absolute: total.absolute + Math.abs(means[i]!) })
  })
  const sizes = new Set([...totals.values()].map((total) => total.size))
  if (unequalGroups === "refuse" && sizes.size > 1) {
    throw new ShapeError(
      `groupAttribution: expected groups of one size, got sizes ${[...sizes].join(", ")}. Use unequalGroups: "own-size".`,
    )
  }
  return Float64Array.from(means, (mean, i) => {
    const { size, absolute } = totals.get(groups[i]!)!
    return (mean / (absolute + epsilon)) * size
  })
}

function tokenMean(row: ArrayLike<number>, mask: ArrayLike<number>): number {
  let [sum, count] = [0, 0]
  for (let t = 0; t < mask.length; t++) {
    if (mask[t] === 0) continue
    sum += row[t]! * mask[t]!
    count += mask[t]!
  }
  return sum / Math.max(1, count)
}

function coefficient(attribution: number, factor: number, limit: number = COEFFICIENT_LIMIT): number {
  return Math.min(limit, Math.max(-limit, factor * attribution))
}

/** How a verification update was taken, as the metrics of its step say. */
export interface GateScales {
  /** `gateFactor`: multiplies the attribution. */
  readonly factor: number
  readonly lossScale: number
  readonly learningRateScale: number
}

/**
 * Policy improvement reward of a response: Abar_i phi_lambda(xi), in whatever way the gate applied it. What the response was worth in the look back at
 * the update that it was sampled for.
 *
 * Source: arXiv:2604.00860 equation 10.
 */
export function policyImprovementReward(attribution: number, { factor, lossScale, learningRateScale }: GateScales): number {
  return coefficient(attribution, factor) * lossScale * learningRateScale
}

/**
 * [T] per response: clamp(factor Abar_i, +-limit) on counted tokens, 0 elsewhere. It takes the place of the advantage in the
 * verification update.
 */
export function coefficients(
  attribution: ArrayLike<number>,
  masks: readonly ArrayLike<number>[],
  factor: number,
  limit: number = COEFFICIENT_LIMIT,
): Float64Array[] {
  return masks.map((mask, i) => {
    const value = coefficient(attribution[i]!, factor, limit)
    return Float64Array.from(mask, (m) => (m === 0 ? 0 : value * m))
  })
}

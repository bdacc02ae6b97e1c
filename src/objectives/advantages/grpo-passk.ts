/** Advantage for pass@k: only the best response of a group is rewarded. */
import { ShapeError } from "../../errors.ts"
import { sampleDeviation } from "../../statistics.ts"
import { groupPositions, outcomeRewards, spread } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

export interface PassAtKOptions {
  /** Divide by the group's standard deviation. Default true. */
  readonly normalizeStd?: boolean
  /** Added to the standard deviation. Default 1e-6. */
  readonly epsilon?: number
}

/**
 * The best response of a group gets (best - second best), all others 0; of equally good ones the first counts as best, and gets 0.
 *
 * Source: arXiv:2503.19595.
 * @throws ShapeError for a group of one, which has no second best
 */
export function grpoPassK(options: PassAtKOptions = {}): AdvantageEstimator {
  const { normalizeStd = true, epsilon = 1e-6 } = options
  return {
    name: "grpo-passk",
    needs: [],
    smallestGroup: 2,
    estimate(responses) {
      const rewards = outcomeRewards("grpo-passk", responses)
      const values = new Float64Array(rewards.length)
      for (const members of groupPositions(responses.map((response) => response.group))) {
        if (members.length < 2) {
          throw new ShapeError(
            `grpo-passk: expected at least 2 responses in a group, got ${members.length}. Raise the group size.`,
          )
        }
        const ranked = [...members].sort((i, j) => rewards[j]! - rewards[i]! || i - j)
        const lead = rewards[ranked[0]!]! - rewards[ranked[1]!]!
        const divisor = normalizeStd ? sampleDeviation(members.map((i) => rewards[i]!)) + epsilon : 1
        values[ranked[0]!] = lead / divisor
      }
      return { advantages: responses.map((response, i) => spread(values[i]!, response.mask)) }
    },
  }
}

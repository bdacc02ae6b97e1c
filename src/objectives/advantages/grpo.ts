/** Rewards centred on their group and divided by a standard deviation: grpo, drgrpo and batch-std. */
import { mean, sampleDeviation } from "../../statistics.ts"
import { groupPositions, outcomeRewards, spread } from "./common.ts"
import type { AdvantageEstimator, RewardedResponse } from "./estimator.ts"

/** Which standard deviation divides the centred reward. */
export type RewardScale = "group" | "batch" | "none"

/** The advantages of this kind, and what divides there when nothing is said. */
export const groupScales: Readonly<Record<"grpo" | "drgrpo" | "batch-std", RewardScale>> = { grpo: "group", drgrpo: "none", "batch-std": "batch" }

export interface GroupRelativeOptions {
  readonly scale?: RewardScale
  /** Added to the standard deviation. Default 1e-6 (TRL: 1e-4). */
  readonly epsilon?: number
  /**
   * Groups whose standard deviation is below epsilon get exactly zero, not the rounding error of their mean. Default true.
   */
  readonly zeroVarianceMask?: boolean
}

/**
 * Group-relative advantage, the same for every token of a response.
 *   A_i = (R_i - mean(R)) / (std(R) + epsilon), sample standard deviation, R over the response's group
 * Scale "batch" divides by the deviation of all rewards of the batch, "none" does not divide. A group of one keeps its raw
 * reward, with no division by its own (missing) deviation.
 *
 * Source: arXiv:2402.03300 section 4.1 (grpo), arXiv:2503.20783 (drgrpo, "none"), arXiv:2508.08221 (batch-std).
 */
export function groupRelative(
  name: string,
  defaultScale: RewardScale,
  options: GroupRelativeOptions = {},
): AdvantageEstimator {
  const { scale = defaultScale, epsilon = 1e-6, zeroVarianceMask = true } = options
  return {
    name,
    needs: [],
    estimate(responses: readonly RewardedResponse[]) {
      const rewards = outcomeRewards(name, responses)
      const values = Array.from<number>({ length: rewards.length })
      const batchDeviation = rewards.length > 1 ? sampleDeviation(rewards) : 0
      for (const members of groupPositions(responses.map((response) => response.group))) {
        const own = members.map((i) => rewards[i]!)
        const alone = own.length === 1
        const centre = alone ? 0 : mean(own)
        const deviation = alone ? 1 : sampleDeviation(own)
        const divisor = scale === "none" ? 1 : (scale === "batch" ? batchDeviation : deviation) + epsilon
        const silent = zeroVarianceMask && deviation < epsilon
        for (const i of members) values[i] = silent ? 0 : (rewards[i]! - centre) / divisor
      }
      return { advantages: responses.map((response, i) => spread(values[i]!, response.mask)) }
    },
  }
}

/** Group policy gradient. */
import { mean } from "../../statistics.ts"
import { groupPositions, outcomeRewards, spread } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

export interface GpgOptions {
  /** Divides the advantage. Default 1. */
  readonly norm?: number
}

/**
 * A_i = (B / number of responses with a non-zero reward) (R_i - group mean) / norm, so that batches with few rewarded
 * responses keep their size of step. A group of one keeps its raw reward.
 *
 * Source: arXiv:2504.02546. As verl counts: non-zero rewards, not groups with a signal.
 */
export function gpg(options: GpgOptions = {}): AdvantageEstimator {
  const { norm = 1 } = options
  return {
    name: "gpg",
    needs: [],
    estimate(responses) {
      const rewards = outcomeRewards("gpg", responses)
      const factor = rewards.length / Math.max(1, rewards.filter((reward) => reward !== 0).length) / norm
      const values = new Float64Array(rewards.length)
      for (const members of groupPositions(responses.map((response) => response.group))) {
        const own = members.map((i) => rewards[i]!)
        const equal = own.length > 1 && own.every((reward) => reward === own[0])
        const centre = own.length === 1 ? 0 : mean(own)
        for (const i of members) values[i] = equal ? 0 : factor * (rewards[i]! - centre)
      }
      return { advantages: responses.map((response, i) => spread(values[i]!, response.mask)) }
    },
  }
}

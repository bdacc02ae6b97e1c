/** Leave-one-out baseline. */
import { mean } from "../../statistics.ts"
import { groupPositions, outcomeRewards, spread } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

/**
 * A_i = R_i - mean of the others of the group = G / (G - 1) (R_i - mean(R)); a group of one keeps its raw reward.
 *
 * Source: arXiv:2402.14740.
 */
export function rloo(): AdvantageEstimator {
  return {
    name: "rloo",
    needs: [],
    estimate(responses) {
      const rewards = outcomeRewards("rloo", responses)
      const values = Float64Array.from(rewards)
      for (const members of groupPositions(responses.map((response) => response.group))) {
        if (members.length === 1) continue
        const centre = mean(members.map((i) => rewards[i]!))
        const equal = members.every((i) => rewards[i] === rewards[members[0]!])
        const factor = members.length / (members.length - 1)
        for (const i of members) values[i] = equal ? 0 : factor * (rewards[i]! - centre)
      }
      return { advantages: responses.map((response, i) => spread(values[i]!, response.mask)) }
    },
  }
}

/** Baseline weighted by response length. */
import { countedTokens, groupPositions, outcomeRewards, spread } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

/**
 * A_i = R_i - sum_j len_j R_j / sum_j len_j over the group, len in counted tokens: the baseline of least variance when the
 * gradient's norm grows with length. A group of one, or one without counted tokens, keeps its raw rewards.
 *
 * Source: arXiv:2505.23585.
 */
export function opo(): AdvantageEstimator {
  return {
    name: "opo",
    needs: [],
    estimate(responses) {
      const rewards = outcomeRewards("opo", responses)
      const lengths = responses.map((response) => countedTokens(response.mask))
      const values = Float64Array.from(rewards)
      for (const members of groupPositions(responses.map((response) => response.group))) {
        const total = members.reduce((sum, i) => sum + lengths[i]!, 0)
        if (members.length === 1 || total === 0) continue
        const equal = members.every((i) => rewards[i] === rewards[members[0]!])
        const baseline = members.reduce((sum, i) => sum + lengths[i]! * rewards[i]!, 0) / total
        for (const i of members) values[i] = equal ? 0 : rewards[i]! - baseline
      }
      return { advantages: responses.map((response, i) => spread(values[i]!, response.mask)) }
    },
  }
}

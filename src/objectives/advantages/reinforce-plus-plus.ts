/** Advantages whitened over the batch: reinforce++ and reinforce++-baseline. */
import { mean } from "../../statistics.ts"
import { applyMask, denseRewards, groupPositions, outcomeRewards, spread, whiten } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

export interface ReinforcePlusPlusOptions {
  /** Discount per token. Default 1. */
  readonly gamma?: number
}

/**
 * Discounted return of each token, whitened over the counted tokens of the batch.
 *   return_t = r_t + gamma return_{t+1}; a masked position cuts the return of what precedes it
 *
 * Source: arXiv:2501.03262; the cut at mask holes as in verl.
 */
export function reinforcePlusPlus(options: ReinforcePlusPlusOptions = {}): AdvantageEstimator {
  const { gamma = 1 } = options
  return {
    name: "reinforce++",
    needs: [],
    estimate(responses) {
      const masks = responses.map((response) => response.mask)
      const returns = responses.map((response, i) => {
        const row = denseRewards("reinforce++", response, i)
        let running = 0
        for (let t = row.length - 1; t >= 0; t--) {
          row[t] = running = row[t]! + gamma * running
          running *= response.mask[t]!
        }
        return row
      })
      return { advantages: applyMask(whiten(returns, masks), masks), returns }
    },
  }
}

/**
 * Reward minus the group's mean, whitened over the counted tokens of the batch. A group of one keeps its raw reward.
 *
 * Source: arXiv:2501.03262 (reinforce++-baseline).
 */
export function reinforcePlusPlusBaseline(): AdvantageEstimator {
  return {
    name: "reinforce++-baseline",
    needs: [],
    estimate(responses) {
      const rewards = outcomeRewards("reinforce++-baseline", responses)
      const masks = responses.map((response) => response.mask)
      const centred = Float64Array.from(rewards)
      for (const members of groupPositions(responses.map((response) => response.group))) {
        const centre = members.length === 1 ? 0 : mean(members.map((i) => rewards[i]!))
        for (const i of members) centred[i] = rewards[i]! - centre
      }
      const rows = masks.map((mask, i) => spread(centred[i]!, mask))
      return { advantages: applyMask(whiten(rows, masks), masks) }
    },
  }
}

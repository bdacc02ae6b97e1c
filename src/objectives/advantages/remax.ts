/** Greedy response as baseline. */
import { ShapeError } from "../../errors.ts"
import { denseRewards } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

export interface RemaxOptions {
  /** Keep the returns at positions outside the mask, as verl does, and not 0. Default false. */
  readonly keepMasked?: boolean
}

/**
 * A_t = (sum of the counted rewards from t on) - reward of the greedy response to the same prompt.
 *
 * Source: arXiv:2310.10505.
 */
export function remax(options: RemaxOptions = {}): AdvantageEstimator {
  const { keepMasked = false } = options
  return {
    name: "remax",
    needs: ["greedy"],
    estimate(responses) {
      const returns = responses.map((response, i) => {
        const row = denseRewards("remax", response, i)
        let running = 0
        for (let t = row.length - 1; t >= 0; t--) row[t] = running += row[t]! * response.mask[t]!
        return row
      })
      const advantages = responses.map((response, i) => {
        const { greedyReward, mask } = response
        if (greedyReward === undefined) {
          throw new ShapeError(
            `remax: expected a greedy reward, got none for response ${i}. Sample one greedy response per prompt.`,
          )
        }
        return returns[i]!.map((value, t) => (mask[t] === 0 && !keepMasked ? 0 : value - greedyReward * mask[t]!))
      })
      return { advantages, returns }
    },
  }
}

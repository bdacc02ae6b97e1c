/** Generalised advantage estimation, for a policy with a value head. */
import { ShapeError } from "../../errors.ts"
import { applyMask, denseRewards, whiten } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"

export interface GaeOptions {
  /** Discount per token. Default 1. */
  readonly gamma?: number
  /** 0 is one-step temporal difference, 1 is the whole return. Default 0.95. */
  readonly lambda?: number
  /** Keep what whitening makes of positions outside the mask, as verl does, and not 0. Default false. */
  readonly keepMasked?: boolean
}

/**
 *   delta_t = r_t + gamma V_{t+1} - V_t,  A_t = delta_t + gamma lambda A_{t+1},  return_t = A_t + V_t
 * then A is whitened over the counted tokens of the batch. The carries (V_{t+1}, A_{t+1}) skip masked positions, so that tokens
 * of a tool or an observation do not break the chain.
 *
 * Source: arXiv:1506.02438 section 3; masking as in verl.
 */
export function gae(options: GaeOptions = {}): AdvantageEstimator {
  const { gamma = 1, lambda = 0.95, keepMasked = false } = options
  return {
    name: "gae",
    needs: ["values"],
    estimate(responses) {
      const masks = responses.map((response) => response.mask)
      const raw: Float64Array[] = []
      const returns: Float64Array[] = []
      responses.forEach((response, i) => {
        const { values, mask } = response
        if (values === undefined || values.length !== mask.length) {
          throw new ShapeError(
            `gae: expected ${mask.length} values for response ${i}, got ${values?.length ?? "none"}. Train with a value head.`,
          )
        }
        const rewards = denseRewards("gae", response, i)
        const row = new Float64Array(rewards.length)
        let [nextValue, nextAdvantage] = [0, 0]
        for (let t = rewards.length - 1; t >= 0; t--) {
          const delta = rewards[t]! + gamma * nextValue - values[t]!
          const advantage = delta + gamma * lambda * nextAdvantage
          const m = mask[t]!
          nextValue = values[t]! * m + (1 - m) * nextValue
          nextAdvantage = advantage * m + (1 - m) * nextAdvantage
          row[t] = nextAdvantage
        }
        raw.push(row)
        returns.push(row.map((advantage, t) => advantage + values[t]!))
      })
      const whitened = whiten(raw, masks)
      return { advantages: keepMasked ? whitened : applyMask(whitened, masks), returns }
    },
  }
}

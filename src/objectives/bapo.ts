/** Clip bounds searched per batch until positive advantages carry their share. */
import { exp, greater, greaterEqual, less, maximum, minimum, mul, neg, where } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective, Preparation, PreparationSequence } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { tokenLogRatio } from "./ratio.ts"

/** Largest |log-ratio| in the search when the objective itself has no clamp. */
const SEARCH_CLAMP = 700

export interface BapoSearch {
  readonly targetShare: number
  readonly lowStart: number
  readonly lowEnd: number
  readonly lowStep: number
  readonly highStart: number
  readonly highEnd: number
  readonly highStep: number
  readonly logRatioClamp: number | null
}

/**
 * Raises the lower bound from lowStart to lowEnd, then the upper one from highStart to highEnd, until the share
 *   rho = sum over A > 0 of min(r, clipHigh) A / (sum over A < 0 of max(r, clipLow) |A| + 1e-8)
 * reaches targetShare. Raising the lower bound can only lower the share, so that loop stops at once or runs to its end, as in
 * the published code.
 *
 * @returns the bounds, absolute ratios, and the share they give; infinite when no token has A < 0
 */
export function searchBapoBounds(
  batch: readonly PreparationSequence[],
  search: BapoSearch,
): { readonly clipLow: number; readonly clipHigh: number; readonly share: number } {
  const limit = search.logRatioClamp ?? SEARCH_CLAMP
  const tokens = batch.flatMap(({ logprobs, behaviourLogprobs, advantages, mask }) =>
    Array.from(mask).flatMap((m, t) => {
      if (m === 0 || advantages[t] === 0) return []
      const ratio = Math.exp(Math.min(limit, Math.max(-limit, logprobs[t]! - behaviourLogprobs[t]!)))
      return [{ ratio, advantage: advantages[t]! }]
    }),
  )
  const shareAt = (low: number, high: number): number => {
    let [positive, negative] = [0, 0]
    for (const { ratio, advantage } of tokens) {
      if (advantage > 0) positive += Math.min(ratio, high) * advantage
      else negative -= Math.max(ratio, low) * advantage
    }
    return negative <= 0 ? Infinity : positive / (negative + 1e-8)
  }
  let clipLow = search.lowStart
  let clipHigh = search.highStart
  while (shareAt(clipLow, clipHigh) < search.targetShare && clipLow + search.lowStep <= search.lowEnd) {
    clipLow = Math.min(clipLow + search.lowStep, search.lowEnd)
  }
  while (shareAt(clipLow, clipHigh) < search.targetShare && clipHigh + search.highStep <= search.highEnd) {
    clipHigh = Math.min(clipHigh + search.highStep, search.highEnd)
  }
  return { clipLow, clipHigh, share: shareAt(clipLow, clipHigh) }
}

/**
 *   L_t = -A_t min(r_t, clipHigh) for A >= 0, -A_t max(r_t, clipLow) for A < 0
 * with bounds found by `prepare`; without it they stay where the search starts.
 *
 * Source: arXiv:2510.18927; the search as in the code released with arXiv:2604.00860.
 */
export function bapo(options: ObjectiveOptions): BatchObjective {
  const { targetShare = 0.4, lowStart = 0.6, lowEnd = 0.9, lowStep = 0.05 } = options
  const { highStart = 1.2, highEnd = 3, highStep = 0.05, logRatioClamp = 20 } = options
  const search = { targetShare, lowStart, lowEnd, lowStep, highStart, highEnd, highStep, logRatioClamp }
  return assemble(
    {
      name: "bapo",
      silentWithoutAdvantage: true,
      constants: { clipLow: lowStart, clipHigh: highStart },
      structure: { logRatioClamp },
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const ratio_BT = exp(logRatio_BT)
        const [low, high] = [inputs.constant("clipLow"), inputs.constant("clipHigh")]
        const held_BT = where(greaterEqual(A_BT, 0), minimum(ratio_BT, high), maximum(ratio_BT, low))
        return {
          loss_BT: neg(mul(held_BT, A_BT)),
          logRatio_BT,
          ratio_BT,
          statistics: { clipFractionLow: less(ratio_BT, low), clipFractionHigh: greater(ratio_BT, high) },
        }
      },
      prepare(batch): Preparation {
        const { clipLow, clipHigh, share } = searchBapoBounds(batch, search)
        return {
          constants: { clipLow, clipHigh },
          tokenInputs: {},
          statistics: { clipLow, clipHigh, positiveShare: share },
        }
      },
      again: bapo,
    },
    options,
  )
}

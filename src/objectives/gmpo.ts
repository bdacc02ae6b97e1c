/** Geometric mean of clipped token ratios. */
import { add, clip, div, equal, exp, greater, less, minimum, mul, neg, sign, sub, sum } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { tokenLogRatio } from "./ratio.ts"

/** Keeps a response without counted tokens from dividing by zero; verl's value. */
const LENGTH_EPSILON = 1e-8

/**
 *   L = -A exp((1 / len) sum_t m_t s min(s d_t, s clip(d_t, -clipLow, clipHigh))),  d = log-ratio, s = sign(A_t)
 * one loss per sequence, with A the mean of its token advantages. The clip is on the LOG ratio. Aggregate with
 * seq-mean-token-mean: each token then carries its share of the sequence's loss.
 *
 * Source: arXiv:2507.20673. No clamp of the log-ratio by default: the clip bounds one side of it, the mean the other.
 */
export function gmpo(options: ObjectiveOptions): BatchObjective {
  const { clipLow = 0.4, clipHigh = 0.4, logRatioClamp = null } = options
  return assemble(
    {
      name: "gmpo",
      silentWithoutAdvantage: true,
      constants: { clipLow, clipHigh },
      structure: { logRatioClamp },
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const limited_BT = clip(logRatio_BT, neg(inputs.constant("clipLow")), inputs.constant("clipHigh"))
        const side_BT = sign(A_BT)
        const pessimistic_BT = mul(side_BT, minimum(mul(side_BT, logRatio_BT), mul(side_BT, limited_BT)))
        const length_B1 = add(sum(inputs.mask_BT, { axes: [1], keepDims: true }), LENGTH_EPSILON)
        const tokenMean = (x_BT: typeof A_BT): typeof A_BT =>
          div(sum(mul(x_BT, inputs.mask_BT), { axes: [1], keepDims: true }), length_B1)
        const changed_BT = sub(1, equal(logRatio_BT, limited_BT))
        return {
          loss_BT: neg(mul(tokenMean(A_BT), exp(tokenMean(pessimistic_BT)))),
          logRatio_BT,
          statistics: {
            clipFractionPositive: mul(changed_BT, greater(A_BT, 0)),
            clipFractionNegative: mul(changed_BT, less(A_BT, 0)),
          },
        }
      },
      again: gmpo,
    },
    options,
  )
}

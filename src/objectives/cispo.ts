/** Clipped importance-sampling weights on a plain policy gradient. */
import { exp, greater, mul, neg, stopGradient } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { capped, maskedLogprobs, tokenLogRatio } from "./ratio.ts"

/**
 *   L_t = -stopGradient(min(r_t, ratioCap)) A_t log pi_t
 * Every token keeps a gradient, unlike under a clip. ratioCap is absolute, not 1 + epsilon.
 *
 * Source: arXiv:2506.13585; only the upper bound, as the paper uses it.
 */
export function cispo(options: ObjectiveOptions): BatchObjective {
  const { ratioCap = 5, logRatioClamp = 20 } = options
  return assemble(
    {
      name: "cispo",
      silentWithoutAdvantage: true,
      constants: { ratioCap },
      structure: { logRatioClamp },
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const ratio_BT = exp(logRatio_BT)
        const cap = inputs.constant("ratioCap")
        const weight_BT = stopGradient(capped(ratio_BT, cap))
        return {
          loss_BT: neg(mul(mul(weight_BT, A_BT), maskedLogprobs(inputs))),
          logRatio_BT,
          ratio_BT,
          statistics: { clipFraction: mul(greater(ratio_BT, cap), greater(A_BT, 0)) },
        }
      },
      again: cispo,
    },
    options,
  )
}

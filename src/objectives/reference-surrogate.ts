/** The loss of the published PIPO code, to reproduce it. */
import { add, clip, exp, greater, minimum, mul, neg, sub } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { tokenLogRatio } from "./ratio.ts"

/**
 *   L_t = -min(r_t, clip(r_t, 1 - epsilon, 1 + epsilon)) C_t,  epsilon = clipLow
 * This is -min(r, 1 + epsilon) C: the lower bound never acts, and for C < 0 there is no trust region below and no gradient
 * above 1 + epsilon. Clearly harmful in our measurements; the base objective's own expression is the default.
 *
 * Source: the code released with arXiv:2604.00860 (group-relative losses). Its clip fraction counts r < 1 - epsilon.
 */
export function referenceSurrogate(name: string, options: ObjectiveOptions): BatchObjective {
  const { clipLow = 0.2, logRatioClamp = 20 } = options
  return assemble(
    {
      name,
      silentWithoutAdvantage: true,
      constants: { epsilon: clipLow },
      structure: { form: "reference-surrogate", logRatioClamp },
      policyLoss(inputs) {
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const ratio_BT = exp(logRatio_BT)
        const epsilon = inputs.constant("epsilon")
        const limited_BT = clip(ratio_BT, sub(1, epsilon), add(1, epsilon))
        return {
          loss_BT: neg(mul(minimum(ratio_BT, limited_BT), inputs.advantages_BT)),
          logRatio_BT,
          ratio_BT,
          statistics: { clipFraction: greater(limited_BT, ratio_BT) },
        }
      },
      again: (others) => referenceSurrogate(name, others),
    },
    options,
  )
}

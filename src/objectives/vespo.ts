/** Sequence-level soft weights of gamma shape. */
import { clip, exp, greaterEqual, log, maximum, mul, neg, add, stopGradient, sub, sum, where } from "../graph/index.ts"
import { assemble, requiredTokenInput } from "./assemble.ts"
import { IMPORTANCE_INPUT, type BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { maskedLogprobs, tokenLogRatio } from "./ratio.ts"

/** Smallest weight whose logarithm is taken. */
const SMALLEST = 1e-8

/**
 *   L_t = -phi(w) A_t log pi_t,  phi(w) = exp(rate (1 - w)) w^shape, no gradient through phi
 * with w the product of the sequence's token ratios, log w limited to [log 1e-8, 20]; shape and rate by the sign of A. With
 * importance weights (token-level only) w is multiplied by them, and the loss is not.
 *
 * Source: arXiv:2602.10693; constants and limits as in TRL.
 */
export function vespo(options: ObjectiveOptions): BatchObjective {
  const {
    shapePositive = 2,
    ratePositive = 3,
    shapeNegative = 3,
    rateNegative = 2,
    importance = false,
    logRatioClamp = 20,
  } = options
  return assemble(
    {
      name: "vespo",
      silentWithoutAdvantage: true,
      constants: { shapePositive, ratePositive, shapeNegative, rateNegative },
      structure: { logRatioClamp },
      ownImportance: true,
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const correction_BT = importance
          ? where(inputs.mask_BT, log(maximum(requiredTokenInput("vespo", inputs, IMPORTANCE_INPUT), SMALLEST)), 0)
          : null
        const total_BT = correction_BT === null ? logRatio_BT : add(logRatio_BT, correction_BT)
        const logWeight_B1 = clip(sum(total_BT, { axes: [1], keepDims: true }), Math.log(SMALLEST), 20)
        const favoured_BT = greaterEqual(A_BT, 0)
        const shape_BT = where(favoured_BT, inputs.constant("shapePositive"), inputs.constant("shapeNegative"))
        const rate_BT = where(favoured_BT, inputs.constant("ratePositive"), inputs.constant("rateNegative"))
        const phi_BT = stopGradient(exp(add(mul(rate_BT, sub(1, exp(logWeight_B1))), mul(shape_BT, logWeight_B1))))
        return {
          loss_BT: neg(mul(mul(phi_BT, A_BT), maskedLogprobs(inputs))),
          logRatio_BT,
          statistics: { sequenceWeight: phi_BT },
        }
      },
      again: vespo,
    },
    options,
  )
}

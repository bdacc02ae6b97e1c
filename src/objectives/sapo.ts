/** Soft adaptive gate in place of a clip. */
import { div, exp, greater, mul, neg, sigmoid, sub, where } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { sequenceLogRatio, tokenLogRatio } from "./ratio.ts"

/**
 *   L_t = -(4 / tau) sigmoid(tau (r_t - 1)) A_t,  tau = temperaturePositive where A > 0, else temperatureNegative
 * At r = 1 the gradient is that of the unclipped surrogate; it fades smoothly on both sides.
 *
 * Source: arXiv:2511.20347.
 */
export function sapo(options: ObjectiveOptions): BatchObjective {
  const { temperaturePositive = 1, temperatureNegative = 1.05, level = "token", sequenceGradient = "token" } = options
  const { logRatioClamp = 20, sequenceClamp = 10 } = options
  return assemble(
    {
      name: "sapo",
      silentWithoutAdvantage: true,
      constants: { temperaturePositive, temperatureNegative },
      structure: { level, sequenceGradient, logRatioClamp, sequenceClamp },
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, level === "token" ? logRatioClamp : null)
        const ratio_BT = exp(
          level === "token"
            ? logRatio_BT
            : sequenceLogRatio(inputs, { gradient: sequenceGradient, clamp: sequenceClamp }),
        )
        const tau_BT = where(
          greater(A_BT, 0),
          inputs.constant("temperaturePositive"),
          inputs.constant("temperatureNegative"),
        )
        const gate_BT = div(mul(sigmoid(mul(tau_BT, sub(ratio_BT, 1))), 4), tau_BT)
        return { loss_BT: neg(mul(gate_BT, A_BT)), logRatio_BT, ratio_BT }
      },
      again: sapo,
    },
    options,
  )
}

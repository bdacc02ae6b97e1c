/** Policy gradient without a ratio. */
import { mul, neg } from "../graph/index.ts"
import { assemble } from "./assemble.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { maskedLogprobs } from "./ratio.ts"

/**
 *   L_t = -A_t log pi_t
 * On policy its gradient is that of the unclipped surrogate; off policy it has no correction at all.
 *
 * Source: Williams 1992 (reinforce); arXiv:2504.02546 (gpg, which differs by its advantages).
 */
export function plainPolicyGradient(name: string, options: ObjectiveOptions): BatchObjective {
  return assemble(
    {
      name,
      silentWithoutAdvantage: true,
      constants: {},
      structure: { form: "plain" },
      policyLoss: (inputs) => ({ loss_BT: neg(mul(inputs.advantages_BT, maskedLogprobs(inputs))) }),
      again: (others) => plainPolicyGradient(name, others),
    },
    options,
  )
}

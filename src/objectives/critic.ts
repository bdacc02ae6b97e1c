/**
 * A critic beside a policy loss: the loss of a value head is added to that of any objective.
 *
 * Shape legend: B responses, T tokens.
 */
import { EngineError } from "../errors.ts"
import { add, mul, square, sub, where, type Tensor } from "../graph/index.ts"
import { requiredTokenInput } from "./assemble.ts"
import { isBatchObjective, type BatchObjective, type BatchObjectiveInputs } from "./batch-objective.ts"
import type { Objective } from "./objective.ts"
import { valueLoss } from "./value-loss.ts"

/** Per-token inputs of the critic: the values before the update, and the returns that the estimator made of them. */
export const criticInputs = { oldValues: "oldValues", returns: "returns" } as const

export interface CriticOptions {
  /** Weight of the value loss beside the policy loss. Default 0.5. */
  readonly coefficient?: number
  /** How far a value may move from its old one before the loss stops rewarding it, in units of reward. Default 0.2; null: no bound. */
  readonly clip?: number | null
}

/**
 *   loss = policy loss + coefficient x 1/2 max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2)
 * with the same weights of aggregation. What `without` gives, for a verification update, has no critic.
 *
 * Source: arXiv:1707.06347 equation 9.
 */
export function withCritic(objective: Objective, options: CriticOptions = {}): BatchObjective {
  const { coefficient = 0.5, clip = 0.2 } = options
  const base = asBatchObjective(objective)
  return {
    ...base,
    needs: [...base.needs, "values"],
    // Returns are learned from every token.
    silentWithoutAdvantage: false,
    tokenInputs: [...base.tokenInputs, criticInputs.oldValues, criticInputs.returns],
    constants: { ...base.constants, valueCoefficient: coefficient, ...(clip === null ? {} : { valueClip: clip }) },
    key: `${base.key} + critic ${clip === null ? "free" : "clipped"}`,
    build(inputs: BatchObjectiveInputs) {
      const { loss_BT, statistics } = base.build(inputs)
      const critic = criticLoss(base.name, inputs, clip !== null)
      return {
        loss_BT: add(loss_BT, mul(inputs.constant("valueCoefficient"), critic.loss_BT)),
        statistics: { ...statistics, valueLoss: critic.loss_BT, ...(critic.clipped_BT === undefined ? {} : { valueClipFraction: critic.clipped_BT }) },
      }
    },
  }
}

function criticLoss(who: string, inputs: BatchObjectiveInputs, clipped: boolean): { readonly loss_BT: Tensor; readonly clipped_BT?: Tensor } {
  if (inputs.values_BT === undefined) {
    throw new EngineError(`${who}: expected the engine to give values, got none. Use an engine with a value head, or another advantage than gae.`)
  }
  const masked = (x_BT: Tensor): Tensor => where(inputs.mask_BT, x_BT, 0)
  const values_BT = masked(inputs.values_BT)
  const returns_BT = masked(requiredTokenInput(who, inputs, criticInputs.returns))
  if (!clipped) return { loss_BT: mul(square(sub(values_BT, returns_BT)), 0.5) }
  const oldValues_BT = masked(requiredTokenInput(who, inputs, criticInputs.oldValues))
  return valueLoss({ values_BT, oldValues_BT, returns_BT, clipRange: inputs.constant("valueClip") })
}

/** An objective from elsewhere has no terms that it could do without. */
function asBatchObjective(objective: Objective): BatchObjective {
  if (isBatchObjective(objective)) return objective
  const plain: BatchObjective = { ...objective, tokenInputs: [], build: (inputs) => objective.build(inputs), without: () => plain }
  return plain
}

/**
 * `objective`: the loss. What stays absent here is set by the objective itself (clip bounds of gspo are not those of
 * grpo), and an objective may have options of its own, which it checks.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { nonNegative } from "./fields.ts"

export interface ObjectiveSettings {
  readonly name: string
  /** Importance ratios are clipped to [1 - clipLow, 1 + clipHigh]. */
  readonly clipLow?: number
  readonly clipHigh?: number
  /** Bound of the loss for negative advantages, in multiples of the advantage; null is off. */
  readonly dualClip?: number | null
  /** Weight of the divergence from the reference policy; 0 needs no reference. */
  readonly klCoefficient: number
  readonly klEstimator: string
  /** How token losses become one number: token-mean, seq-mean-token-sum, ... */
  readonly aggregation?: string
  /** Advantage estimator. */
  readonly advantage?: string
  /** Divide advantages by the group's standard deviation. */
  readonly normalizeStd?: boolean
  /** Options of one objective. */
  readonly [option: string]: unknown
}

const values = defaults.objective

export const objectiveSchema: z.ZodType<ObjectiveSettings> = z.looseObject({
  name: z.string().min(1).default(values.name).describe("grpo, dapo, drgrpo, gspo, ..."),
  clipLow: nonNegative().exactOptional().describe("Ratios are clipped below at 1 - clipLow"),
  clipHigh: nonNegative().exactOptional().describe("Ratios are clipped above at 1 + clipHigh"),
  dualClip: z
    .number()
    .gt(1)
    .nullable()
    .exactOptional()
    .describe("Bound of the loss for negative advantages, in multiples of the advantage; null is off"),
  klCoefficient: nonNegative()
    .default(values.klCoefficient)
    .describe("Weight of the divergence from the reference policy; 0 needs no reference"),
  klEstimator: z.string().min(1).default(values.klEstimator).describe("k1, k2, k3, ..."),
  aggregation: z.string().min(1).exactOptional().describe("token-mean, seq-mean-token-sum, seq-mean-token-mean, ..."),
  advantage: z.string().min(1).exactOptional().describe("Advantage estimator: grpo, drgrpo, rloo, ..."),
  normalizeStd: z.boolean().exactOptional().describe("Divide advantages by the group's standard deviation"),
})

/**
 * `steering`: the controller of the step size that `pipo.acts: step-size` (preset verified) turns on.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { nonNegative } from "./fields.ts"

export interface SteeringSettings {
  /** KL between the policies of two iterations, per token, that the learning rate is steered to; 0 is off. */
  readonly klTarget: number
  /** How fast the target follows the slope of the reward along the last steps; 0 is off. */
  readonly slopeGain: number
  /** Where along a step that slope is taken: 1 is its end, 0.5 the mean over it. */
  readonly slopeAt: number
  /** A drop of the reward by more standard errors halves the step; 0 is off. */
  readonly dropThreshold: number
  /** After a drop, go back to the policy that was best when verified. */
  readonly returns: boolean
}

const values = defaults.steering

export const steeringSchema: z.ZodType<SteeringSettings> = z.strictObject({
  klTarget: nonNegative()
    .default(values.klTarget)
    .describe("KL of one iteration, per token, that the learning rate is steered to; 0 is off"),
  slopeGain: nonNegative()
    .default(values.slopeGain)
    .describe("How fast the target follows the slope of the reward along the last steps; 0 is off"),
  slopeAt: z
    .number()
    .min(0.5)
    .max(1)
    .default(values.slopeAt)
    .describe("Where along a step that slope is taken: 1 is its end, 0.5 the mean over it"),
  dropThreshold: nonNegative()
    .default(values.dropThreshold)
    .describe("A drop of the reward by more standard errors than this halves the step; 0 is off"),
  returns: z.boolean().default(values.returns).describe("After a drop, go back to the best verified policy"),
})

/**
 * `warmStart`: supervised training before reinforcement learning, for models that start from scratch and would
 * otherwise never earn a reward. Off unless the section is there.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer, nonNegative, positive, share } from "./fields.ts"

export interface WarmStartSettings {
  readonly enabled: boolean
  /** Stop once the held-out accuracy reaches this. */
  readonly targetAccuracy: number
  readonly learningRate: number
  /** Steps over which the learning rate rises linearly. */
  readonly warmupSteps: number
  /** Solutions per optimiser step. */
  readonly batchSize: number
  readonly maxSteps: number
  /** Steps between two evaluations. */
  readonly evalEvery: number
  readonly weightDecay: number
}

const values = defaults.warmStart

export const warmStartSchema: z.ZodType<WarmStartSettings> = z.strictObject({
  enabled: z.boolean().default(true).describe("Train on solutions first; true when the section is there"),
  targetAccuracy: share()
    .default(values.targetAccuracy)
    .describe("Stop at this held-out accuracy: expected where answers are unique, else greedy"),
  learningRate: positive().default(values.learningRate).describe("Adam's learning rate during the warm start"),
  warmupSteps: integer(0).default(values.warmupSteps).describe("Steps over which the learning rate rises linearly"),
  batchSize: integer(1).default(values.batchSize).describe("Solutions per optimiser step"),
  maxSteps: integer(1).default(values.maxSteps).describe("Give up after this many steps"),
  evalEvery: integer(1).default(values.evalEvery).describe("Steps between two evaluations"),
  weightDecay: nonNegative().default(values.weightDecay).describe("Decoupled weight decay"),
})

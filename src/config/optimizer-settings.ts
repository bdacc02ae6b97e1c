/**
 * `optimizer` and `lora`: how and which weights move.
 */
import { z } from "zod"
import { defaults, defaultWarmup } from "./defaults.ts"
import { integer, nonNegative, positive, share } from "./fields.ts"

export interface OptimizerSettings {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled. */
  readonly weightDecay: number
  /** Largest global gradient norm; 0 is off. */
  readonly gradientClip: number
  /** Iterations over which the learning rate rises linearly; the last of them has the full rate. */
  readonly warmupSteps: number
  readonly schedule: "constant" | "linear" | "cosine"
  /** Where a decaying schedule ends, as a share of the learning rate. */
  readonly minLearningRateRatio: number
  /** Passes over each batch. */
  readonly epochs: number
  /** Optimiser steps per pass; the prompts of a batch are cut into this many parts. */
  readonly miniBatches: number
}

export interface LoraSettings {
  readonly enabled: boolean
  readonly rank: number
  /** The adapter is scaled by alpha / rank. */
  readonly alpha: number
  /** Projections that get an adapter. */
  readonly targets: readonly string[]
}

/** As written: what has a default that depends on other sections may be absent. */
export type OptimizerInput = Omit<OptimizerSettings, "learningRate" | "warmupSteps"> &
  Partial<Pick<OptimizerSettings, "learningRate" | "warmupSteps">>

/**
 * The warm-up of a run that sets none. Adam's first steps move every weight by the whole rate, in directions that are mostly noise until its moments
 * have averaged some gradients.
 * @param steps  length of the run
 */
export function warmupStepsOf(steps: number): number {
  return Math.min(defaultWarmup.steps, Math.floor(defaultWarmup.share * steps))
}

const values = defaults.optimizer

export const optimizerSchema: z.ZodType<OptimizerInput> = z.strictObject({
  learningRate: positive().exactOptional().describe("1e-6 for a model folder and 2e-4 for a preset when absent"),
  beta1: z.number().min(0).lt(1).default(values.beta1).describe("Adam's decay of the first moment"),
  beta2: z.number().min(0).lt(1).default(values.beta2).describe("Adam's decay of the second moment"),
  eps: positive().default(values.eps).describe("Added to the root of the second moment"),
  weightDecay: nonNegative().default(values.weightDecay).describe("Decoupled weight decay"),
  gradientClip: nonNegative().default(values.gradientClip).describe("Largest global gradient norm; 0 is off"),
  warmupSteps: integer(0)
    .exactOptional()
    .describe("Iterations over which the rate rises linearly: 10 when absent, a quarter of a run of fewer than 40"),
  schedule: z.enum(["constant", "linear", "cosine"]).default(values.schedule).describe("Learning rate after warm-up"),
  minLearningRateRatio: share()
    .default(values.minLearningRateRatio)
    .describe("Where a decaying schedule ends, as a share of the learning rate"),
  epochs: integer(1).default(values.epochs).describe("Passes over each batch"),
  miniBatches: integer(1).default(values.miniBatches).describe("Optimiser steps per pass"),
})

export const loraSchema: z.ZodType<LoraSettings> = z.strictObject({
  enabled: z.boolean().default(true).describe("Train adapters only; true when the section is there"),
  rank: integer(1).default(defaults.lora.rank).describe("Rank of the adapters"),
  alpha: positive().default(defaults.lora.alpha).describe("Adapters are scaled by alpha / rank"),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(() => [...defaults.lora.targets])
    .describe("Projections that get an adapter"),
})

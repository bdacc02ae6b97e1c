/**
 * The whole configuration: one nested object, sections in files of their own, defaults in `defaults.ts`.
 */
import { z } from "zod"
import { defaultLearningRate, defaults } from "./defaults.ts"
import { integer } from "./fields.ts"
import { modelSchema } from "./model-settings.ts"
import type { ModelSettings } from "./model-settings.ts"
import { objectiveSchema } from "./objective-settings.ts"
import type { ObjectiveSettings } from "./objective-settings.ts"
import { loraSchema, optimizerSchema, warmupStepsOf } from "./optimizer-settings.ts"
import type { LoraSettings, OptimizerSettings } from "./optimizer-settings.ts"
import { pipoSchema } from "./pipo-settings.ts"
import type { PipoSettings } from "./pipo-settings.ts"
import { rolloutSchema } from "./rollout-settings.ts"
import type { RolloutSettings } from "./rollout-settings.ts"
import { checkpointSchema, engineSchema, evaluationSchema, loggingSchema, trainSchema } from "./run-settings.ts"
import type {
  CheckpointSettings,
  EngineSettings,
  EvaluationSettings,
  LoggingSettings,
  TrainSettings,
} from "./run-settings.ts"
import { steeringSchema } from "./steering-settings.ts"
import type { SteeringSettings } from "./steering-settings.ts"
import { taskSchema } from "./task-settings.ts"
import type { TaskSettings } from "./task-settings.ts"
import { warmStartSchema } from "./warm-start-settings.ts"
import type { WarmStartSettings } from "./warm-start-settings.ts"

/** A configuration with every default filled in. Saved with the run as config.yaml. */
export interface ResolvedConfig {
  readonly seed: number
  readonly model: ModelSettings
  readonly task: TaskSettings
  readonly warmStart: WarmStartSettings
  readonly rollout: RolloutSettings
  readonly objective: ObjectiveSettings
  readonly pipo: PipoSettings
  readonly steering: SteeringSettings
  readonly optimizer: OptimizerSettings
  readonly lora: LoraSettings
  readonly train: TrainSettings
  readonly evaluation: EvaluationSettings
  readonly checkpoint: CheckpointSettings
  readonly engine: EngineSettings
  readonly logging: LoggingSettings
}

/** Largest seed: the random number generators take 32 bits. */
const largestSeed = 0xffffffff

/** Checks one configuration and fills in its defaults; cross-field checks are in `cross-checks.ts`. */
export const configSchema: z.ZodType<ResolvedConfig> = z
  .strictObject({
    seed: integer(0, largestSeed).default(defaults.seed).describe("Of everything random in the run"),
    model: modelSchema.prefault({}).describe("The policy: a folder or a preset"),
    task: taskSchema.prefault({}).describe("Where the problems come from"),
    warmStart: warmStartSchema.prefault({ enabled: false }).describe("Supervised training before the first step"),
    rollout: rolloutSchema.prefault({}).describe("How many responses an iteration samples, and how"),
    objective: objectiveSchema.prefault({}).describe("The loss"),
    pipo: pipoSchema.prefault({}).describe("Policy improvement verified and fed back"),
    steering: steeringSchema.prefault({}).describe("The controller of the step size, with pipo.preset verified"),
    optimizer: optimizerSchema.prefault({}).describe("AdamW and its schedule"),
    lora: loraSchema.prefault({ enabled: false }).describe("Low-rank adapters instead of all weights"),
    train: trainSchema.prefault({}).describe("Length and place of the run"),
    evaluation: evaluationSchema.prefault({}).describe("Held-out accuracy"),
    checkpoint: checkpointSchema.prefault({}).describe("When state is saved"),
    engine: engineSchema.prefault({}).describe("Where the model lives: the embedded engine, or a server"),
    logging: loggingSchema.prefault({}).describe("What is written beside the metrics"),
  })
  .transform((config) => ({
    ...config,
    objective:
      config.rollout.precision === "int8" && config.objective.importanceCorrection === undefined
        ? { ...config.objective, importanceCorrection: "token-truncate" as const }
        : config.objective,
    optimizer: {
      ...config.optimizer,
      learningRate:
        config.optimizer.learningRate ??
        (config.model.preset === undefined ? defaultLearningRate.folder : defaultLearningRate.preset),
      warmupSteps: config.optimizer.warmupSteps ?? warmupStepsOf(config.train.steps),
    },
  }))

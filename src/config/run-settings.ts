/**
 * `train`, `evaluation`, `checkpoint`, `engine` and `logging`: the run around the algorithm.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer } from "./fields.ts"
import { serverSchema } from "./server-settings.ts"
import type { ServerSettings } from "./server-settings.ts"

export interface TrainSettings {
  /** Iterations of reinforcement learning. */
  readonly steps: number
  /** Recompute activations in the backward pass: less memory, about a third more time. */
  readonly gradientCheckpointing: boolean
  /** Sample the next step's responses while this step's update runs: one update off-policy, with kind tinker. */
  readonly overlap: boolean
  /**
   * Responses whose advantage is zero stay out of the network where the objective declares that they contribute nothing.
   * "always" insists on an objective that does; "never" trains on every response, which gives the same gradient up to
   * float rounding.
   */
  readonly skipWithoutAdvantage: "auto" | "always" | "never"
  /** Run folder; runs/<name of the config file> when absent. */
  readonly runDir?: string
}

export interface EvaluationSettings {
  /** Iterations between two evaluations; step 0 and the last step are evaluated always. */
  readonly every: number
  /** Number of held-out problems, from the first. */
  readonly size: number | "all"
  /** Accuracy of greedy responses. */
  readonly greedy: boolean
  /** Accuracy expected under the sampling distribution, by one teacher-forced pass, where answers are unique. */
  readonly expected: boolean
  /** Held-out problems, from the first, whose expected accuracy is measured after every step; 0 is off. */
  readonly stepSize: number
  /** The model that the run leaves is the policy of the best evaluation, not that of the last step. */
  readonly keepBest: boolean
}

export interface CheckpointSettings {
  readonly every: number
  /** Checkpoints kept, the newest ones. */
  readonly keep: number
}

export interface EngineSettings {
  /** The embedded engine, or a server of the Tinker protocol. */
  readonly kind: "onnx" | "tinker"
  /** Required with kind tinker. */
  readonly server?: ServerSettings
  /** "auto" takes every core. The same seed gives the same numbers only on the same number of threads. */
  readonly threads: number | "auto"
  /** Sequences decoded side by side. */
  readonly sampleBatch: number
  /**
   * Tokens of a training micro-batch, padding included; "auto": up to 2048, by the memory that is free at the start.
   */
  readonly tokenBudget: number | "auto"
  /** Vocabulary entries whose logits exist at once in training; 0 takes the whole vocabulary. */
  readonly headChunk: number
}

export interface LoggingSettings {
  /** Responses written to the completions log in each step. */
  readonly completionsPerStep: number
  /** The log-prob of each of their tokens is written too. */
  readonly tokenLogprobs: boolean
  /** Event files for TensorBoard in the run's folder, written as the run goes. */
  readonly tensorboard: boolean
}

export const trainSchema: z.ZodType<TrainSettings> = z.strictObject({
  steps: integer(0).default(defaults.train.steps).describe("Iterations of reinforcement learning"),
  gradientCheckpointing: z
    .boolean()
    .default(defaults.train.gradientCheckpointing)
    .describe("Recompute activations in the backward pass: less memory, more time"),
  overlap: z
    .boolean()
    .default(defaults.train.overlap)
    .describe("Sample the next step's responses while this step's update runs, with kind: tinker"),
  skipWithoutAdvantage: z
    .enum(["auto", "always", "never"])
    .default(defaults.train.skipWithoutAdvantage)
    .describe("Leave responses without advantage out of the network where the objective allows it"),
  runDir: z.string().min(1).exactOptional().describe("Run folder; runs/<name of the config file> when absent"),
})

export const evaluationSchema: z.ZodType<EvaluationSettings> = z.strictObject({
  every: integer(1).default(defaults.evaluation.every).describe("Iterations between two evaluations"),
  size: z
    .union([z.literal("all"), integer(1)])
    .default(defaults.evaluation.size)
    .describe("Number of held-out problems, or all"),
  greedy: z.boolean().default(defaults.evaluation.greedy).describe("Measure the accuracy of greedy responses"),
  expected: z
    .boolean()
    .default(defaults.evaluation.expected)
    .describe("Measure the noise-free expected accuracy where answers are unique"),
  stepSize: integer(0)
    .default(defaults.evaluation.stepSize)
    .describe("Held-out problems of the expected accuracy after every step; 0 is off"),
  keepBest: z
    .boolean()
    .default(defaults.evaluation.keepBest)
    .describe("Leave the policy of the best evaluation as the run's model, not that of the last step"),
})

export const checkpointSchema: z.ZodType<CheckpointSettings> = z.strictObject({
  every: integer(1).default(defaults.checkpoint.every).describe("Iterations between two checkpoints"),
  keep: integer(1).default(defaults.checkpoint.keep).describe("Checkpoints kept, the newest ones"),
})

export const engineSchema: z.ZodType<EngineSettings> = z.strictObject({
  kind: z
    .enum(["onnx", "tinker"])
    .default(defaults.engine.kind)
    .describe("onnx: the embedded engine; tinker: a server of the Tinker protocol"),
  server: serverSchema.exactOptional().describe("The server, with kind: tinker"),
  threads: z
    .union([z.literal("auto"), integer(1)])
    .default(defaults.engine.threads)
    .describe("Threads of the embedded engine; auto takes every core"),
  sampleBatch: integer(1).default(defaults.engine.sampleBatch).describe("Sequences decoded side by side"),
  tokenBudget: z
    .union([z.literal("auto"), integer(1)])
    .default(defaults.engine.tokenBudget)
    .describe("Tokens of a training micro-batch; auto: up to 2048, by the memory that is free at the start"),
  headChunk: integer(0)
    .default(defaults.engine.headChunk)
    .describe("Vocabulary entries whose logits exist at once in training; 0 takes all"),
})

export const loggingSchema: z.ZodType<LoggingSettings> = z.strictObject({
  completionsPerStep: integer(0)
    .default(defaults.logging.completionsPerStep)
    .describe("Responses written to the completions log in each step"),
  tokenLogprobs: z
    .boolean()
    .default(defaults.logging.tokenLogprobs)
    .describe("Write the log-prob of each of their tokens too"),
  tensorboard: z
    .boolean()
    .default(defaults.logging.tensorboard)
    .describe("Write event files for TensorBoard into the run folder as it goes"),
})

/**
 * `rollout`: how many responses an iteration samples, and how.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer, positive, share } from "./fields.ts"

export interface RolloutSettings {
  /** Prompts of an iteration (n). */
  readonly promptsPerStep: number
  /** Responses per prompt (G). */
  readonly groupSize: number
  readonly maxResponseTokens: number
  readonly temperature: number
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number
  /** Keep the smallest set of tokens whose probability reaches this; 1 keeps all. */
  readonly topP: number
  /** Drop tokens below this share of the most likely token's probability; 0 keeps all. */
  readonly minP: number
  readonly stopStrings: readonly string[]
  /** Share of training rewards that are turned over (r becomes 1 - r): a verifier that errs, for experiments. */
  readonly rewardNoise: number
}

const values = defaults.rollout

export const rolloutSchema: z.ZodType<RolloutSettings> = z.strictObject({
  promptsPerStep: integer(1).default(values.promptsPerStep).describe("Prompts of an iteration"),
  groupSize: integer(1).default(values.groupSize).describe("Responses per prompt"),
  maxResponseTokens: integer(1).default(values.maxResponseTokens).describe("Longest response, tokens"),
  temperature: positive().default(values.temperature).describe("Logits are divided by this"),
  topK: integer(0).default(values.topK).describe("Keep the k most likely tokens; 0 keeps all"),
  topP: z
    .number()
    .positive()
    .max(1)
    .default(values.topP)
    .describe("Keep the smallest set of tokens whose probability reaches this; 1 keeps all"),
  minP: share().default(values.minP).describe("Drop tokens below this share of the most likely one's probability"),
  stopStrings: z
    .array(z.string().min(1))
    .default(() => [...values.stopStrings])
    .describe("A response ends with the token that completes one of these"),
  rewardNoise: share()
    .default(values.rewardNoise)
    .describe("Share of training rewards that are turned over, for experiments on robustness"),
})

/**
 * `rollout`: how many responses an iteration samples, and how.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer, nonNegative, positive, share } from "./fields.ts"

/** Groups of one reward are dropped and replaced (DAPO, arXiv:2503.14476, 3.2). */
export interface DynamicSamplingSettings {
  readonly enabled: boolean
  /** Rounds of sampling in a step, the first included. */
  readonly maxRounds: number
}

/** Soft overlong penalty (DAPO, arXiv:2503.14476, equation 13). */
export interface OverlongSettings {
  /** Tokens before maxResponseTokens in which the penalty rises from 0 to `penalty`; 0 is off. */
  readonly bufferTokens: number
  /** Taken off the training reward of a response of maxResponseTokens. */
  readonly penalty: number
}

/** Prompts whose success rate is near one half are preferred. */
export interface CurriculumSettings {
  readonly enabled: boolean
  /** Share of a step's prompts that is drawn without preference; the mean reward of a step is theirs. */
  readonly uniformShare: number
  /** Problems of the stream that are looked at for each prompt that is chosen. */
  readonly candidates: number
  /** Share of the choice that ignores the estimates. */
  readonly exploration: number
  /** Success rate of a problem not seen yet. */
  readonly prior: number
  /** Smallest weight of a new observation in a problem's estimate. */
  readonly rate: number
  /** Problems that are remembered; the one seen longest ago is forgotten first. */
  readonly capacity: number
}

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
  /** What rollouts are computed in; evaluations and saved models are float32. */
  readonly precision: "f32" | "int8"
  /**
   * "auto": a text goes through the model's chat template, as one user message, when it has one. True: it must have
   * one. False: a text is bare text. Messages go through the template always.
   */
  readonly chatTemplate: "auto" | boolean
  /** System message before prompts that have none; needs a chat template. */
  readonly systemPrompt?: string
  /** Further variables of the chat template, e.g. `enable_thinking: false`. */
  readonly templateVariables: Readonly<Record<string, unknown>>
  /** Share of training rewards that are turned over (r becomes 1 - r): a verifier that errs, for experiments. */
  readonly rewardNoise: number
  readonly dynamicSampling: DynamicSamplingSettings
  readonly overlong: OverlongSettings
  /** Responses cut off at maxResponseTokens have no part in the loss. */
  readonly maskTruncated: boolean
  readonly curriculum: CurriculumSettings
}

const values = defaults.rollout

const dynamicSamplingSchema: z.ZodType<DynamicSamplingSettings> = z.strictObject({
  enabled: z.boolean().default(true).describe("Drop groups of one reward and sample others; true when the section is there"),
  maxRounds: integer(1, 1000).default(values.dynamicSampling.maxRounds).describe("Rounds of sampling in a step at most"),
})

const overlongSchema: z.ZodType<OverlongSettings> = z.strictObject({
  bufferTokens: integer(0)
    .default(values.overlong.bufferTokens)
    .describe("Last tokens before maxResponseTokens in which the penalty rises; 0 is off"),
  penalty: nonNegative().default(values.overlong.penalty).describe("Penalty at maxResponseTokens"),
})

const curriculumSchema: z.ZodType<CurriculumSettings> = z.strictObject({
  enabled: z.boolean().default(true).describe("Prefer prompts solved about half of the time; true when the section is there"),
  uniformShare: share()
    .default(values.curriculum.uniformShare)
    .describe("Share of prompts drawn without preference, which measure the mean reward"),
  candidates: integer(1, 1000).default(values.curriculum.candidates).describe("Problems looked at for each one chosen"),
  exploration: share().default(values.curriculum.exploration).describe("Share of the choice that is uniform"),
  prior: share().default(values.curriculum.prior).describe("Success rate of a problem not seen yet"),
  rate: share().default(values.curriculum.rate).describe("Smallest weight of a new observation in an estimate"),
  capacity: integer(1).default(values.curriculum.capacity).describe("Problems that are remembered"),
})

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
  precision: z
    .enum(["f32", "int8"])
    .default(values.precision)
    .describe("int8: rollouts with weights and activations of eight bits, corrected by importance weights"),
  chatTemplate: z
    .union([z.literal("auto"), z.boolean()])
    .default(values.chatTemplate)
    .describe("Texts go through the chat template: auto, when there is one; true, there must be one; false, never"),
  systemPrompt: z.string().min(1).exactOptional().describe("System message before prompts that have none"),
  templateVariables: z
    .record(z.string(), z.unknown())
    .default(() => ({ ...values.templateVariables }))
    .describe("Further variables of the chat template, e.g. enable_thinking: false"),
  rewardNoise: share()
    .default(values.rewardNoise)
    .describe("Share of training rewards that are turned over, for experiments on robustness"),
  dynamicSampling: dynamicSamplingSchema
    .prefault({ enabled: values.dynamicSampling.enabled })
    .describe("Groups that say nothing are replaced"),
  overlong: overlongSchema.prefault({}).describe("Soft penalty on nearly overlong responses"),
  maskTruncated: z.boolean().default(values.maskTruncated).describe("Leave truncated responses out of the loss"),
  curriculum: curriculumSchema
    .prefault({ enabled: values.curriculum.enabled })
    .describe("Choice of prompts by their difficulty"),
})

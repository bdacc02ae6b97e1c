/**
 * What goes over the wire: requests as types, answers as schemas. Unknown fields of answers are ignored, so that a newer server
 * does not break an older client.
 *
 * Shape legend: T tokens of a datum's model input, which is also the length of each of its loss inputs.
 */
import { z } from "zod"

export interface LoraSettings {
  /** 0 trains all weights, on servers that can. */
  readonly rank: number
  readonly seed?: number
  readonly trainUnembed?: boolean
  readonly trainMlp?: boolean
  readonly trainAttention?: boolean
}

/** Names of the protocol's built-in losses; a server may know others. */
export type LossName = "cross_entropy" | "importance_sampling" | "ppo" | "cispo" | "dro" | (string & {})

/** One sequence to be trained on. Arrays are [T]: position t predicts `targets[t]` from `tokens[0..t]`. */
export interface Datum {
  readonly tokens: ArrayLike<number>
  readonly targets: ArrayLike<number>
  readonly weights?: ArrayLike<number>
  readonly advantages?: ArrayLike<number>
  readonly logprobs?: ArrayLike<number>
}

export interface AdamParams {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled. */
  readonly weightDecay: number
  /** 0 is off. Not every server honours it. */
  readonly gradClipNorm: number
}

export interface SamplingParams {
  readonly maxTokens: number
  readonly seed?: number
  /** Token ids, or texts; never both. */
  readonly stop?: readonly number[] | readonly string[]
  readonly temperature?: number
  /** -1 keeps all. */
  readonly topK?: number
  readonly topP?: number
}

/** Numbers in which NaN and infinities came as null. Checked in one loop: the arrays are large. */
export const floatsSchema: z.ZodType<Float32Array> = z.unknown().transform((value, context): Float32Array => {
  const refuse = (message: string): never => {
    context.addIssue({ code: "custom", message })
    return z.NEVER
  }
  if (!Array.isArray(value)) return refuse("expected a list of numbers")
  const floats = new Float32Array(value.length)
  for (let i = 0; i < value.length; i++) {
    const x: unknown = value[i]
    if (typeof x === "number") floats[i] = x
    else if (x === null) floats[i] = Number.NaN
    else return refuse(`expected a number at ${i}`)
  }
  return floats
})

const tokensSchema: z.ZodType<number[]> = z.unknown().transform((value, context): number[] => {
  if (Array.isArray(value) && value.every((token) => Number.isInteger(token) && (token as number) >= 0)) return value as number[]
  context.addIssue({ code: "custom", message: "expected a list of token ids" })
  return z.NEVER
})

const text = z.string()
const optionalText = z.string().nullish()

export const healthSchema: z.ZodType<{ status: string }> = z.object({ status: text })
export const capabilitiesSchema: z.ZodType<{ supported_models: { model_name: string }[] }> = z.object({
  supported_models: z.array(z.object({ model_name: text })),
})
export const anythingSchema: z.ZodType<unknown> = z.unknown()
export const sessionSchema: z.ZodType<SessionAnswer> = z.object({
  session_id: text,
  info_message: optionalText,
  warning_message: optionalText,
  error_message: optionalText,
})
export interface SessionAnswer {
  readonly session_id: string
  readonly info_message?: string | null | undefined
  readonly warning_message?: string | null | undefined
  readonly error_message?: string | null | undefined
}
const id = z.union([z.string(), z.number()]).transform(String)
export const pendingSchema: z.ZodType<{ request_id: string }> = z.object({ request_id: id })
export const createdModelSchema: z.ZodType<{ request_id: string; model_id?: string | undefined }> = z.object({ request_id: id, model_id: text.optional() })
export const modelSchema: z.ZodType<{ model_id: string }> = z.object({ model_id: text })
export const modelInfoSchema: z.ZodType<ModelInfo> = z
  .object({
    model_id: text,
    model_data: z.object({ base_model: optionalText, model_name: optionalText, lora_config: z.object({ rank: z.number() }).nullish() }).nullish(),
  })
  .transform(({ model_id, model_data }) => ({
    modelId: model_id,
    baseModel: model_data?.base_model ?? model_data?.model_name ?? undefined,
    loraRank: model_data?.lora_config?.rank,
  }))
export interface ModelInfo {
  readonly modelId: string
  readonly baseModel: string | undefined
  readonly loraRank: number | undefined
}

export interface LossOutput {
  /** [T] log-probs of the targets, nats; NaN where the server had none. */
  readonly logprobs: Float32Array
  /** [T] what the server computed as the loss of each target, where it tells. */
  readonly losses: Float32Array | undefined
}
export interface ForwardBackwardOutput {
  readonly outputs: readonly LossOutput[]
  readonly metrics: Readonly<Record<string, number>>
}
const tensorSchema = z.object({ data: floatsSchema })
const metricsSchema = z
  .record(z.string(), z.unknown())
  .nullish()
  // NaN comes as null here too: a gradient norm that is no number must not look like one that was not told.
  .transform((metrics) =>
    Object.fromEntries(
      Object.entries(metrics ?? {})
        .map(([name, value]): [string, unknown] => [name, value === null ? Number.NaN : value])
        .filter((entry): entry is [string, number] => typeof entry[1] === "number"),
    ),
  )
export const forwardBackwardSchema: z.ZodType<ForwardBackwardOutput> = z
  .object({
    loss_fn_outputs: z.array(z.object({ logprobs: tensorSchema, elementwise_loss: tensorSchema.nullish() })),
    metrics: metricsSchema,
  })
  .transform(({ loss_fn_outputs, metrics }) => ({
    outputs: loss_fn_outputs.map(({ logprobs, elementwise_loss }) => ({ logprobs: logprobs.data, losses: elementwise_loss?.data })),
    metrics,
  }))

export interface OptimStepOutput {
  readonly metrics: Readonly<Record<string, number>>
}
export const optimStepSchema: z.ZodType<OptimStepOutput> = z.object({ metrics: metricsSchema })

export const savedSchema: z.ZodType<{ path: string }> = z.object({ path: text })
export const samplerSavedSchema: z.ZodType<SamplerSaved> = z
  .object({ path: optionalText, sampling_session_id: optionalText })
  .transform(({ path, sampling_session_id }) => ({ path: path ?? undefined, samplingSessionId: sampling_session_id ?? undefined }))
export interface SamplerSaved {
  readonly path: string | undefined
  readonly samplingSessionId: string | undefined
}
export const samplingSessionSchema: z.ZodType<{ sampling_session_id: string }> = z.object({ sampling_session_id: text })

export interface SampledSequence {
  readonly tokens: readonly number[]
  /** [tokens] nats; undefined when the server gave none. */
  readonly logprobs: Float32Array | undefined
  readonly stopReason: "stop" | "length"
}
export interface SampleOutput {
  readonly sequences: readonly SampledSequence[]
  /** Of the prompt's tokens; NaN where undefined. Some servers leave out the first. */
  readonly promptLogprobs: Float32Array | undefined
}
export const sampleSchema: z.ZodType<SampleOutput> = z
  .object({
    sequences: z.array(z.object({ stop_reason: z.enum(["stop", "length"]), tokens: tokensSchema, logprobs: floatsSchema.nullish() })),
    prompt_logprobs: floatsSchema.nullish(),
  })
  .transform(({ sequences, prompt_logprobs }) => ({
    sequences: sequences.map(({ stop_reason, tokens, logprobs }) => ({ tokens, logprobs: logprobs ?? undefined, stopReason: stop_reason })),
    promptLogprobs: prompt_logprobs ?? undefined,
  }))

export const weightsInfoSchema: z.ZodType<WeightsInfo> = z
  .object({ base_model: text, is_lora: z.boolean(), lora_rank: z.number().nullish() })
  .transform(({ base_model, is_lora, lora_rank }) => ({ baseModel: base_model, isLora: is_lora, loraRank: lora_rank ?? undefined }))
export interface WeightsInfo {
  readonly baseModel: string
  readonly isLora: boolean
  readonly loraRank: number | undefined
}

export interface Checkpoint {
  readonly checkpointId: string
  readonly kind: "training" | "sampler" | string
  /** `tinker://MODEL/weights/NAME` or `tinker://MODEL/sampler_weights/NAME`. */
  readonly path: string
}
export const checkpointsSchema: z.ZodType<Checkpoint[]> = z
  .object({ checkpoints: z.array(z.object({ checkpoint_id: text, checkpoint_type: text, tinker_path: text })) })
  .transform(({ checkpoints }) => checkpoints.map((c) => ({ checkpointId: c.checkpoint_id, kind: c.checkpoint_type, path: c.tinker_path })))

export interface TrainingRun {
  readonly trainingRunId: string
  readonly baseModel: string
  readonly isLora: boolean
  readonly loraRank: number | undefined
}
const runSchema = z
  .object({ training_run_id: text, base_model: text, is_lora: z.boolean(), lora_rank: z.number().nullish() })
  .transform((run): TrainingRun => ({ trainingRunId: run.training_run_id, baseModel: run.base_model, isLora: run.is_lora, loraRank: run.lora_rank ?? undefined }))
export const trainingRunSchema: z.ZodType<TrainingRun> = runSchema
export const trainingRunsSchema: z.ZodType<TrainingRun[]> = z.object({ training_runs: z.array(runSchema) }).transform(({ training_runs }) => training_runs)

/** A checkpoint's address taken apart. */
export function parseTinkerPath(path: string): { readonly modelId: string; readonly kind: string; readonly name: string } | undefined {
  const match = /^tinker:\/\/([^/]+)\/(?:([^/]+)\/)?([^/]+)$/.exec(path)
  return match === null ? undefined : { modelId: match[1]!, kind: match[2] ?? "", name: match[3]! }
}

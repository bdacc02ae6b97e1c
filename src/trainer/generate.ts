/** Text of a model or a run in one call. */
import { parseConfig, type ResolvedConfig } from "../config/index.ts"
import type { ChatMessage, Problem } from "../data/task.ts"
import { unjudgedTask } from "../data/unjudged-task.ts"
import type { Sequence } from "../engine/engine.ts"
import { ConfigError, DataError } from "../errors.ts"
import { fetchConfiguredModel } from "../hub/configured-model.ts"
import { fetchHubModel } from "../hub/fetch-model.ts"
import { parseHubReference } from "../hub/repository.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import { decodeResponse, encodePrompt } from "../rollout/prompt-encoder.ts"
import { responseSeed, samplingOf } from "../rollout/rollout.ts"
import { resolveModelSource, type ModelSource } from "./model-source.ts"
import { openSaved } from "./open-saved.ts"

export interface GenerateOptions {
  /** System message. Default: the run's own; none for a model. */
  readonly system?: string
  /** Bare text, which the model goes on with, although it has a chat template. Default false. */
  readonly raw?: boolean
  /** Responses to each prompt. Default 1. */
  readonly count?: number
  /** 0 is greedy. Default: that of the run; for a model what its makers advise, else 1. */
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  /** Longest response in tokens. Default: that of the run; 256 for a model. */
  readonly maxTokens?: number
  /** Texts that end a response. */
  readonly stop?: readonly string[]
  /** The same seed gives the same responses. Default 0. */
  readonly seed?: number
  /** Step of a run's checkpoint. Default the newest. */
  readonly checkpoint?: number
}

export interface GeneratedSample {
  readonly text: string
  /** Number of its tokens. */
  readonly tokens: number
  readonly stopReason: Sequence["stopReason"]
}

/** What came of a prompt. */
export interface Generated {
  readonly prompt: string | readonly ChatMessage[]
  /** The first response. */
  readonly text: string
  /** All `count` of them. */
  readonly samples: readonly GeneratedSample[]
}

/**
 * Loads a model, puts prompts to it through its chat template, and samples. It is loaded anew at each call: give all
 * prompts at once.
 * @param modelOrRun  a Hugging Face folder, a .gguf file, adapters, `hub:owner/name`, or the folder of a run
 * @param prompts     one, or a list; a text, or chat messages
 * @returns in the order of the prompts
 * @throws ConfigError, CheckpointError, DataError  when the model cannot be used, or a prompt is empty or too long
 */
export async function generate(
  modelOrRun: string,
  prompts: string | readonly (string | readonly ChatMessage[])[],
  options: GenerateOptions = {},
): Promise<Generated[]> {
  const problems = (typeof prompts === "string" ? [prompts] : prompts).map(toProblem)
  if (problems.length === 0) return []
  const { count = 1, seed = 0 } = options
  const model = await findModel(modelOrRun, options.checkpoint)
  const config = await configOf(model, options)
  const { engine, tokenizer, eosTokens, generation } = await openSaved(model, config, unjudgedTask(problems))
  try {
    const { rollout } = config
    const advised: Partial<GenerationDefaults> = model.config === undefined ? generation : {}
    const sequences = await engine.sample(
      problems.map((problem, i) => ({
        promptTokens: encodePrompt(problem, tokenizer, rollout),
        seeds: Array.from({ length: count }, (_, response) => responseSeed(seed, 0, i, response)),
        options: {
          ...samplingOf(rollout, eosTokens),
          temperature: options.temperature ?? advised.temperature ?? rollout.temperature,
          topP: options.topP ?? advised.topP ?? rollout.topP,
          topK: options.topK ?? advised.topK ?? rollout.topK,
        },
      })),
    )
    return problems.map(({ prompt }, i) => {
      const samples = sequences[i]!.map(({ tokens, stopReason }) => ({
        text: decodeResponse(tokens, tokenizer),
        tokens: tokens.length,
        stopReason,
      }))
      return { prompt, text: samples[0]!.text, samples }
    })
  } finally {
    await engine.close()
  }
}

function toProblem(prompt: string | readonly ChatMessage[], i: number): Problem {
  const texts = typeof prompt === "string" ? [prompt] : prompt.map(({ content }) => content)
  if (texts.some((text) => text.trim() !== "")) return { id: `prompt-${i}`, prompt, gold: "" }
  throw new DataError(`generate, prompt ${i + 1}: expected a text, got an empty one. Leave it out.`)
}

async function findModel(modelOrRun: string, checkpoint: number | undefined): Promise<ModelSource> {
  const reference = parseHubReference(modelOrRun, "generate")
  if (reference === undefined) return resolveModelSource(modelOrRun, checkpoint)
  return resolveModelSource((await fetchHubModel({ ...reference, setting: "generate" })).path, checkpoint)
}

async function configOf(model: ModelSource, options: GenerateOptions): Promise<ResolvedConfig> {
  const { system, raw, maxTokens, stop, count = 1, temperature = 1 } = options
  const wrong = !(Number.isInteger(count) && count >= 1)
    ? `count to be a whole number from 1 on, got ${count}`
    : !(temperature >= 0)
      ? `temperature to be 0 or more, got ${temperature}`
      : undefined
  if (wrong !== undefined) throw new ConfigError([{ path: "", message: `generate: expected ${wrong}. Correct it.` }])
  const base = model.config ?? parseConfig({ model: { path: model.path }, task: { name: "none" } })
  const config = parseConfig({
    ...base,
    rollout: {
      ...base.rollout,
      ...(system === undefined ? {} : { systemPrompt: system }),
      ...(raw === true ? { chatTemplate: false } : {}),
      ...(maxTokens === undefined ? {} : { maxResponseTokens: maxTokens }),
      ...(stop === undefined ? {} : { stopStrings: [...stop] }),
    },
  })
  // Adapters need the model that they belong to.
  return config.lora.enabled && model.config !== undefined ? fetchConfiguredModel(config) : config
}

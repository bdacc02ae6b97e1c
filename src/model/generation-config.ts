/**
 * generation_config.json: how a model's makers advise to sample from it, and where a response ends.
 */
import { ConfigError } from "../errors.ts"
import { ConfigReader } from "./config-reader.ts"
import type { ModelConfig } from "./config.ts"
import type { JsonObject } from "./json-file.ts"
import { parseJsonObject, readOptionalFile, showValue } from "./json-file.ts"

export interface GenerationDefaults {
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  /** Tokens that end a response; those of config.json where the file names none. */
  readonly eosTokens: readonly number[]
  /** The file as it was read, so that keys unknown here survive saving. */
  readonly source?: JsonObject
}

/**
 * Reads the file; one that is absent says nothing beyond the config's end-of-sequence tokens.
 * @throws ConfigError  with every wrong key
 */
export async function parseGenerationConfig(path: string, config: ModelConfig): Promise<GenerationDefaults> {
  const content = await readOptionalFile(path)
  if (content === undefined) return { eosTokens: config.eosTokens }
  const source = parseJsonObject(Buffer.from(content).toString("utf8"), path)
  const reader = new ConfigReader(source, path)
  const number = (key: string): number | undefined => {
    const value = source[key]
    if (!reader.has(key)) return undefined
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value
    reader.report(key, `expected a number from zero up, got ${showValue(value)}. Correct the file.`)
    return undefined
  }
  const temperature = number("temperature")
  const topK = number("top_k")
  const topP = number("top_p")
  const eosTokens = reader.tokens("eos_token_id", config.vocabularySize)
  if (reader.issues.length > 0) throw new ConfigError(reader.issues)
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    eosTokens: eosTokens.length > 0 ? eosTokens : config.eosTokens,
    source,
  }
}

export function generationConfigToJson(generation: GenerationDefaults, config: ModelConfig): JsonObject {
  const { temperature, topK, topP, eosTokens, source } = generation
  const sampling = temperature !== undefined || topK !== undefined || topP !== undefined
  return {
    // Without do_sample transformers would ignore the values below.
    ...(sampling ? { do_sample: temperature !== 0 } : {}),
    ...source,
    ...(config.bosToken === undefined ? {} : { bos_token_id: config.bosToken }),
    ...(eosTokens.length === 0 ? {} : { eos_token_id: eosTokens.length > 1 ? [...eosTokens] : eosTokens[0] }),
    ...(config.padToken === undefined ? {} : { pad_token_id: config.padToken }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(topP === undefined ? {} : { top_p: topP }),
  }
}

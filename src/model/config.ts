/**
 * The sizes and switches of a decoder, and their translation from and to a Hugging Face config.json. What cannot be
 * computed exactly is refused here, before any weight is read.
 */
import { ConfigError } from "../errors.ts"
import { ConfigReader } from "./config-reader.ts"
import type { Architecture, Family } from "./families.ts"
import { families, isArchitecture, supportedModels } from "./families.ts"
import { isJsonObject, showValue } from "./json-file.ts"
import type { LayerPattern, SlidingWindow } from "./layer-pattern.ts"
import { layerPatternToJson, parseLayerPattern } from "./layer-pattern.ts"
import type { RopeConfig } from "./rope-config.ts"
import { parseRope, ropeToJson } from "./rope-config.ts"

export type { Architecture, SlidingWindow }

/** Storage type of a weight file. */
export type WeightType = "f32" | "bf16" | "f16"

export interface ModelConfig extends LayerPattern {
  /** What is the same in all models of the family stands in `families`. */
  readonly architecture: Architecture
  readonly vocabularySize: number
  readonly hiddenSize: number
  /** Width of the gated feed-forward layer. */
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  /** Longest sequence the model was made for, tokens (`max_position_embeddings`). */
  readonly contextLength: number
  readonly rmsNormEps: number
  /** The output projection is the embedding matrix. */
  readonly tiedEmbeddings: boolean
  /** Bias on the query, key and value projections; for the output projection see `hasOutputProjectionBias`. */
  readonly attentionBias: boolean
  /** Bias on the gate, up and down projections. */
  readonly mlpBias: boolean
  /** RMS norm over each head of queries and keys, before the rotation. */
  readonly qkNorm: boolean
  /** Scores of attention are divided by its root; absent: the head size. */
  readonly queryScalar?: number
  readonly rope: RopeConfig
  readonly bosToken?: number
  readonly eosTokens: readonly number[]
  readonly padToken?: number
  /** Standard deviation of fresh weight matrices. */
  readonly initializerRange: number
  /** The config.json as it was read, so that keys unknown here survive saving. Empty for a model made here. */
  readonly source: Readonly<Record<string, unknown>>
}

const expertKeys: readonly string[] = ["num_experts", "num_local_experts", "n_routed_experts"]

const torchTypes: Readonly<Record<WeightType, string>> = { f32: "float32", bf16: "bfloat16", f16: "float16" }

/** Some families never have a bias on the output projection of attention, whatever queries, keys and values have. */
export function hasOutputProjectionBias(config: ModelConfig): boolean {
  return config.attentionBias && families[config.architecture].outputBias === "configured"
}

/**
 * Reads a parsed config.json of one of the `families`. Absent keys take the defaults of transformers.
 * @param file  named in the messages
 * @throws ConfigError  with every key that is missing, wrong or asks for what is not computed
 */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  if (!isJsonObject(json)) {
    throw new ConfigError([{ path: file, message: `expected a JSON object, got ${showValue(json)}. Copy the file again.` }])
  }
  const architecture = parseArchitecture(json, file)
  const family = families[architecture]
  const reader = new ConfigReader({ ...family.defaults, ...json }, file)
  const vocabularySize = reader.count("vocab_size")
  const hiddenSize = reader.count("hidden_size")
  const heads = reader.count("num_attention_heads")
  const layers = reader.count("num_hidden_layers")
  const contextLength = reader.count("max_position_embeddings")
  const keyValueHeads = reader.count("num_key_value_heads", heads)
  if (heads % keyValueHeads !== 0) {
    reader.report("num_key_value_heads", `expected a divisor of num_attention_heads (${heads}), got ${keyValueHeads}. Correct the file.`)
  }
  const headDim = parseHeadDim(reader, hiddenSize, heads)
  refuseUncomputable(reader, family)
  const bosToken = reader.tokens("bos_token_id", vocabularySize)[0]
  const padToken = reader.tokens("pad_token_id", vocabularySize)[0]
  const configured = (bias: Family["attentionBias"], key: string): boolean =>
    bias === "always" || (bias === "configured" && reader.boolean(key, false))
  const config: ModelConfig = {
    architecture,
    vocabularySize,
    hiddenSize,
    intermediateSize: reader.count("intermediate_size"),
    layers,
    heads,
    keyValueHeads,
    headDim,
    contextLength,
    rmsNormEps: reader.positive("rms_norm_eps", 1e-6),
    tiedEmbeddings: reader.boolean("tie_word_embeddings", false),
    attentionBias: configured(family.attentionBias, "attention_bias"),
    mlpBias: configured(family.mlpBias, "mlp_bias"),
    qkNorm: family.qkNorm,
    ...(family.queryScalar ? { queryScalar: reader.positive("query_pre_attn_scalar") } : {}),
    rope: parseRope(reader, contextLength),
    ...parseLayerPattern(reader, family, layers, contextLength),
    ...(bosToken === undefined ? {} : { bosToken }),
    eosTokens: reader.tokens("eos_token_id", vocabularySize),
    ...(padToken === undefined ? {} : { padToken }),
    initializerRange: reader.positive("initializer_range", 0.02),
    source: json,
  }
  if (reader.issues.length > 0) throw new ConfigError(reader.issues)
  return config
}

/** Of another family nothing more is read: its keys may mean something else. */
function parseArchitecture(json: Readonly<Record<string, unknown>>, file: string): Architecture {
  const type = json["model_type"]
  if (isArchitecture(type)) return type
  const kind = isJsonObject(json["vision_config"])
    ? ", a model of images and text"
    : expertKeys.some((key) => json[key] !== undefined)
      ? ", a mixture of experts"
      : ""
  const message = `expected a family that is computed, got ${showValue(type)}${kind}. Use another checkpoint. ${supportedModels}`
  throw new ConfigError([{ path: `${file}: model_type`, message }])
}

function parseHeadDim(reader: ConfigReader, hiddenSize: number, heads: number): number {
  const headDim = reader.count("head_dim", Math.floor(hiddenSize / heads) || 1)
  if (!reader.has("head_dim") && hiddenSize % heads !== 0) {
    reader.report("hidden_size", `expected a multiple of num_attention_heads (${heads}), got ${hiddenSize}. Add head_dim or correct the file.`)
  } else if (headDim % 2 !== 0) {
    reader.report("head_dim", `expected an even number, got ${headDim}. Rotary embedding turns pairs; correct the file.`)
  }
  return headDim
}

function refuseUncomputable(reader: ConfigReader, family: Family): void {
  const { json } = reader
  const { activation, activationKey } = family
  const got = json[activationKey] ?? activation
  if (got !== activation) {
    reader.report(activationKey, `expected ${showValue(activation)}, got ${showValue(got)}. Use another checkpoint.`)
  }
  if (reader.has("quantization_config")) {
    const settings = showValue(json["quantization_config"])
    reader.report("quantization_config", `expected none, got ${settings}. Use the checkpoint before quantisation. ${supportedModels}`)
  }
  for (const key of expertKeys) {
    if (reader.has(key) && json[key] !== 0) {
      reader.report(key, `expected none, got ${showValue(json[key])}. Mixtures of experts are not computed. ${supportedModels}`)
    }
  }
  for (const key of ["attn_logit_softcapping", "final_logit_softcapping"]) {
    if (!reader.has(key)) continue
    reader.report(key, `expected none, got ${showValue(json[key])}. Soft caps are not computed; use another checkpoint.`)
  }
  if (reader.boolean("use_bidirectional_attention", false)) {
    const remedy = "The model embeds text and does not continue it; use another checkpoint."
    reader.report("use_bidirectional_attention", `expected false, got true. ${remedy}`)
  }
}

/**
 * The config.json that transformers and vLLM load: the source's keys with all that is known here written over them.
 * @param type  storage type of the weights beside it
 */
export function modelConfigToJson(config: ModelConfig, type: WeightType = "f32"): Record<string, unknown> {
  const family = families[config.architecture]
  return {
    ...config.source,
    architectures: [family.className],
    model_type: config.architecture,
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.contextLength,
    [family.activationKey]: family.activation,
    rms_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tiedEmbeddings,
    ...(family.attentionBias === "configured" ? { attention_bias: config.attentionBias } : {}),
    ...(family.mlpBias === "configured" ? { mlp_bias: config.mlpBias } : {}),
    ...(config.queryScalar === undefined ? {} : { query_pre_attn_scalar: config.queryScalar }),
    ...layerPatternToJson(config, family),
    ...ropeToJson(config.rope, family.windowedRope ? (config.slidingWindow?.rope ?? config.rope) : undefined),
    bos_token_id: config.bosToken ?? null,
    eos_token_id: config.eosTokens.length > 1 ? [...config.eosTokens] : (config.eosTokens[0] ?? null),
    pad_token_id: config.padToken ?? null,
    initializer_range: config.initializerRange,
    torch_dtype: torchTypes[type],
    dtype: torchTypes[type],
  }
}

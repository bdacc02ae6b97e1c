/**
 * The sizes and switches of a decoder, and their translation from and to a Hugging Face config.json. What cannot be
 * computed exactly is refused here, before any weight is read.
 */
import { ConfigError } from "../errors.ts"
import { ConfigReader } from "./config-reader.ts"
import { isJsonObject, showValue } from "./json-file.ts"
import type { RopeConfig } from "./rope-config.ts"
import { parseRope, ropeToJson } from "./rope-config.ts"

export type Architecture = "qwen3" | "qwen2" | "llama"

/** Storage type of a weight file. */
export type WeightType = "f32" | "bf16" | "f16"

export interface ModelConfig {
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
  readonly rope: RopeConfig
  readonly bosToken?: number
  readonly eosTokens: readonly number[]
  readonly padToken?: number
  /** Standard deviation of fresh weight matrices. */
  readonly initializerRange: number
  /** The config.json as it was read, so that keys unknown here survive saving. Empty for a model made here. */
  readonly source: Readonly<Record<string, unknown>>
}

const architectureClasses: Readonly<Record<Architecture, string>> = {
  qwen3: "Qwen3ForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  llama: "LlamaForCausalLM",
}

const torchTypes: Readonly<Record<WeightType, string>> = { f32: "float32", bf16: "bfloat16", f16: "float16" }

/** Llama and Qwen3 put `attention_bias` on the output projection too; Qwen2 never does. */
export function hasOutputProjectionBias(config: ModelConfig): boolean {
  return config.attentionBias && config.architecture !== "qwen2"
}

/**
 * Reads a parsed config.json of the Qwen3, Qwen2 or Llama family. Absent keys take the defaults of transformers.
 * @param file  named in the messages
 * @throws ConfigError  with every key that is missing, wrong or asks for what is not computed
 */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  if (!isJsonObject(json)) {
    throw new ConfigError([{ path: file, message: `expected a JSON object, got ${showValue(json)}. Copy the file again.` }])
  }
  const reader = new ConfigReader(json, file)
  const architecture = parseArchitecture(reader)
  const vocabularySize = reader.count("vocab_size")
  const hiddenSize = reader.count("hidden_size")
  const heads = reader.count("num_attention_heads")
  const layers = reader.count("num_hidden_layers")
  const contextLength = reader.count("max_position_embeddings")
  const keyValueHeads = reader.count("num_key_value_heads", heads)
  if (heads % keyValueHeads !== 0) {
    reader.report("num_key_value_heads", `expected a divisor of num_attention_heads (${heads}), got ${keyValueHeads}. Correct the file.`)
  }
  const headDim = parseHeadDim(reader, architecture, hiddenSize, heads)
  refuseUncomputable(reader, layers, contextLength)
  const bosToken = reader.tokens("bos_token_id", vocabularySize)[0]
  const padToken = reader.tokens("pad_token_id", vocabularySize)[0]
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
    attentionBias: architecture === "qwen2" || reader.boolean("attention_bias", false),
    mlpBias: architecture === "llama" && reader.boolean("mlp_bias", false),
    qkNorm: architecture === "qwen3",
    rope: parseRope(reader),
    ...(bosToken === undefined ? {} : { bosToken }),
    eosTokens: reader.tokens("eos_token_id", vocabularySize),
    ...(padToken === undefined ? {} : { padToken }),
    initializerRange: reader.positive("initializer_range", 0.02),
    source: json,
  }
  if (reader.issues.length > 0) throw new ConfigError(reader.issues)
  return config
}

function parseArchitecture(reader: ConfigReader): Architecture {
  const type = reader.json["model_type"]
  if (type === "qwen3" || type === "qwen2" || type === "llama") return type
  reader.report("model_type", `expected "qwen3", "qwen2" or "llama", got ${showValue(type)}. Use a checkpoint of one of these families.`)
  return "qwen3"
}

function parseHeadDim(reader: ConfigReader, architecture: Architecture, hiddenSize: number, heads: number): number {
  // Qwen3 has a default of its own; the others divide the hidden size.
  const headDim = reader.count("head_dim", architecture === "qwen3" ? 128 : Math.floor(hiddenSize / heads) || 1)
  if (!reader.has("head_dim") && architecture !== "qwen3" && hiddenSize % heads !== 0) {
    reader.report("hidden_size", `expected a multiple of num_attention_heads (${heads}), got ${hiddenSize}. Add head_dim or correct the file.`)
  } else if (headDim % 2 !== 0) {
    reader.report("head_dim", `expected an even number, got ${headDim}. Rotary embedding turns pairs; correct the file.`)
  }
  return headDim
}

function refuseUncomputable(reader: ConfigReader, layers: number, contextLength: number): void {
  const { json } = reader
  const activation = json["hidden_act"] ?? "silu"
  if (activation !== "silu") {
    reader.report("hidden_act", `expected "silu", got ${showValue(activation)}. Only the SwiGLU feed-forward layer is computed; use another checkpoint.`)
  }
  const window = json["sliding_window"]
  const firstWindowed = typeof json["max_window_layers"] === "number" ? json["max_window_layers"] : 0
  if (json["use_sliding_window"] === true && typeof window === "number" && window < contextLength && firstWindowed < layers) {
    reader.report(
      "use_sliding_window",
      `expected false, got true with a window of ${window} tokens. Only full attention is computed: set it to false and max_position_embeddings to at most ${window}.`,
    )
  }
  const layerTypes = json["layer_types"]
  if (Array.isArray(layerTypes) && layerTypes.some((type) => type !== "full_attention")) {
    const other: unknown = layerTypes.find((type) => type !== "full_attention")
    reader.report("layer_types", `expected "full_attention" in every layer, got ${showValue(other)}. Use another checkpoint.`)
  }
  if (reader.has("quantization_config")) {
    reader.report("quantization_config", `expected none, got ${showValue(json["quantization_config"])}. Use the checkpoint in f32, f16 or bf16.`)
  }
  for (const key of ["num_experts", "num_local_experts", "n_routed_experts"]) {
    if (reader.has(key) && json[key] !== 0) {
      reader.report(key, `expected none, got ${showValue(json[key])}. Mixtures of experts are not computed; use a dense checkpoint.`)
    }
  }
}

/**
 * The config.json that transformers and vLLM load: the source's keys with all that is known here written over them.
 * @param type  storage type of the weights beside it
 */
export function modelConfigToJson(config: ModelConfig, type: WeightType = "f32"): Record<string, unknown> {
  const family: Record<string, unknown> = {}
  if (config.architecture !== "qwen2") family["attention_bias"] = config.attentionBias
  if (config.architecture === "llama") family["mlp_bias"] = config.mlpBias
  else family["use_sliding_window"] = config.source["use_sliding_window"] ?? false
  return {
    ...config.source,
    architectures: [architectureClasses[config.architecture]],
    model_type: config.architecture,
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.contextLength,
    hidden_act: "silu",
    rms_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tiedEmbeddings,
    ...family,
    ...ropeToJson(config.rope),
    bos_token_id: config.bosToken ?? null,
    eos_token_id: config.eosTokens.length > 1 ? [...config.eosTokens] : (config.eosTokens[0] ?? null),
    pad_token_id: config.padToken ?? null,
    initializer_range: config.initializerRange,
    torch_dtype: torchTypes[type],
    dtype: torchTypes[type],
  }
}

/** The config.json that a GGUF file's metadata stands for. */
import type { ModelConfig } from "../config.ts"
import { parseModelConfig } from "../config.ts"
import type { JsonObject } from "../json-file.ts"
import { uncomputed, unreadable } from "./errors.ts"
import type { GgufFamily } from "./families.ts"
import { ggufFamilies } from "./families.ts"
import type { GgufFile } from "./reader.ts"
import { readGgufTensors } from "./reader.ts"
import { describeRopeFactors } from "./rope-factors.ts"

/** Keys after the architecture's name that change what is computed. */
const uncomputedKeys = ["attention.scale", "logit_scale", "attention.clamp_kqv", "final_logit_softcapping"]

/** @throws ConfigError for an architecture that is not computed */
export function familyOf({ metadata, path }: GgufFile): GgufFamily {
  const architecture = metadata.requireText("general.architecture")
  const family = ggufFamilies[architecture]
  if (family !== undefined) return family
  const known = Object.keys(ggufFamilies).join(", ")
  const remedy = "Use a model of one of these architectures."
  throw uncomputed(path, "general.architecture", `one of ${known}`, architecture, remedy)
}

/**
 * @param endTokens  tokens that end a response
 * @throws ConfigError      naming what is not computed
 * @throws CheckpointError  when a key is missing
 */
export async function configFromGguf(file: GgufFile, endTokens: readonly number[]): Promise<ModelConfig> {
  const { metadata, path, tensors } = file
  const { modelType, slidingWindow, config: unstated } = familyOf(file)
  const architecture = metadata.requireText("general.architecture")
  const key = (name: string): string => `${architecture}.${name}`
  const hiddenSize = metadata.requireNumber(key("embedding_length"))
  const heads = metadata.requireNumber(key("attention.head_count"))
  const headDim = metadata.number(key("attention.key_length")) ?? hiddenSize / heads
  const same = (name: string, expected: number, remedy: string): void => {
    const got = metadata.number(key(name)) ?? expected
    if (got !== expected) throw uncomputed(path, key(name), String(expected), String(got), remedy)
  }
  same("attention.value_length", headDim, "Values are as wide as keys in what is computed; use another model.")
  same("rope.dimension_count", headDim, "Partial rotation is not computed; use another model.")
  same("expert_count", 0, "Mixtures of experts are not computed; use a dense model.")
  const window = slidingWindow === true ? metadata.requireNumber(key("attention.sliding_window")) : undefined
  for (const name of window === undefined ? ["attention.sliding_window", ...uncomputedKeys] : uncomputedKeys) {
    const value = metadata.number(key(name))
    if (value === undefined) continue
    throw uncomputed(path, key(name), "none", String(value), "It is not computed; use another model.")
  }
  const contextLength = metadata.requireNumber(key("context_length"))
  const layers = metadata.requireNumber(key("block_count"))
  // Of the Gemmas only the one of 27B differs, and no key says so. Source: gemma3 of llama.cpp.
  const queryScalar = layers === 62 ? hiddenSize / heads : headDim
  const bos = metadata.number("tokenizer.ggml.bos_token_id")
  const pad = metadata.number("tokenizer.ggml.padding_token_id")
  const embedding = tensors.get("token_embd.weight")
  if (embedding === undefined) {
    throw unreadable(path, "a tensor token_embd.weight", "none", "Give the file of the language model itself.")
  }
  const json = {
    model_type: modelType,
    vocab_size: embedding.shape[0],
    hidden_size: hiddenSize,
    intermediate_size: metadata.requireNumber(key("feed_forward_length")),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: metadata.number(key("attention.head_count_kv")) ?? heads,
    head_dim: headDim,
    max_position_embeddings: contextLength,
    rms_norm_eps: metadata.requireNumber(key("attention.layer_norm_rms_epsilon")),
    tie_word_embeddings: !tensors.has("output.weight"),
    attention_bias: modelType !== "qwen2" && tensors.has("blk.0.attn_q.bias"),
    ...(modelType === "llama" ? { mlp_bias: tensors.has("blk.0.ffn_up.bias") } : {}),
    ...(await ropeOf(file, architecture, headDim)),
    ...unstated,
    ...(window === undefined ? {} : { sliding_window: window, query_pre_attn_scalar: queryScalar }),
    bos_token_id: bos ?? null,
    eos_token_id: endTokens,
    pad_token_id: pad ?? null,
  }
  return parseModelConfig(json, path)
}

/** Rotary settings; those of Llama 3 are told from the factors that its files carry in place of their formula. */
async function ropeOf(file: GgufFile, architecture: string, headDim: number): Promise<JsonObject> {
  const { metadata, path, tensors } = file
  const key = (name: string): string => `${architecture}.rope.${name}`
  const theta = metadata.number(key("freq_base")) ?? 10_000
  const typeKey = key("scaling.type")
  const type = metadata.text(typeKey) ?? "none"
  const factor = metadata.number(key("scaling.factor")) ?? metadata.number(key("scale_linear")) ?? 1
  if (type !== "none" && type !== "linear") {
    throw uncomputed(path, typeKey, "none or linear", type, "Other scalings are not computed; use another model.")
  }
  if (tensors.has("rope_freqs.weight")) {
    if (factor !== 1) {
      const remedy = "The two together are not computed; use another model."
      throw uncomputed(path, typeKey, "none beside rope_freqs.weight", `a factor of ${factor}`, remedy)
    }
    const factors = (await readGgufTensors(file, ["rope_freqs.weight"])).get("rope_freqs.weight")!
    const scaling = describeRopeFactors(factors, theta, headDim)
    if (scaling === undefined) {
      const expected = "the factors of Llama 3's rotary scaling"
      throw uncomputed(path, "rope_freqs.weight", expected, "others", "They are not computed; use another model.")
    }
    return { rope_theta: theta, rope_scaling: scaling }
  }
  return { rope_theta: theta, rope_scaling: factor === 1 ? null : { rope_type: "linear", factor } }
}

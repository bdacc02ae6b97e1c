import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { hasOutputProjectionBias, modelConfigToJson, parseModelConfig } from "./config.ts"

const sizes = {
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
}

function issuesOf(json: unknown): string[] {
  try {
    parseModelConfig(json, "config.json")
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
  return []
}

describe("parseModelConfig", () => {
  test("reads Qwen3 in the form of transformers 4", () => {
    const config = parseModelConfig(
      {
        ...sizes,
        model_type: "qwen3",
        head_dim: 16,
        rms_norm_eps: 1e-6,
        rope_theta: 1_000_000,
        rope_scaling: null,
        tie_word_embeddings: true,
        attention_bias: false,
        sliding_window: null,
        use_sliding_window: false,
        max_window_layers: 2,
        bos_token_id: 1,
        eos_token_id: 2,
        torch_dtype: "bfloat16",
      },
      "config.json",
    )
    expect(config).toMatchObject({
      architecture: "qwen3",
      vocabularySize: 100,
      hiddenSize: 32,
      intermediateSize: 48,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      headDim: 16,
      contextLength: 64,
      rmsNormEps: 1e-6,
      tiedEmbeddings: true,
      attentionBias: false,
      mlpBias: false,
      qkNorm: true,
      rope: { theta: 1_000_000 },
      bosToken: 1,
      eosTokens: [2],
    })
    expect(config.padToken).toBeUndefined()
  })

  test("reads Qwen2: bias on queries, keys and values alone, head size from the hidden size", () => {
    const config = parseModelConfig({ ...sizes, model_type: "qwen2", eos_token_id: [3, 4], pad_token_id: 3 }, "config.json")
    expect(config).toMatchObject({ attentionBias: true, qkNorm: false, mlpBias: false, headDim: 8, eosTokens: [3, 4], padToken: 3, tiedEmbeddings: false })
    expect(hasOutputProjectionBias(config)).toBe(false)
    expect(config.rope).toEqual({ theta: 10_000 })
  })

  test("reads Llama 3 scaling in the old form and the new one alike", () => {
    const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 }
    const old = { ...sizes, model_type: "llama", rope_theta: 500_000, rope_scaling: { ...scaling, rope_type: "llama3" } }
    const recent = { ...sizes, model_type: "llama", rope_parameters: { ...scaling, rope_type: "llama3", rope_theta: 500_000 } }
    const expected = {
      theta: 500_000,
      scaling: { type: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContextLength: 32 },
    }
    expect(parseModelConfig(old, "config.json").rope).toEqual(expected)
    expect(parseModelConfig(recent, "config.json").rope).toEqual(expected)
  })

  test("reads linear scaling by its old name of the key, and default as none", () => {
    const rope = (value: unknown): unknown =>
      parseModelConfig({ ...sizes, model_type: "llama", rope_theta: 5000, rope_scaling: value }, "config.json").rope
    expect(rope({ type: "linear", factor: 2 })).toEqual({ theta: 5000, scaling: { type: "linear", factor: 2 } })
    expect(rope({ rope_type: "default" })).toEqual({ theta: 5000 })
  })

  test("Llama may have bias on all attention projections and on the feed-forward layer", () => {
    const config = parseModelConfig({ ...sizes, model_type: "llama", attention_bias: true, mlp_bias: true, pad_token_id: -1 }, "config.json")
    expect(config).toMatchObject({ attentionBias: true, mlpBias: true })
    expect(config.padToken).toBeUndefined()
    expect(hasOutputProjectionBias(config)).toBe(true)
  })

  test.each([
    ["an unknown family", { model_type: "mamba" }, /model_type: expected a family .*, got "mamba"\. Use .* qwen3 \(Qwen3\), /],
    ["a model of images", { model_type: "gemma3", vision_config: {} }, /model_type: .*got "gemma3", a model of images and text\. /],
    ["a family of mixtures", { model_type: "qwen3_moe", num_experts: 128 }, /model_type: .*got "qwen3_moe", a mixture of experts\. /],
    ["a mixture of experts", { num_experts: 8 }, /num_experts: expected none, got 8.*dense text models in f32, bf16 or f16: llama \(/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act: expected "silu", got "gelu"/],
    ["Gemma with another activation", { model_type: "gemma3_text", hidden_activation: "gelu" }, /hidden_activation: expected "gelu_pytorch_tanh", got "gelu"/],
    ["a soft cap on logits", { model_type: "gemma3_text", final_logit_softcapping: 30 }, /final_logit_softcapping: expected none, got 30/],
    ["attention in both directions", { model_type: "gemma3_text", use_bidirectional_attention: true }, /use_bidirectional_attention: expected false/],
    ["layers of another kind", { layer_types: ["full_attention", "chunked_attention"] }, /layer_types: .*got "chunked_attention"/],
    ["kinds of too few layers", { layer_types: ["full_attention"] }, /layer_types: expected an entry for each of 2 layers, got 1/],
    ["windows in a family without", { model_type: "llama", layer_types: ["full_attention", "sliding_attention"] }, /layer_types: expected 0 layers/],
    ["windows that are switched off", { layer_types: ["full_attention", "sliding_attention"] }, /use_sliding_window: expected true beside/],
    ["a window of no size", { use_sliding_window: true, sliding_window: 0, max_window_layers: 0 }, /sliding_window: expected a positive whole number, got 0/],
    ["rotations of too few layers", { model_type: "smollm3", no_rope_layers: [1] }, /no_rope_layers: expected a 0 or 1 for each of 2 layers, got \[1\]/],
    ["longrope", { rope_scaling: { rope_type: "longrope", factor: 4 } }, /rope_scaling: rope_type: expected "default", "linear", "llama3" or "yarn", got "longrope"/],
    ["yarn without a factor", { rope_scaling: { rope_type: "yarn" } }, /rope_scaling: factor: expected a number above zero, got nothing/],
    [
      "a scaling of one kind of layers",
      { model_type: "gemma3_text", rope_parameters: { full_attention: { rope_type: "dynamic" }, sliding_attention: {} } },
      /rope_parameters\.full_attention: rope_type: .*got "dynamic"/,
    ],
    ["dynamic scaling", { rope_parameters: { rope_type: "dynamic", factor: 4 } }, /rope_parameters: rope_type: .*got "dynamic"/],
    ["partial rotation", { partial_rotary_factor: 0.5 }, /partial_rotary_factor: expected 1, got 0.5/],
    ["quantised weights", { quantization_config: { quant_method: "fp8" } }, /quantization_config: expected none, .*dense text models in f32, bf16 or f16/],
    ["a missing size", { hidden_size: undefined }, /hidden_size: expected a positive whole number, got nothing/],
    ["a fractional size", { num_hidden_layers: 2.5 }, /num_hidden_layers: .*got 2.5/],
    ["heads that do not group", { num_key_value_heads: 3 }, /num_key_value_heads: expected a divisor of num_attention_heads \(4\), got 3/],
    ["an odd head size", { head_dim: 15 }, /head_dim: expected an even number, got 15/],
    ["a token past the vocabulary", { eos_token_id: [1, 100] }, /eos_token_id: expected token ids from 0 to 99, got \[1,100\]/],
    ["a text for a switch", { tie_word_embeddings: "yes" }, /tie_word_embeddings: expected true or false, got "yes"/],
    ["an epsilon of zero", { rms_norm_eps: 0 }, /rms_norm_eps: expected a number above zero, got 0/],
    ["llama3 scaling without its factors", { rope_scaling: { rope_type: "llama3", factor: 8 } }, /rope_scaling: low_freq_factor: .*got nothing/],
  ])("%s is refused by key and value", (_, change, expected) => {
    const issues = issuesOf({ ...sizes, model_type: "qwen3", head_dim: 8, ...change })
    expect(issues.join("\n")).toMatch(expected)
    expect(issues[0]).toMatch(/^config\.json: /)
  })

  test("a sliding window that is switched off, begins after the last layer or spans the context hides nothing", () => {
    const window = (keys: Record<string, unknown>): unknown => parseModelConfig({ ...sizes, ...keys }, "config.json").slidingWindow
    expect(window({ model_type: "qwen2", use_sliding_window: false, sliding_window: 32 })).toBeUndefined()
    expect(window({ model_type: "qwen2", use_sliding_window: true, sliding_window: 32, max_window_layers: 2 })).toBeUndefined()
    expect(window({ model_type: "mistral", sliding_window: null })).toBeUndefined()
    expect(window({ model_type: "mistral", sliding_window: 64 })).toBeUndefined()
    expect(window({ model_type: "mistral" })).toBeUndefined()
  })

  test("the layers of a sliding window are those of layer_types, or what the family does without it", () => {
    const window = (keys: Record<string, unknown>): unknown => parseModelConfig({ ...sizes, ...keys }, "config.json").slidingWindow
    const use = { use_sliding_window: true, sliding_window: 32 }
    expect(window({ model_type: "qwen2", ...use, max_window_layers: 1 })).toEqual({ tokens: 32, layers: [1] })
    expect(window({ model_type: "qwen3", ...use, layer_types: ["sliding_attention", "full_attention"] })).toEqual({ tokens: 32, layers: [0] })
    expect(window({ model_type: "mistral", sliding_window: 63 })).toEqual({ tokens: 63, layers: [0, 1] })
    expect(window({ model_type: "smollm3", ...use, no_rope_layers: [0, 1] })).toEqual({ tokens: 32, layers: [0] })
    const gemma = { model_type: "gemma3_text", sliding_window: 64, rope_local_base_freq: 500 }
    expect(window({ ...gemma, sliding_window_pattern: 2 })).toEqual({ tokens: 64, layers: [0], rope: { theta: 500 } })
    expect(window({ ...gemma, layer_types: ["full_attention", "full_attention"] })).toBeUndefined()
  })

  test("YaRN takes what is absent from the factor and the context", () => {
    const yarn = (keys: object): unknown => parseModelConfig({ ...sizes, model_type: "qwen3", rope_scaling: { type: "yarn", factor: 4, ...keys } }, "config.json").rope.scaling
    const defaults = { type: "yarn", factor: 4, betaFast: 32, betaSlow: 1, truncate: true, originalContextLength: 64 }
    expect(yarn({})).toEqual({ ...defaults, attentionFactor: 0.1 * Math.log(4) + 1 })
    expect(yarn({ attention_factor: 1, original_max_position_embeddings: 16, beta_fast: 8 })).toEqual({ ...defaults, attentionFactor: 1, originalContextLength: 16, betaFast: 8 })
    expect(yarn({ mscale: 1, mscale_all_dim: 1 })).toEqual({ ...defaults, attentionFactor: 1 })
    expect(yarn({ mscale: 2, mscale_all_dim: 1 })).toEqual({ ...defaults, attentionFactor: (0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1) })
  })

  test("all problems are reported at once", () => {
    expect(issuesOf({ model_type: "qwen3", hidden_act: "relu", rope_scaling: { rope_type: "yarn" } }).length).toBeGreaterThanOrEqual(7)
    expect(issuesOf([])).toEqual(["config.json: expected a JSON object, got []. Copy the file again."])
  })
})

describe("modelConfigToJson", () => {
  const written = [
    { ...sizes, model_type: "qwen3", head_dim: 16, tie_word_embeddings: true, rope_theta: 1e6, eos_token_id: [2, 3], future_key: { a: [1] } },
    { ...sizes, model_type: "qwen2", bos_token_id: 1, rope_theta: 1e6, use_sliding_window: false, sliding_window: 32 },
    { ...sizes, model_type: "llama", mlp_bias: true, attention_bias: true, rope_parameters: { rope_type: "linear", factor: 4, rope_theta: 1e4 } },
    {
      ...sizes,
      model_type: "llama",
      rope_theta: 5e5,
      rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 },
    },
    { ...sizes, model_type: "mistral", sliding_window: 32 },
    { ...sizes, model_type: "mistral", max_position_embeddings: 8192 },
    { ...sizes, model_type: "qwen3", head_dim: 8, use_sliding_window: true, sliding_window: 32, max_window_layers: 1 },
    { ...sizes, model_type: "qwen2", rope_theta: 1e6, rope_scaling: { rope_type: "yarn", factor: 4, truncate: false, original_max_position_embeddings: 16 } },
    { ...sizes, model_type: "smollm3", no_rope_layer_interval: 2 },
    { ...sizes, model_type: "gemma3_text", rope_scaling: { rope_type: "linear", factor: 8 }, sliding_window: 8, sliding_window_pattern: 2 },
    { ...sizes, model_type: "gemma3_text", layer_types: ["full_attention", "full_attention"], rope_theta: 1e4 },
  ]

  test.each(written)("what is written is read back the same ($model_type)", (json) => {
    const config = parseModelConfig(json, "config.json")
    const again = parseModelConfig(JSON.parse(JSON.stringify(modelConfigToJson(config))), "config.json")
    expect({ ...again, source: null }).toEqual({ ...config, source: null })
  })

  test("keys unknown here survive, and the storage type and class are written over the old ones", () => {
    const config = parseModelConfig({ ...written[0], architectures: ["Qwen3Model"], torch_dtype: "float16" }, "config.json")
    expect(modelConfigToJson(config, "bf16")).toMatchObject({
      future_key: { a: [1] },
      architectures: ["Qwen3ForCausalLM"],
      torch_dtype: "bfloat16",
      dtype: "bfloat16",
      eos_token_id: [2, 3],
    })
  })

  test("the two forms of the rotary settings say the same", () => {
    const json = modelConfigToJson(parseModelConfig(written[2], "config.json"))
    expect(json).toMatchObject({
      rope_theta: 1e4,
      rope_scaling: { rope_type: "linear", factor: 4 },
      rope_parameters: { rope_type: "linear", factor: 4, rope_theta: 1e4 },
    })
  })
})

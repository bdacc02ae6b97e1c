import { describe, expect, test } from "vitest"
import { parseModelConfig } from "./config.ts"
import { initialiseWeights } from "./initialise.ts"
import { presetConfig } from "./presets.ts"
import { createRandomStream, fillNormal } from "./random.ts"
import { elementCount, parameterCount, parameterSpecs } from "./weights.ts"

const config = presetConfig("micro", { vocabularySize: 20 })

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

function bytesOf(values: Float32Array = new Float32Array()): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

describe("parameterSpecs", () => {
  const sizes = {
    vocab_size: 100,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
  }
  const names = (json: object): Record<string, readonly number[]> =>
    Object.fromEntries(parameterSpecs(parseModelConfig({ ...sizes, ...json }, "config.json")).map(({ name, shape }) => [name, shape]))

  test("Qwen3 has norms on queries and keys and no bias", () => {
    expect(names({ model_type: "qwen3", head_dim: 16, tie_word_embeddings: true })).toEqual({
      "model.embed_tokens.weight": [100, 32],
      "model.layers.0.self_attn.q_proj.weight": [64, 32],
      "model.layers.0.self_attn.k_proj.weight": [32, 32],
      "model.layers.0.self_attn.v_proj.weight": [32, 32],
      "model.layers.0.self_attn.o_proj.weight": [32, 64],
      "model.layers.0.self_attn.q_norm.weight": [16],
      "model.layers.0.self_attn.k_norm.weight": [16],
      "model.layers.0.mlp.gate_proj.weight": [48, 32],
      "model.layers.0.mlp.up_proj.weight": [48, 32],
      "model.layers.0.mlp.down_proj.weight": [32, 48],
      "model.layers.0.input_layernorm.weight": [32],
      "model.layers.0.post_attention_layernorm.weight": [32],
      "model.norm.weight": [32],
    })
  })

  test("Qwen2 has bias on queries, keys and values; an untied model ends with its head", () => {
    const qwen2 = names({ model_type: "qwen2" })
    expect(Object.keys(qwen2).filter((name) => name.endsWith(".bias"))).toEqual(["q", "k", "v"].map((name) => `model.layers.0.self_attn.${name}_proj.bias`))
    expect(qwen2["model.layers.0.self_attn.k_proj.bias"]).toEqual([16])
    expect(Object.entries(qwen2).at(-1)).toEqual(["lm_head.weight", [100, 32]])
  })

  test("Llama with every bias has seven a layer", () => {
    const llama = names({ model_type: "llama", attention_bias: true, mlp_bias: true })
    expect(Object.keys(llama).filter((name) => name.endsWith(".bias")).length).toBe(7)
    expect(llama["model.layers.0.mlp.down_proj.bias"]).toEqual([32])
  })
})

describe("initialiseWeights", () => {
  const weights = initialiseWeights(config, 1)
  const get = (name: string): Float32Array => weights.get(name) ?? new Float32Array()

  test("every parameter has its size, and all together the count of the model", () => {
    for (const { name, shape } of parameterSpecs(config)) expect(get(name).length).toBe(elementCount(shape))
    expect([...weights.values()].reduce((sum, values) => sum + values.length, 0)).toBe(parameterCount(config))
  })

  test("the same seed repeats every value, another seed changes every matrix", () => {
    const again = initialiseWeights(config, 1)
    const other = initialiseWeights(config, 2)
    for (const [name, values] of weights) {
      expect(bytesOf(again.get(name)).equals(bytesOf(values)), name).toBe(true)
      if (!name.endsWith("norm.weight")) expect(bytesOf(other.get(name)).equals(bytesOf(values)), name).toBe(false)
    }
  })

  test("a parameter's values do not depend on how many layers follow", () => {
    const deeper = initialiseWeights({ ...config, layers: 5 }, 1)
    const name = "model.layers.3.mlp.up_proj.weight"
    expect(bytesOf(deeper.get(name)).equals(bytesOf(get(name)))).toBe(true)
  })

  test("matrices have the config's deviation, residual outputs that over sqrt(2 layers), norms are one, biases zero", () => {
    expect(deviation(get("model.layers.1.mlp.up_proj.weight"))).toBeCloseTo(0.02, 3)
    expect(deviation(get("model.layers.1.mlp.down_proj.weight"))).toBeCloseTo(0.02 / Math.sqrt(8), 3)
    expect(deviation(get("model.layers.1.self_attn.o_proj.weight"))).toBeCloseTo(0.02 / Math.sqrt(8), 3)
    expect(new Set(get("model.layers.1.self_attn.q_norm.weight"))).toEqual(new Set([1]))
    const biased = initialiseWeights({ ...config, architecture: "qwen2", attentionBias: true, qkNorm: false }, 1)
    expect(new Set(biased.get("model.layers.0.self_attn.v_proj.bias"))).toEqual(new Set([0]))
  })
})

describe("random streams", () => {
  test("draws are normal: mean, deviation, kurtosis and tails of 200,000", () => {
    const values = new Float32Array(200_001)
    fillNormal(values, 1, createRandomStream(3, "test"))
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    expect(Math.abs(moment(1))).toBeLessThan(0.01)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02)
    expect(Math.abs(moment(3))).toBeLessThan(0.03)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1)
    const tail = values.filter((value) => Math.abs(value) > 1.959964).length / values.length
    expect(Math.abs(tail - 0.05)).toBeLessThan(0.003)
    expect(values.at(-1)).not.toBe(0)
  })

  test("streams of neighbouring seeds and of different names are uncorrelated", () => {
    const draw = (seed: number, name: string): Float32Array => {
      const values = new Float32Array(20_000)
      fillNormal(values, 1, createRandomStream(seed, name))
      return values
    }
    const first = draw(0, "a")
    for (const other of [draw(1, "a"), draw(0, "b"), draw(2 ** 32, "a")]) {
      const correlation = first.reduce((sum, value, i) => sum + value * other[i], 0) / first.length
      expect(Math.abs(correlation)).toBeLessThan(0.03)
    }
  })
})

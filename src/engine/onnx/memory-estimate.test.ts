import { expect, test } from "vitest"
import { presetConfig } from "../../model/presets.ts"
import { createByteTokenizer } from "../../model/tokenizer-create.ts"
import { parameterCount } from "../../model/weights.ts"
import { createObjective } from "../../objectives/index.ts"
import { estimateMemory, type MemoryWorkload } from "./memory-estimate.ts"
import type { OnnxEngineOptions } from "./onnx-engine.ts"

const tokenizer = createByteTokenizer()
const { eosTokens, padToken, bosToken, vocabularySize } = tokenizer
const config = { ...presetConfig("nano", { vocabularySize, contextLength: 128, eosTokens, padToken, bosToken }), layers: 12 }
const workload: MemoryWorkload = {
  promptTokens: 32,
  responseTokens: 32,
  prompts: 16,
  sequences: 128,
  groupSize: 8,
  objective: createObjective("grpo"),
  temperature: 1,
  precision: "f32",
  snapshots: 0,
  scores: false,
}

function partsOf(options: Partial<OnnxEngineOptions> = {}, change: Partial<MemoryWorkload> = {}): Record<string, number> {
  const { parts } = estimateMemory({ config, tokenizer, weights: { kind: "fresh", seed: 1 }, ...options }, { ...workload, ...change })
  return Object.fromEntries(parts.map(({ name, bytes }) => [name, bytes]))
}

test("weights, moments and gradients are those of the parameters, four bytes each", () => {
  const bytes = 4 * parameterCount(config)
  expect(partsOf()).toMatchObject({ weights: bytes, moments: 2 * bytes, gradients: bytes })
  const lora = { rank: 2, alpha: 4, targets: ["q_proj"] }
  const adapters = 4 * config.layers * 2 * (config.hiddenSize + config.heads * config.headDim)
  expect(partsOf({ lora })).toMatchObject({ weights: bytes + adapters, moments: 2 * adapters, gradients: adapters })
})

test("in full fine-tuning and with adapters, gradient checkpointing holds one layer and the boundaries", () => {
  for (const lora of [undefined, { rank: 2, alpha: 4, targets: ["q_proj", "down_proj"] }]) {
    // Many tokens, so that the gradients are small beside the activations.
    const options = { tokenBudget: 8192, ...(lora === undefined ? {} : { lora }) }
    expect(partsOf({ ...options, gradientCheckpointing: true })["activations"]).toBeLessThan(partsOf(options)["activations"]! / 3)
  }
})

test("weight gradients are taken as the backward pass goes: a layer more costs its activations, and not their gradients too", () => {
  const activationsOf = (layers: number): number =>
    estimateMemory(
      { config: { ...config, layers }, tokenizer, weights: { kind: "fresh", seed: 1 } },
      workload,
    ).parts.find(({ name }) => name === "activations")!.bytes
  const perLayer = (activationsOf(12) - activationsOf(8)) / 4
  const { hiddenSize: D, intermediateSize: F, heads, headDim, keyValueHeads } = config
  const group = 31 + 8 * 32
  const tokens = Math.floor(2048 / group) * group
  // Residual and normalised rows twice each, queries and mixed values, keys and values (as rows and as slots), gate,
  // its activation, up and their product.
  const forward = 4 * D + 6 * heads * headDim + 6 * keyValueHeads * headDim + 4 * F
  const attention = heads * 63
  expect(perLayer).toBeGreaterThan(4 * tokens * 0.7 * (forward + attention))
  expect(perLayer).toBeLessThan(4 * tokens * 1.3 * (forward + attention))
})

test("a batch of one micro-batch adds no gradients up", () => {
  expect(partsOf({}, { prompts: 1, sequences: 8 })["gradients"]).toBeUndefined()
})

test("where sampling takes more than a micro-batch, its keys and values are the peak", () => {
  const parts = partsOf({ tokenBudget: 63 })
  expect(parts["activations"]).toBeUndefined()
  // 128 rows of 64 positions.
  expect(parts["keys and values"]).toBe(128 * 64 * config.layers * config.keyValueHeads * config.headDim * 2 * 4)
  expect(partsOf({ tokenBudget: 63, sampleBatch: 64 })["keys and values"]).toBe(parts["keys and values"]! / 2)
})

test("the reference policy is a copy, and its log-probs a graph more", () => {
  const objective = createObjective("grpo", { klCoefficient: 0.1 })
  const parts = partsOf({}, { snapshots: 1, scores: true, objective })
  expect(parts["other policies"]).toBe(parts["weights"])
  expect(parts["the program"]).toBeGreaterThan(partsOf({}, { snapshots: 1, objective })["the program"]!)
})

test("rollouts in eight bits read a byte for each weight of the linear layers and of the head, and a scale per output", () => {
  const parts = partsOf({}, { precision: "int8" })
  const { hiddenSize: D, intermediateSize: F, layers, heads, keyValueHeads, headDim, vocabularySize: V } = config
  const outputs = heads * headDim + 2 * keyValueHeads * headDim + D + 2 * F + D
  const weights = 2 * heads * headDim * D + 2 * keyValueHeads * headDim * D + 3 * D * F
  expect(parts["weights in eight bits"]).toBe(layers * (weights + 4 * outputs) + V * D + 4 * V)
  expect(partsOf()["weights in eight bits"]).toBeUndefined()
})

/**
 * Names and shapes of a model's parameters, as Hugging Face checkpoints have them: linear layers are [out, in].
 */
import type { ModelConfig } from "./config.ts"
import { hasOutputProjectionBias } from "./config.ts"
import { families } from "./families.ts"

export interface ParameterSpec {
  /** Hugging Face name, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string
  readonly shape: readonly number[]
}

/** Parameters by Hugging Face name, row-major. */
export type Weights = Map<string, Float32Array>

/** Every parameter the model computes with, in a fixed order: embedding, layers, final norm, output head when untied. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const { hiddenSize, vocabularySize } = config
  const specs: ParameterSpec[] = [{ name: "model.embed_tokens.weight", shape: [vocabularySize, hiddenSize] }]
  for (let layer = 0; layer < config.layers; layer++) specs.push(...layerSpecs(config, `model.layers.${layer}`))
  specs.push({ name: "model.norm.weight", shape: [hiddenSize] })
  if (!config.tiedEmbeddings) specs.push({ name: "lm_head.weight", shape: [vocabularySize, hiddenSize] })
  return specs
}

function layerSpecs(config: ModelConfig, prefix: string): ParameterSpec[] {
  const { hiddenSize, intermediateSize, headDim } = config
  const queryWidth = config.heads * headDim
  const keyValueWidth = config.keyValueHeads * headDim
  const specs: ParameterSpec[] = []
  const linear = (name: string, outputs: number, inputs: number, bias: boolean): void => {
    specs.push({ name: `${prefix}.${name}.weight`, shape: [outputs, inputs] })
    if (bias) specs.push({ name: `${prefix}.${name}.bias`, shape: [outputs] })
  }
  linear("self_attn.q_proj", queryWidth, hiddenSize, config.attentionBias)
  linear("self_attn.k_proj", keyValueWidth, hiddenSize, config.attentionBias)
  linear("self_attn.v_proj", keyValueWidth, hiddenSize, config.attentionBias)
  linear("self_attn.o_proj", hiddenSize, queryWidth, hasOutputProjectionBias(config))
  if (config.qkNorm) {
    specs.push({ name: `${prefix}.self_attn.q_norm.weight`, shape: [headDim] })
    specs.push({ name: `${prefix}.self_attn.k_norm.weight`, shape: [headDim] })
  }
  linear("mlp.gate_proj", intermediateSize, hiddenSize, config.mlpBias)
  linear("mlp.up_proj", intermediateSize, hiddenSize, config.mlpBias)
  linear("mlp.down_proj", hiddenSize, intermediateSize, config.mlpBias)
  specs.push({ name: `${prefix}.input_layernorm.weight`, shape: [hiddenSize] })
  specs.push({ name: `${prefix}.post_attention_layernorm.weight`, shape: [hiddenSize] })
  if (families[config.architecture].outputNorms) {
    specs.push({ name: `${prefix}.pre_feedforward_layernorm.weight`, shape: [hiddenSize] })
    specs.push({ name: `${prefix}.post_feedforward_layernorm.weight`, shape: [hiddenSize] })
  }
  return specs
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Number of parameters the model computes with; tied embeddings count once. */
export function parameterCount(config: ModelConfig): number {
  return parameterSpecs(config).reduce((sum, spec) => sum + elementCount(spec.shape), 0)
}

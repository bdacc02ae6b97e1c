/**
 * A model as one ONNX graph with a cache, under the names that transformers.js and optimum use.
 */
import { open } from "node:fs/promises"
import { basename } from "node:path"
import { attentionBias, dim, dimAdd, emitOnnx, input, reshape, type Initializer, type Tensor } from "../graph/index.ts"
import type { ModelConfig } from "../model/config.ts"
import { decodeOver, product, weightTensors, type DecoderOptions, type KeyValue } from "../model/decoder.ts"
import { writeFlushed } from "../model/folder.ts"
import { headWeight } from "../model/head.ts"
import { ropeTensors, type NamedTensor } from "../model/rope-tables.ts"
import { parameterSpecs, type Weights } from "../model/weights.ts"

/** Weights beyond this many bytes go to a file of their own: a protocol buffer holds less than two gigabytes. */
export const inlineLimit: number = 1_500_000_000

/**
 * The graph's outputs: `logits` [B, T, V] and `present.N.key` and `.value` [B, K, P+T, E]. Its inputs: `input_ids`,
 * `position_ids` [B, T] and `attention_mask` [B, P+T], all int64, `past_key_values.N.key` and `.value` [B, K, P, E], beside
 * weights and rotary tables.
 */
function onnxOutputs(config: ModelConfig): Record<string, Tensor> {
  const [batch, time, past] = [dim("batch_size"), dim("sequence_length"), dim("past_sequence_length")]
  const shape = [batch, config.keyValueHeads, past, config.headDim]
  const cache = Array.from({ length: config.layers }, (_, layer): KeyValue => ({
    key: input(`past_key_values.${layer}.key`, shape),
    value: input(`past_key_values.${layer}.value`, shape),
  }))
  const attentionMask = input("attention_mask", [batch, dimAdd(past, time)], "i64")
  const decoder: DecoderOptions = { config, weights: weightTensors(config) }
  const output = decodeOver(decoder, {
    tokens_BT: input("input_ids", [batch, time], "i64"),
    positions_BT: input("position_ids", [batch, time], "i64"),
    mask: (window) => attentionBias(attentionMask, time, window),
    past: cache,
  })
  const logits_NV = product(decoder, output.hidden_ND, headWeight(config, decoder.weights))
  const outputs: Record<string, Tensor> = { logits: reshape(logits_NV, [batch, time, config.vocabularySize]) }
  output.cache.forEach(({ key, value }, layer) => {
    outputs[`present.${layer}.key`] = key
    outputs[`present.${layer}.value`] = value
  })
  return outputs
}

/**
 * Writes the model into `path`, with its weights inside, or in `path` + "_data" when they are too many.
 * @param limit  bytes of weights that go inside
 * @returns whether the weights are in a file of their own
 * @throws CheckpointError  when the model cannot be written
 */
export async function writeOnnxModel(path: string, config: ModelConfig, weights: Weights, limit: number = inlineLimit): Promise<boolean> {
  const tensors: NamedTensor[] = [
    ...parameterSpecs(config).map(({ name, shape }) => ({ name, shape, values: weights.get(name)! })),
    ...ropeTensors(config, config.contextLength),
  ]
  const external = tensors.reduce((total, { values }) => total + values.byteLength, 0) > limit
  const initializers = new Map<string, Initializer>()
  const data = external ? await open(`${path}_data`, "wx") : undefined
  try {
    let offset = 0
    for (const { name, shape, values } of tensors) {
      if (data === undefined) {
        initializers.set(name, { shape, values })
        continue
      }
      await data.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      initializers.set(name, { shape, file: `${basename(path)}_data`, offset, bytes: values.byteLength })
      offset += values.byteLength
    }
    await data?.sync()
  } finally {
    await data?.close()
  }
  await writeFlushed(path, emitOnnx(onnxOutputs(config), initializers))
  return external
}

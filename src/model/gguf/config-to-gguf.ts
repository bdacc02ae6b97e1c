/**
 * A model's sizes and parameters as a GGUF file has them: keys, names, types and the order of rows.
 * Source: convert_hf_to_gguf.py of llama.cpp.
 */
import { CheckpointError, ConfigError } from "../../errors.ts"
import type { Architecture, ModelConfig } from "../config.ts"
import type { WeightSource } from "../folder.ts"
import { inverseFrequencies } from "../rope-tables.ts"
import type { ParameterSpec } from "../weights.ts"
import { elementCount, parameterSpecs } from "../weights.ts"
import { ggufTensorName } from "./tensor-names.ts"
import { tensorLayouts } from "./tensor-types.ts"
import type { GgufTensor, GgufValue, WrittenTensorType } from "./writer.ts"

/** Storage types of a GGUF file. */
export type GgufWeightType = "f32" | "f16" | "q8_0"

interface GgufArchitecture {
  /** `general.architecture`. */
  readonly name: string
  /** Rows of q and k are stored in the order of the interleaved rotary form, in which pairs are neighbours. */
  readonly interleavedRotary: boolean
  /** Reads the factors of Llama 3's rotary scaling. */
  readonly rotaryFactors: boolean
}

const architectures: Readonly<Record<Architecture, GgufArchitecture>> = {
  llama: { name: "llama", interleavedRotary: true, rotaryFactors: true },
  qwen2: { name: "qwen2", interleavedRotary: false, rotaryFactors: false },
  qwen3: { name: "qwen3", interleavedRotary: false, rotaryFactors: false },
}

/** `general.file_type` and the type of matrices; vectors are always F32, as in llama.cpp's own files. */
const storage: Readonly<Record<GgufWeightType, { readonly fileType: number; readonly matrices: WrittenTensorType }>> = {
  f32: { fileType: 0, matrices: "F32" },
  f16: { fileType: 1, matrices: "F16" },
  q8_0: { fileType: 7, matrices: "Q8_0" },
}

/** Of the layout of quantised blocks, as llama.cpp counts it. */
const QUANTIZATION_VERSION = 2

/**
 * What llama.cpp does not compute as it is computed here.
 * @throws ConfigError
 */
export function checkGgufConfig(config: ModelConfig): void {
  const { architecture, rope, attentionBias } = config
  const problem =
    rope.scaling?.type === "llama3" && !architectures[architecture].rotaryFactors
      ? `llama3 rotary scaling in a ${architecture} model`
      : architecture === "qwen3" && attentionBias
        ? "biases on the attention of a qwen3 model"
        : undefined
  if (problem === undefined) return
  throw new ConfigError([{ path: "", message: `GGUF: expected a model that llama.cpp computes, got ${problem}. Export with --to hf.` }])
}

/** Keys that say how the model computes. */
export function configMetadata(config: ModelConfig, dtype: GgufWeightType): Map<string, GgufValue> {
  const { name } = architectures[config.architecture]
  const { scaling, theta } = config.rope
  const u32 = (value: number): GgufValue => ({ type: "u32", value })
  const f32 = (value: number): GgufValue => ({ type: "f32", value })
  return new Map<string, GgufValue>([
    ["general.file_type", u32(storage[dtype].fileType)],
    ["general.quantization_version", u32(QUANTIZATION_VERSION)],
    [`${name}.block_count`, u32(config.layers)],
    [`${name}.context_length`, u32(config.contextLength)],
    [`${name}.embedding_length`, u32(config.hiddenSize)],
    [`${name}.feed_forward_length`, u32(config.intermediateSize)],
    [`${name}.attention.head_count`, u32(config.heads)],
    [`${name}.attention.head_count_kv`, u32(config.keyValueHeads)],
    [`${name}.attention.key_length`, u32(config.headDim)],
    [`${name}.attention.value_length`, u32(config.headDim)],
    [`${name}.attention.layer_norm_rms_epsilon`, f32(config.rmsNormEps)],
    [`${name}.vocab_size`, u32(config.vocabularySize)],
    [`${name}.rope.dimension_count`, u32(config.headDim)],
    [`${name}.rope.freq_base`, f32(theta)],
    ...(scaling?.type === "linear"
      ? ([
          [`${name}.rope.scaling.type`, { type: "text", value: "linear" }],
          [`${name}.rope.scaling.factor`, f32(scaling.factor)],
        ] as const)
      : []),
  ])
}

/** `general.architecture`. */
export function ggufArchitecture(config: ModelConfig): string {
  return architectures[config.architecture].name
}

/**
 * The parameters as tensors of the file. Matrices whose rows are no whole blocks are F16 in a q8_0 file.
 * @throws CheckpointError  when weights are missing
 */
export function ggufTensors(config: ModelConfig, weights: WeightSource, dtype: GgufWeightType): GgufTensor[] {
  const tensors = parameterSpecs(config).map((spec): GgufTensor => ({
    name: tensorName(spec.name),
    shape: spec.shape,
    type: typeOf(spec, dtype),
    values: async () => orderedRows(config, spec, await valuesOf(weights, spec.name)),
  }))
  return config.rope.scaling?.type === "llama3" ? [rotaryFactors(config), ...tensors] : tensors
}

function typeOf({ shape }: ParameterSpec, dtype: GgufWeightType): WrittenTensorType {
  if (shape.length < 2) return "F32"
  const { matrices } = storage[dtype]
  return shape.at(-1)! % tensorLayouts[matrices].elements === 0 ? matrices : "F16"
}

function tensorName(name: string): string {
  const known = ggufTensorName(name)
  if (known === undefined) throw new Error(`GGUF has no name for the parameter ${name}`)
  return known
}

async function valuesOf(weights: WeightSource, name: string): Promise<Float32Array> {
  const values = typeof weights === "function" ? await weights(name) : weights.get(name)
  if (values === undefined) throw new CheckpointError(`GGUF: expected the weights of the config, got none for ${name}. Save config and weights of one model.`)
  return values
}

/**
 * The rows of q and k of a head turn in pairs: (i, i + headDim/2) in Hugging Face's order, (2 i, 2 i + 1) in the interleaved one.
 * Other parameters are as they are.
 */
function orderedRows(config: ModelConfig, { name, shape }: ParameterSpec, values: Float32Array): Float32Array {
  const rotated = /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(name)
  if (!rotated || !architectures[config.architecture].interleavedRotary) return values
  const { headDim } = config
  const width = elementCount(shape.slice(1))
  const ordered = new Float32Array(values.length)
  for (let row = 0; row < shape[0]!; row++) {
    const [head, within] = [Math.floor(row / headDim), row % headDim]
    const from = head * headDim + (within % 2) * (headDim / 2) + Math.floor(within / 2)
    ordered.set(values.subarray(from * width, (from + 1) * width), row * width)
  }
  return ordered
}

/** Llama 3's scaling stands in the file as what each frequency is divided by. */
function rotaryFactors(config: ModelConfig): GgufTensor {
  const { rope: { theta } } = config
  const plain = inverseFrequencies({ ...config, rope: { theta } })
  const scaled = inverseFrequencies(config)
  return { name: "rope_freqs.weight", shape: [plain.length], type: "F32", values: Float32Array.from(plain, (frequency, i) => frequency / scaled[i]!) }
}

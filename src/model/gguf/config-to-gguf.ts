/**
 * A model's sizes and parameters as a GGUF file has them: keys, names, types and the order of rows.
 * Source: convert_hf_to_gguf.py of llama.cpp.
 */
import { CheckpointError, ConfigError } from "../../errors.ts"
import type { ModelConfig, SlidingWindow } from "../config.ts"
import type { WeightSource } from "../folder.ts"
import { inverseFrequencies } from "../rope-tables.ts"
import type { ParameterSpec } from "../weights.ts"
import { elementCount, parameterSpecs } from "../weights.ts"
import type { GgufFamily } from "./families.ts"
import { ggufFamilies } from "./families.ts"
import { ggufTensorName } from "./tensor-names.ts"
import { tensorLayouts } from "./tensor-types.ts"
import type { GgufTensor, GgufValue, WrittenTensorType } from "./writer.ts"

/** Storage types of a GGUF file. */
export type GgufWeightType = "f32" | "f16" | "q8_0"

/** `general.architecture` of a model, and how its files are laid out. */
interface WrittenFamily extends GgufFamily {
  readonly name: string
}

/** Reads the factors of Llama 3's rotary scaling, which others leave out. */
const readsRotaryFactors: ReadonlySet<string> = new Set(["llama"])

/** @throws ConfigError when llama.cpp has no architecture that computes the model, or it is not written here */
function familyFor({ architecture }: ModelConfig): WrittenFamily {
  // Mistral's files say llama: without a window the two are computed alike.
  const modelType = architecture === "mistral" ? "llama" : architecture
  const found = Object.entries(ggufFamilies).find(([, family]) => family.modelType === modelType)
  if (found === undefined) throw refused(`the architecture ${architecture}, which is not written`)
  return { name: found[0], ...found[1] }
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
  const { architecture, rope, attentionBias, slidingWindow } = config
  const family = familyFor(config)
  const { name } = family
  const scaling = rope.scaling?.type
  if (scaling === "llama3" && !readsRotaryFactors.has(name)) throw refused(`llama3 rotary scaling in a ${architecture} model`)
  if (scaling !== undefined && scaling !== "llama3" && scaling !== "linear") throw refused(`${scaling} rotary scaling`)
  if (slidingWindow !== undefined && !hasKnownWindow(config, slidingWindow, family)) {
    throw refused(`a pattern of layers with a sliding window that is not ${name}'s own`)
  }
  if (architecture === "smollm3" && !leavesEveryFourth(config)) {
    throw refused("another pattern of unrotated layers than every fourth")
  }
  if (architecture === "qwen3" && attentionBias) throw refused("biases on the attention of a qwen3 model")
}

/**
 * Of windows a file states the width. Which layers have one, and how these rotate, llama.cpp has built in for a family.
 */
function hasKnownWindow(config: ModelConfig, window: SlidingWindow, family: GgufFamily): boolean {
  const { layers, headDim, hiddenSize, heads, queryScalar } = config
  if (family.slidingWindow !== true) return false
  const { sliding_window_pattern: every, rope_local_base_freq: theta } = family.config ?? {}
  const all = Array.from({ length: layers }, (_, layer) => layer)
  const expected = all.filter((layer) => (layer + 1) % Number(every) !== 0)
  // Of the Gemmas only the one of 27B, with 62 layers, divides the scores by another number.
  const scale = layers === 62 ? hiddenSize / heads : headDim
  const rotatesAsKnown = window.rope?.theta === theta && window.rope?.scaling === undefined
  return expected.join() === window.layers.join() && rotatesAsKnown && (queryScalar ?? headDim) === scale
}

/** llama.cpp has the pattern of SmolLM3 built in. */
function leavesEveryFourth({ layers, unrotatedLayers = [] }: ModelConfig): boolean {
  const expected = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => layer % 4 === 3)
  return expected.join() === [...unrotatedLayers].join()
}

function refused(got: string): ConfigError {
  return new ConfigError([{ path: "", message: `GGUF: expected a model that llama.cpp computes, got ${got}. Export with --to hf.` }])
}

/** Keys that say how the model computes. */
export function configMetadata(config: ModelConfig, dtype: GgufWeightType): Map<string, GgufValue> {
  const { name } = familyFor(config)
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
    ...(config.slidingWindow === undefined
      ? []
      : ([[`${name}.attention.sliding_window`, u32(config.slidingWindow.tokens)]] as const)),
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
  return familyFor(config).name
}

/**
 * The parameters as tensors of the file. Matrices whose rows are no whole blocks are F16 in a q8_0 file.
 * @throws CheckpointError  when weights are missing
 */
export function ggufTensors(config: ModelConfig, weights: WeightSource, dtype: GgufWeightType): GgufTensor[] {
  const family = familyFor(config)
  const tensors = parameterSpecs(config).map((spec): GgufTensor => ({
    name: tensorName(spec.name, family),
    shape: spec.shape,
    type: typeOf(spec, dtype),
    values: async () => storedValues(config, family, spec, await valuesOf(weights, spec.name)),
  }))
  return config.rope.scaling?.type === "llama3" ? [rotaryFactors(config), ...tensors] : tensors
}

function typeOf({ shape }: ParameterSpec, dtype: GgufWeightType): WrittenTensorType {
  if (shape.length < 2) return "F32"
  const { matrices } = storage[dtype]
  return shape.at(-1)! % tensorLayouts[matrices].elements === 0 ? matrices : "F16"
}

function tensorName(name: string, { outputNorms }: GgufFamily): string {
  const known = ggufTensorName(name, outputNorms)
  if (known === undefined) throw new Error(`GGUF has no name for the parameter ${name}`)
  return known
}

async function valuesOf(weights: WeightSource, name: string): Promise<Float32Array> {
  const values = typeof weights === "function" ? await weights(name) : weights.get(name)
  if (values === undefined) throw new CheckpointError(`GGUF: expected the weights of the config, got none for ${name}. Save config and weights of one model.`)
  return values
}

/** A parameter as the files of its family have it. */
function storedValues({ headDim }: ModelConfig, { interleavedRotary, normOffset }: GgufFamily, { name, shape }: ParameterSpec, values: Float32Array): Float32Array {
  if (interleavedRotary === true && /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(name)) return interleaved(values, shape, headDim)
  return normOffset !== undefined && name.endsWith("norm.weight") ? values.map((value) => value + normOffset) : values
}

/**
 * The rows of q and k of a head turn in pairs: (i, i + headDim/2) in Hugging Face's order, (2 i, 2 i + 1) in the interleaved one.
 */
function interleaved(values: Float32Array, shape: readonly number[], headDim: number): Float32Array {
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

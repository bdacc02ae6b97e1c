/** A model as one GGUF file, which llama.cpp and Ollama run: parameters, tokenizer, chat template, end tokens. */
import type { ModelConfig } from "../config.ts"
import type { WeightSource } from "../folder.ts"
import type { GenerationDefaults } from "../generation-config.ts"
import type { Tokenizer } from "../tokenizer.ts"
import { parameterCount } from "../weights.ts"
import { checkGgufConfig, configMetadata, ggufArchitecture, ggufTensors, type GgufWeightType } from "./config-to-gguf.ts"
import { tokenizerMetadata } from "./tokenizer-to-gguf.ts"
import { writeGguf, type GgufTensor, type GgufValue } from "./writer.ts"

export interface GgufToSave {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  /** Its end tokens are those that end a response. */
  readonly generation: GenerationDefaults
  readonly dtype: GgufWeightType
  /** `general.name`. */
  readonly name: string
  readonly license?: string | undefined
}

/** A file whose metadata is made, and whose weights are not yet read. */
export interface PlannedGguf {
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Matrices that are F16 in a q8_0 file, because their rows are no whole blocks. */
  readonly unquantised: number
  /**
   * Writes the file and flushes it.
   * @throws CheckpointError  when weights are missing or do not fit the type, or the file cannot be written
   */
  write(path: string, weights: WeightSource): Promise<void>
}

/**
 * Makes all of the file but its data.
 * @throws ConfigError  when llama.cpp does not compute the model, or the format cannot express its tokenizer
 */
export function planGguf({ config, tokenizer, generation, dtype, name, license }: GgufToSave): PlannedGguf {
  checkGgufConfig(config)
  const text = (value: string): GgufValue => ({ type: "text", value })
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", text(ggufArchitecture(config))],
    ["general.type", text("model")],
    ["general.name", text(name)],
    ["general.size_label", text(sizeLabel(parameterCount(config)))],
    ...(license === undefined ? [] : [["general.license", text(license)] as const]),
    ...samplingMetadata(generation),
    ...configMetadata(config, dtype),
    ...tokenizerMetadata(tokenizer, {
      vocabularySize: config.vocabularySize,
      endTokens: generation.eosTokens,
      bosToken: config.bosToken,
      padToken: config.padToken,
    }),
  ])
  const tensors = (weights: WeightSource): GgufTensor[] => ggufTensors(config, weights, dtype)
  const unquantised = dtype === "q8_0" ? tensors(new Map()).filter(({ type }) => type === "F16").length : 0
  return { metadata, unquantised, write: (path, weights) => writeGguf(path, metadata, tensors(weights)) }
}

/** How the model's makers advise to sample; llama.cpp takes it as its defaults. */
function samplingMetadata({ temperature, topK, topP }: GenerationDefaults): (readonly [string, GgufValue])[] {
  return [
    ...(topK === undefined ? [] : [["general.sampling.top_k", { type: "i32", value: topK }] as const]),
    ...(topP === undefined ? [] : [["general.sampling.top_p", { type: "f32", value: topP }] as const]),
    ...(temperature === undefined ? [] : [["general.sampling.temp", { type: "f32", value: temperature }] as const]),
  ]
}

/** `135M`, `1.5B`: two digits at least, as llama.cpp's converter writes it. */
function sizeLabel(parameters: number): string {
  const [unit, suffix] = parameters > 1e12 ? [1e12, "T"] : parameters > 1e9 ? [1e9, "B"] : parameters > 1e6 ? [1e6, "M"] : [1e3, "K"]
  const scaled = parameters / unit
  return `${scaled.toFixed(Math.max(0, 2 - String(Math.round(scaled)).replace(/^0+/, "").length))}${suffix}`
}

/**
 * Sizes for models made from scratch, all of the Qwen3 kind with tied embeddings.
 */
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import type { ModelConfig } from "./config.ts"

export interface ModelPreset {
  /** What it is for, with its size. */
  readonly description: string
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  readonly intermediateSize: number
  readonly ropeTheta: number
  /** Tokens; what `presetConfig` takes when none is given. */
  readonly contextLength: number
  /** What `presetConfig` takes when none is given; absent where the tokenizer decides. */
  readonly vocabularySize?: number
}

export const modelPresets: Readonly<Record<string, ModelPreset>> = {
  nano: {
    description: "0.33 M parameters: the quickstart, seconds per run",
    hiddenSize: 96,
    layers: 3,
    heads: 4,
    keyValueHeads: 4,
    headDim: 24,
    intermediateSize: 256,
    ropeTheta: 10_000,
    contextLength: 256,
  },
  micro: {
    description: "0.8 M parameters: small procedural tasks",
    hiddenSize: 128,
    layers: 4,
    heads: 4,
    keyValueHeads: 2,
    headDim: 32,
    intermediateSize: 384,
    ropeTheta: 10_000,
    contextLength: 512,
  },
  tiny: {
    description: "2.4 M parameters: procedural tasks with longer responses",
    hiddenSize: 192,
    layers: 6,
    heads: 6,
    keyValueHeads: 3,
    headDim: 32,
    intermediateSize: 512,
    ropeTheta: 10_000,
    contextLength: 1024,
  },
  bench: {
    description: "4.85 M parameters at its own vocabulary of 512: speed measurements",
    hiddenSize: 256,
    layers: 6,
    heads: 8,
    keyValueHeads: 4,
    headDim: 32,
    intermediateSize: 768,
    ropeTheta: 1_000_000,
    contextLength: 1024,
    vocabularySize: 512,
  },
  "qwen3-0.6b": {
    description: "596 M parameters: the shape of Qwen3-0.6B with random weights, for measurements",
    hiddenSize: 1024,
    layers: 28,
    heads: 16,
    keyValueHeads: 8,
    headDim: 128,
    intermediateSize: 3072,
    ropeTheta: 1_000_000,
    contextLength: 40_960,
    vocabularySize: 151_936,
  },
}

export interface PresetOptions {
  /** Overrides the preset's; required where the preset has none. Usually the tokenizer's size. */
  readonly vocabularySize?: number | undefined
  /** Longest prompt plus response, tokens. */
  readonly contextLength?: number | undefined
  readonly eosTokens?: readonly number[] | undefined
  readonly padToken?: number | undefined
  readonly bosToken?: number | undefined
}

/**
 * The config of a preset for a vocabulary.
 * @throws ConfigError  for an unknown name, and where the vocabulary size is missing or too small for the tokens
 */
export function presetConfig(name: string, options: PresetOptions = {}): ModelConfig {
  const preset = Object.hasOwn(modelPresets, name) ? modelPresets[name] : undefined
  if (preset === undefined) {
    const names = Object.keys(modelPresets)
    const nearest = nearestName(name, names)
    const remedy = nearest === undefined ? "Choose one of them." : `Did you mean ${nearest}?`
    throw presetError("preset", `expected one of ${names.join(", ")}, got ${JSON.stringify(name)}. ${remedy}`)
  }
  const vocabularySize = options.vocabularySize ?? preset.vocabularySize
  if (vocabularySize === undefined || !Number.isSafeInteger(vocabularySize) || vocabularySize < 1) {
    throw presetError("vocabularySize", `expected a positive whole number for preset ${name}, got ${vocabularySize}. Give the tokenizer's size.`)
  }
  const contextLength = options.contextLength ?? preset.contextLength
  if (!Number.isSafeInteger(contextLength) || contextLength < 1) {
    throw presetError("contextLength", `expected a positive whole number, got ${contextLength}. Give the longest prompt plus response.`)
  }
  const { padToken, bosToken, eosTokens = [] } = options
  for (const token of [...eosTokens, padToken, bosToken]) {
    if (token !== undefined && !(Number.isSafeInteger(token) && token >= 0 && token < vocabularySize)) {
      throw presetError("vocabularySize", `expected more than every special token id, got ${vocabularySize} with token ${token}. Use the tokenizer's size.`)
    }
  }
  return {
    architecture: "qwen3",
    vocabularySize,
    hiddenSize: preset.hiddenSize,
    intermediateSize: preset.intermediateSize,
    layers: preset.layers,
    heads: preset.heads,
    keyValueHeads: preset.keyValueHeads,
    headDim: preset.headDim,
    contextLength,
    rmsNormEps: 1e-6,
    tiedEmbeddings: true,
    attentionBias: false,
    mlpBias: false,
    qkNorm: true,
    rope: { theta: preset.ropeTheta },
    ...(bosToken === undefined ? {} : { bosToken }),
    eosTokens,
    ...(padToken === undefined ? {} : { padToken }),
    initializerRange: 0.02,
    source: {},
  }
}

function presetError(key: string, message: string): ConfigError {
  return new ConfigError([{ path: `model.${key}`, message }])
}

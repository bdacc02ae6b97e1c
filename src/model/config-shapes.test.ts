/** The config.json of well-known models, in the two forms that transformers writes (fixtures/make_config_shapes.py). */
import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { modelConfigToJson, parseModelConfig } from "./config.ts"
import { families } from "./families.ts"
import { parameterCount } from "./weights.ts"

type Json = Readonly<Record<string, unknown>>
const shapes = JSON.parse(readFileSync(new URL("fixtures/config-shapes.json", import.meta.url), "utf8")) as Readonly<
  Record<string, { readonly transformers5: Json; readonly transformers4: Json }>
>
const names = Object.keys(shapes)
const config = (name: string) => parseModelConfig(shapes[name]!.transformers5, "config.json")

/** As published, tied embeddings counted once. */
const publishedParameters: Readonly<Record<string, number>> = {
  "SmolLM2-135M": 134_515_008,
  "Qwen2.5-0.5B": 494_032_768,
  "Qwen3-0.6B": 596_049_920,
  "Llama-3.2-1B": 1_235_814_400,
  "Gemma-3-270M": 268_098_176,
  "SmolLM3-3B": 3_075_098_624,
  "Mistral-7B-v0.3": 7_248_023_552,
}

describe.each(names)("%s", (name) => {
  const { transformers4, transformers5 } = shapes[name]!

  test("means the same as transformers 4 and as transformers 5 writes it, and has the published number of parameters", () => {
    const older = parseModelConfig(transformers4, "config.json")
    expect({ ...older, source: null }).toEqual({ ...config(name), source: null })
    expect(parameterCount(older)).toBe(publishedParameters[name])
  })

  test.each([
    ["transformers 4", transformers4],
    ["transformers 5", transformers5],
    ["nothing but what is known here", undefined],
  ])("what is written is read back the same, after %s", (_, source) => {
    const read = { ...config(name), source: source ?? {} }
    const written = modelConfigToJson(read, "bf16")
    expect(written).toMatchObject({ architectures: [families[read.architecture].className], model_type: read.architecture, dtype: "bfloat16" })
    expect({ ...parseModelConfig(JSON.parse(JSON.stringify(written)), "config.json"), source: null }).toEqual({ ...read, source: null })
  })

  test("every key that transformers 5 writes is there again, saying the same", () => {
    const written = modelConfigToJson(config(name), "bf16")
    const own = new Set(["transformers_version"])
    expect(written).toMatchObject(Object.fromEntries(Object.entries(transformers5).filter(([key]) => !own.has(key))))
  })
})

test("Gemma 3 has windows in five layers of six, with a wavelength of their own", () => {
  const { slidingWindow, rope, headDim, queryScalar, tiedEmbeddings } = config("Gemma-3-270M")
  expect(slidingWindow).toEqual({ tokens: 512, layers: [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16], rope: { theta: 10_000 } })
  expect({ rope, headDim, queryScalar, tiedEmbeddings }).toEqual({ rope: { theta: 1e6 }, headDim: 256, queryScalar: 256, tiedEmbeddings: true })
})

test("SmolLM3 leaves every fourth layer unrotated", () => {
  expect(config("SmolLM3-3B").unrotatedLayers).toEqual([3, 7, 11, 15, 19, 23, 27, 31, 35])
  const without: Json = { ...shapes["SmolLM3-3B"]!.transformers4, no_rope_layers: null, no_rope_layer_interval: 12 }
  expect(parseModelConfig(without, "config.json").unrotatedLayers).toEqual([11, 23, 35])
})

test("Mistral 7B v0.3 has no window; v0.1 has one of 4096 tokens in every layer", () => {
  expect(config("Mistral-7B-v0.3").slidingWindow).toBeUndefined()
  const { slidingWindow } = parseModelConfig({ ...shapes["Mistral-7B-v0.3"]!.transformers4, sliding_window: 4096 }, "config.json")
  expect(slidingWindow).toEqual({ tokens: 4096, layers: Array.from({ length: 32 }, (_, layer) => layer) })
})

test("Llama 3.2 ends at any of three tokens", () => {
  expect(config("Llama-3.2-1B").eosTokens).toEqual([128_001, 128_008, 128_009])
})

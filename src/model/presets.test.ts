import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { modelConfigToJson, parseModelConfig } from "./config.ts"
import { modelPresets, presetConfig } from "./presets.ts"
import { parameterCount } from "./weights.ts"

describe("presets", () => {
  test.each([
    ["nano", 14, 333_936],
    ["micro", 14, 789_632],
    ["tiny", 14, 2_438_592],
    ["bench", undefined, 4_853_376],
    // Parameters of the published Qwen3-0.6B, tied embeddings counted once.
    ["qwen3-0.6b", undefined, 596_049_920],
  ])("%s has the size it says", (name, vocabularySize, parameters) => {
    expect(parameterCount(presetConfig(name, { vocabularySize }))).toBe(parameters)
  })

  test.each(Object.keys(modelPresets))("%s is a config that can be saved and read again", (name) => {
    const config = presetConfig(name, { vocabularySize: 300, contextLength: 128, eosTokens: [1], padToken: 0, bosToken: 2 })
    const again = parseModelConfig(modelConfigToJson(config), "config.json")
    expect({ ...again, source: {} }).toEqual(config)
    expect(config).toMatchObject({ vocabularySize: 300, contextLength: 128, eosTokens: [1], padToken: 0, bosToken: 2 })
  })

  test("an unknown name lists the presets and the nearest one", () => {
    expect(() => presetConfig("mirco", { vocabularySize: 10 })).toThrow(/expected one of nano, micro, tiny, bench, qwen3-0\.6b, got "mirco"\. Did you mean micro\?/)
    expect(() => presetConfig("toString", { vocabularySize: 10 })).toThrow(ConfigError)
  })

  test("a vocabulary size is asked for where the preset has none, and must hold the special tokens", () => {
    expect(() => presetConfig("nano")).toThrow(/vocabularySize: expected a positive whole number for preset nano, got undefined/)
    expect(() => presetConfig("nano", { vocabularySize: 10, eosTokens: [10] })).toThrow(/got 10 with token 10/)
  })
})

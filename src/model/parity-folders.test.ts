import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { parseModelConfig } from "./config.ts"
import { parseGenerationConfig } from "./generation-config.ts"
import { planWeights, readPlannedWeights } from "./weight-files.ts"
import { elementCount, parameterCount, parameterSpecs } from "./weights.ts"

const parity = fileURLToPath(new URL("../../test/fixtures/parity", import.meta.url))

const cases = [
  "qwen3-tied",
  "qwen3-untied-bf16-sharded",
  "qwen2-bias",
  "llama3-scaled",
  "llama-tied-f16",
  "qwen2-window",
  "qwen3-yarn",
  "mistral-window",
  "smollm3",
  "gemma3",
]

describe.each(cases)("%s as transformers saved it", (name) => {
  const directory = join(parity, name)
  const json = (file: string): unknown => JSON.parse(readFileSync(join(directory, file), "utf8"))
  const config = parseModelConfig(json("config.json"), "config.json")
  const expected = json("expected.json") as { readonly parameters: number; readonly eosTokens: number[] }

  test("has the parameters that PyTorch counts, each found and finite", async () => {
    expect(parameterCount(config)).toBe(expected.parameters)
    const weights = await readPlannedWeights(directory, await planWeights(directory, config))
    expect([...weights.keys()].sort()).toEqual(parameterSpecs(config).map((spec) => spec.name).sort())
    for (const spec of parameterSpecs(config)) {
      const values = weights.get(spec.name) ?? new Float32Array()
      expect(values.length, spec.name).toBe(elementCount(spec.shape))
      expect(values.every(Number.isFinite) && values.some((value) => value !== 0), spec.name).toBe(true)
    }
  })

  test("ends responses where transformers ends them", async () => {
    expect((await parseGenerationConfig(join(directory, "generation_config.json"), config)).eosTokens).toEqual(expected.eosTokens)
  })

  test.skipIf(!existsSync(join(directory, "config.legacy.json")))("means the same in the form of transformers 4", () => {
    const legacy = parseModelConfig(json("config.legacy.json"), "config.legacy.json")
    expect({ ...legacy, source: null }).toEqual({ ...config, source: null })
  })
})

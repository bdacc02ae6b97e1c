import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { CheckpointError } from "../errors.ts"
import type { ModelConfig } from "./config.ts"
import { saveModelFolder } from "./folder.ts"
import { initialiseWeights } from "./initialise.ts"
import { openModel } from "./open-model.ts"
import { presetConfig } from "./presets.ts"
import { writeSafetensors } from "./safetensors.ts"
import { createCharacterTokenizer } from "./tokenizer-create.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-adapter-"))
afterAll(() => rmSync(root, { recursive: true }))

const tokenizer = createCharacterTokenizer("0123456789")
const config: ModelConfig = {
  ...presetConfig("nano", { vocabularySize: tokenizer.vocabularySize, contextLength: 32, eosTokens: [1], padToken: 0 }),
  hiddenSize: 4,
  headDim: 4,
  heads: 1,
  keyValueHeads: 1,
  intermediateSize: 6,
  layers: 1,
}
const weights = initialiseWeights(config, 5)
const base = join(root, "base")

beforeAll(async () => {
  mkdirSync(base)
  await saveModelFolder(base, { config, weights, tokenizer })
})

const target = "model.layers.0.self_attn.v_proj"
const settings = { peft_type: "LORA", base_model_name_or_path: "../base", r: 2, lora_alpha: 4, bias: "none", target_modules: ["v_proj"], fan_in_fan_out: false, modules_to_save: null, init_lora_weights: true }
const a = Float32Array.of(1, 2, 3, 4, 0, 0, 0, 1)
const b = Float32Array.of(1, 0, 0, 1, 0, 0, 0.5, 0.5)

let folders = 0
/** A folder of adapters on v_proj: A [2, 4] and B [4, 2]. */
async function adapters(other: object = {}, names: readonly string[] = [`${target}.lora_A`, `${target}.lora_B`]): Promise<string> {
  const directory = join(root, `adapter-${folders++}`)
  mkdirSync(directory)
  writeFileSync(join(directory, "adapter_config.json"), JSON.stringify({ ...settings, ...other }))
  const tensors = names.map((name) => (name.endsWith("_B") ? { shape: [4, 2], values: b, name } : { shape: [2, 4], values: a, name }))
  await writeSafetensors(join(directory, "adapter_model.safetensors"), tensors.map((tensor) => ({ ...tensor, name: `base_model.model.${tensor.name}.weight` })))
  return directory
}

/** What was added to the weight, rows of four. */
async function added(directory: string): Promise<number[]> {
  const merged = await (await openModel(directory)).readWeights()
  const before = weights.get(`${target}.weight`)!
  for (const [name, values] of weights) if (name !== `${target}.weight`) expect(merged.get(name)).toEqual(values)
  return [...merged.get(`${target}.weight`)!].map((value, i) => value - before[i]!)
}

// B A, row by row: (1,0), (0,1), (0,0) and (.5,.5) times the rows of A.
const product = [1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0.5, 1, 1.5, 2.5]

describe("adapters", () => {
  test("find a base that they name by its place on the hub in its cache", async () => {
    vi.stubEnv("HF_HUB_CACHE", join(root, "cache"))
    const directory = await adapters({ base_model_name_or_path: "owner/base" })
    await expect(openModel(directory)).rejects.toThrow(
      /expected the model owner\/base .* no such model in the cache of the hub.*pirl sample hub:owner\/base/,
    )
    const [repository, commit] = [join(root, "cache", "models--owner--base"), "a".repeat(40)]
    mkdirSync(join(repository, "refs"), { recursive: true })
    writeFileSync(join(repository, "refs", "main"), commit)
    cpSync(base, join(repository, "snapshots", commit), { recursive: true })
    const got = await added(directory)
    vi.unstubAllEnvs()
    got.forEach((value, i) => expect(value).toBeCloseTo(2 * product[i]!, 5))
  })

  test("open as their base with alpha / rank B A added to the target, and nothing else", async () => {
    const got = await added(await adapters())
    got.forEach((value, i) => expect(value).toBeCloseTo(2 * product[i]!, 5))
  })

  test("of rank-stabilised LoRA are scaled by alpha / sqrt(rank)", async () => {
    const got = await added(await adapters({ use_rslora: true }))
    got.forEach((value, i) => expect(value).toBeCloseTo((4 / Math.SQRT2) * product[i]!, 5))
  })

  test("take the rank of each weight from its tensors, as a rank_pattern asks", async () => {
    const got = await added(await adapters({ r: 16, rank_pattern: { v_proj: 2 } }))
    got.forEach((value, i) => expect(value).toBeCloseTo(2 * product[i]!, 5))
  })

  test("carry their source as plain data, base included", async () => {
    const directory = await adapters()
    const { source, config: opened, generation } = await openModel(directory)
    expect(structuredClone(source)).toEqual({ kind: "adapter", directory, base: { kind: "folder", directory: base } })
    expect(opened).toMatchObject({ layers: 1, hiddenSize: 4 })
    expect(generation.eosTokens).toEqual([1])
  })

  test("can lie on adapters", async () => {
    const first = await adapters()
    const got = await added(await adapters({ base_model_name_or_path: `../${relative(root, first)}` }))
    got.forEach((value, i) => expect(value).toBeCloseTo(4 * product[i]!, 5))
  })

  test("bring the tokenizer that lies beside them, when the base has rows for it", async () => {
    const directory = await adapters()
    for (const [name, content] of createCharacterTokenizer("9876543210").files) writeFileSync(join(directory, name), content)
    const { tokenizer: own } = await openModel(directory)
    expect(own.encode("9")).not.toEqual(tokenizer.encode("9"))
    for (const [name, content] of createCharacterTokenizer("0123456789abc").files) writeFileSync(join(directory, name), content)
    await expect(openModel(directory)).rejects.toThrow(/at most \d+ ids \(those of the base\), got \d+\. The embeddings were resized/)
  })
})

describe("the base", () => {
  test("may be named in place of the one in the folder", async () => {
    const directory = await adapters({ base_model_name_or_path: "owner/name" })
    await expect(openModel(directory)).rejects.toThrow(/expected the model owner\/name that the adapters belong to, got no such path.*model\.base/)
    expect((await openModel(directory, { base })).source).toMatchObject({ base: { directory: base } })
    await expect(openModel(directory, { base: join(root, "none") })).rejects.toThrow(/expected the base of these adapters at .*none, got no such path/)
  })

  test("that is not named, or is the folder itself, or belongs to a whole model, is refused", async () => {
    await expect(openModel(await adapters({ base_model_name_or_path: null }))).rejects.toThrow(/expected base_model_name_or_path.*got null.*model\.base/)
    await expect(openModel(await adapters({ base_model_name_or_path: "." }))).rejects.toThrow(/whose own base these adapters are/)
    await expect(openModel(base, { base })).rejects.toThrow(/got a whole model\. Leave the base out/)
  })
})

describe("what is not computed is refused by its name", () => {
  test.each([
    ["another method", { peft_type: "IA3" }, /peft_type: "IA3" is not computed/],
    ["DoRA", { use_dora: true }, /use_dora: true is not computed/],
    ["whole modules beside adapters", { modules_to_save: ["lm_head"] }, /modules_to_save: \["lm_head"\]/],
    ["transposed weights", { fan_in_fan_out: true }, /fan_in_fan_out/],
    ["biases", { bias: "lora_only" }, /bias: "lora_only"/],
    ["an alpha of each module", { alpha_pattern: { v_proj: 3 } }, /alpha_pattern/],
    ["a start that changes the base", { init_lora_weights: "pissa" }, /init_lora_weights: "pissa"/],
    ["an alpha that is no number", { lora_alpha: "8" }, /lora_alpha: expected a number, got "8"/],
  ])("%s", async (_name, other, message) => {
    const error: unknown = await openModel(await adapters(other)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(String(error)).toMatch(message)
    expect(String(error)).toMatch(/merge_and_unload/)
  })

  test("tensors that are no pair of a projection's adapter are listed together", async () => {
    const names = [`${target}.lora_A`, "model.embed_tokens.lora_A", "model.layers.0.mlp.up_proj.lora_A", "model.layers.0.mlp.up_proj.lora_B", `${target}.lora_magnitude_vector`]
    await expect(openModel(await adapters({}, names))).rejects.toThrow(
      /missing: .*v_proj\.lora_B\.weight[\s\S]*embed_tokens\.lora_A\.weight.*no adapter of a projection[\s\S]*up_proj\.weight: expected A \[rank, 4\] and B \[6, rank\], got \[2, 4\] and \[4, 2\][\s\S]*lora_magnitude_vector/,
    )
    await expect(openModel(await adapters({}, []))).rejects.toThrow(/expected adapters, got none/)
  })

  test("a folder without weights says so, and one of pickled weights what to do", async () => {
    const directory = await adapters()
    rmSync(join(directory, "adapter_model.safetensors"))
    await expect(openModel(directory)).rejects.toThrow(/adapter_model\.safetensors: expected the weights of adapters, got no such file/)
    writeFileSync(join(directory, "adapter_model.bin"), "pickle")
    await expect(openModel(directory)).rejects.toThrow(/got adapter_model\.bin, which is a Python pickle/)
  })
})

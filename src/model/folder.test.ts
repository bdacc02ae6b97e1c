import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CheckpointError, ConfigError } from "../errors.ts"
import type { ModelConfig, WeightType } from "./config.ts"
import { parseModelConfig } from "./config.ts"
import type { ModelFolder } from "./folder.ts"
import { loadModelFolder, saveModelFolder } from "./folder.ts"
import { initialiseWeights } from "./initialise.ts"
import { presetConfig } from "./presets.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "./safetensors.ts"
import { createCharacterTokenizer } from "./tokenizer-create.ts"
import type { Weights } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-folder-"))
afterAll(() => rmSync(root, { recursive: true }))

const tokenizer = createCharacterTokenizer("0123456789+=")
const config: ModelConfig = {
  ...presetConfig("nano", { vocabularySize: tokenizer.vocabularySize, contextLength: 32, eosTokens: [1], padToken: 0 }),
  hiddenSize: 16,
  headDim: 4,
  intermediateSize: 24,
  layers: 2,
  tiedEmbeddings: false,
}
const weights = initialiseWeights(config, 5)
const good = join(root, "good")

beforeAll(async () => {
  mkdirSync(good)
  await saveModelFolder(good, { config, weights, tokenizer })
})

let folders = 0
function copyOf(source: string): string {
  const directory = join(root, `copy-${folders++}`)
  cpSync(source, directory, { recursive: true })
  return directory
}

function changeJson(path: string, change: Record<string, unknown>): void {
  const json = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as object) : {}
  writeFileSync(path, JSON.stringify({ ...json, ...change }))
}

function shapeOf(name: string): readonly number[] | undefined {
  return parameterSpecs(config).find((spec) => spec.name === name)?.shape
}

/** A copy of the good folder with other weights in it. */
async function withTensors(tensors: Weights, shapes: Record<string, number[]> = {}): Promise<string> {
  const directory = copyOf(good)
  const known = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]))
  const list = [...tensors].map(([name, values]) => ({ name, values, shape: shapes[name] ?? known.get(name) ?? [values.length] }))
  await writeSafetensors(join(directory, "model.safetensors"), list)
  return directory
}

function sameWeights(actual: Weights, expected: Weights): boolean {
  const differing = [...expected].filter(([name, values]) => Buffer.compare(Buffer.from(values.buffer), Buffer.from((actual.get(name) ?? new Float32Array()).buffer)) !== 0)
  return actual.size === expected.size && differing.length === 0
}

describe("a saved folder", () => {
  test("is loaded again with the same config, tokenizer and every bit of the weights", async () => {
    const folder = await loadModelFolder(good)
    expect({ ...folder.config, source: {} }).toEqual(config)
    expect(folder.tokenizer.encode("1+2=3")).toEqual(tokenizer.encode("1+2=3"))
    expect(folder.generation.eosTokens).toEqual([1])
    expect(sameWeights(await folder.readWeights(), weights)).toBe(true)
  })

  test("holds the files that transformers and vLLM look for", async () => {
    expect(readdirSync(good).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ])
    const header = await readSafetensorsHeader(join(good, "model.safetensors"))
    expect(header.metadata).toEqual({ format: "pt" })
    expect([...header.tensors.keys()]).toEqual(parameterSpecs(config).map(({ name }) => name))
    expect(JSON.parse(readFileSync(join(good, "generation_config.json"), "utf8"))).toEqual({ eos_token_id: 1, pad_token_id: 0 })
  })

  test.each<[WeightType, string, number]>([
    // A whole step: stochastic rounding goes up or down.
    ["bf16", "bfloat16", 2 ** -7],
    ["f16", "float16", 2 ** -11],
  ])("in %s names its type in config.json and is near the weights", async (dtype, name, precision) => {
    const directory = join(root, dtype)
    mkdirSync(directory)
    await saveModelFolder(directory, { config, weights: (parameter) => weights.get(parameter) ?? new Float32Array(), tokenizer, dtype })
    expect(JSON.parse(readFileSync(join(directory, "config.json"), "utf8"))).toMatchObject({ torch_dtype: name, dtype: name })
    const read = await (await loadModelFolder(directory)).readWeights()
    for (const [parameter, values] of weights) {
      const other = read.get(parameter) ?? new Float32Array()
      // Below 2^-14 float16 is subnormal: its error is absolute there.
      expect(values.every((value, i) => Math.abs(value - other[i]) <= Math.abs(value) * precision + 2 ** -25)).toBe(true)
    }
  })

  test("on the bf16 grid, with updates below half a step, keeps its mean shift in bf16; rounding to nearest undoes it", async () => {
    const name = "model.layers.0.mlp.gate_proj.weight"
    // Between .05 and .25, where a step is 2^-12 to 2^-10.
    const start = weights.get(name)!.map((value) => 0.05 + Math.min(0.2, Math.abs(value)))
    new Uint32Array(start.buffer).forEach((bits, i, all) => (all[i] = bits & 0xffff0000))
    const update = 2 ** -14
    const trained = new Map(weights).set(name, start.map((value) => value + update))
    const shiftIn = (values: Float32Array): number => values.reduce((sum, value, i) => sum + value - start[i]!, 0) / values.length
    const directories = ["stochastic", "again", "other-seed"].map((folder) => join(root, folder))
    for (const [i, directory] of directories.entries()) {
      mkdirSync(directory)
      await saveModelFolder(directory, { config, weights: trained, tokenizer, dtype: "bf16", roundingSeed: i === 2 ? 8 : 7 })
    }
    const files = directories.map((directory) => readFileSync(join(directory, "model.safetensors")))
    expect([files[0]!.equals(files[1]!), files[0]!.equals(files[2]!)]).toEqual([true, false])
    const nearest = join(root, "nearest.safetensors")
    await writeSafetensors(nearest, [{ name, shape: [start.length], values: trained.get(name)! }], { dtype: "bf16" })
    const stochastic = (await (await loadModelFolder(directories[0]!)).readWeights()).get(name)!
    expect(shiftIn(stochastic) / update).toBeGreaterThan(0.9)
    expect(shiftIn(stochastic) / update).toBeLessThan(1.1)
    expect(shiftIn((await readTensors(nearest, [name])).get(name)!)).toBe(0)
  })

  test("whose weights bf16 holds exactly is bit for bit the same in it, whatever the seed", async () => {
    const exact: Weights = new Map([...weights].map(([name, values]) => {
      const cut = values.slice()
      new Uint32Array(cut.buffer).forEach((bits, i, all) => (all[i] = bits & 0xffff0000))
      return [name, cut]
    }))
    const directory = join(root, "exact")
    mkdirSync(directory)
    await saveModelFolder(directory, { config, weights: exact, tokenizer, dtype: "bf16", roundingSeed: 123 })
    expect(await (await loadModelFolder(directory)).readWeights()).toEqual(exact)
  })

  test("saved once more is byte for byte the same, with tokenizer files and unknown keys carried through", async () => {
    const first = copyOf(good)
    changeJson(join(first, "config.json"), { my_key: 7 })
    changeJson(join(first, "generation_config.json"), { temperature: 0.6, top_k: 20, top_p: 0.95, eos_token_id: [1, 0], my_key: 8 })
    writeFileSync(join(first, "chat_template.jinja"), "{{ messages }}")
    const folder = await loadModelFolder(first)
    expect(folder.generation).toMatchObject({ temperature: 0.6, topK: 20, topP: 0.95, eosTokens: [1, 0] })
    const save = async (from: ModelFolder): Promise<string> => {
      const directory = join(root, `again-${folders++}`)
      mkdirSync(directory)
      await saveModelFolder(directory, { ...from, weights: await from.readWeights() })
      return directory
    }
    const second = await save(folder)
    const third = await save(await loadModelFolder(second))
    for (const file of readdirSync(second)) expect(readFileSync(join(third, file)).equals(readFileSync(join(second, file))), file).toBe(true)
    for (const file of folder.tokenizer.files.keys()) expect(readFileSync(join(second, file)).equals(readFileSync(join(first, file))), file).toBe(true)
    expect(JSON.parse(readFileSync(join(second, "config.json"), "utf8"))).toMatchObject({ my_key: 7 })
    expect(JSON.parse(readFileSync(join(second, "generation_config.json"), "utf8"))).toMatchObject({ my_key: 8, temperature: 0.6, eos_token_id: [1, 0] })
  })

  test.each(["qwen2", "llama"] as const)("works for %s with its biases", async (architecture) => {
    const json = {
      model_type: architecture,
      vocab_size: 20,
      hidden_size: 16,
      intermediate_size: 24,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: 32,
      attention_bias: true,
      mlp_bias: true,
    }
    const other = parseModelConfig(json, "config.json")
    const directory = join(root, architecture)
    mkdirSync(directory)
    const otherWeights = initialiseWeights(other, 2)
    await saveModelFolder(directory, { config: other, weights: otherWeights, tokenizer })
    const folder = await loadModelFolder(directory)
    expect(folder.config.architecture).toBe(architecture)
    expect(sameWeights(await folder.readWeights(), otherWeights)).toBe(true)
  })

  test("is refused where weights and config differ, before anything is written", async () => {
    const directory = join(root, "refused")
    mkdirSync(directory)
    const wrong = new Map(weights).set("extra", new Float32Array(1))
    wrong.delete("lm_head.weight")
    await expect(saveModelFolder(directory, { config, weights: wrong, tokenizer })).rejects.toThrow(/unexpected: extra, missing: lm_head\.weight/)
    expect(readdirSync(directory)).toEqual([])
    await expect(saveModelFolder(join(root, "nowhere"), { config, weights, tokenizer })).rejects.toThrow(CheckpointError)
  })
})

describe("shards", () => {
  async function shardedCopy(): Promise<{ directory: string; weightMap: Record<string, string> }> {
    const directory = copyOf(good)
    rmSync(join(directory, "model.safetensors"))
    const specs = parameterSpecs(config)
    const weightMap: Record<string, string> = {}
    for (const [i, part] of [specs.filter((_, j) => j % 2 === 0), specs.filter((_, j) => j % 2 === 1)].entries()) {
      const file = `model-0000${i + 1}-of-00002.safetensors`
      for (const { name } of part) weightMap[name] = file
      await writeSafetensors(join(directory, file), part.map(({ name, shape }) => ({ name, shape, values: weights.get(name) ?? new Float32Array() })))
    }
    changeJson(join(directory, "model.safetensors.index.json"), { metadata: { total_size: 1 }, weight_map: weightMap })
    return { directory, weightMap }
  }

  test("give the same weights as one file", async () => {
    const { directory } = await shardedCopy()
    expect(sameWeights(await (await loadModelFolder(directory)).readWeights(), weights)).toBe(true)
  })

  test.each([
    ["model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 269060552\n", /model\.safetensors: expected a safetensors file, got a Git LFS pointer that stands for 269 MB\. Run `git lfs pull`/],
    ["tokenizer.json", "version https://git-lfs.github.com/spec/v1\n", /tokenizer\.json: expected JSON, got a Git LFS pointer\. Run `git lfs pull`/],
    ["config.json", "<!DOCTYPE html>", /config\.json: expected JSON, got a web page\. Download the file itself/],
    ["model.safetensors", "<html>Access denied</html>", /model\.safetensors: expected a safetensors file, got a web page/],
  ])("%s that was not really downloaded is told from a damaged one", async (name, content, message) => {
    const directory = copyOf(good)
    writeFileSync(join(directory, name), content)
    const error: unknown = await loadModelFolder(directory).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(String(error)).toMatch(message)
  })

  test("a shard that is missing, lacks a tensor, lies elsewhere or is cut short is named", async () => {
    const { directory, weightMap } = await shardedCopy()
    const index = join(directory, "model.safetensors.index.json")
    const second = "model-00002-of-00002.safetensors"
    changeJson(index, { weight_map: { ...weightMap, ghost: second } })
    await expect(loadModelFolder(directory)).rejects.toThrow(new RegExp(`expected tensor ghost in ${second}`))
    changeJson(index, { weight_map: { ...weightMap, ghost: "../good/model.safetensors" } })
    await expect(loadModelFolder(directory)).rejects.toThrow(/expected names of safetensors files in weight_map, got "\.\.\/good/)
    changeJson(index, { weight_map: [] })
    await expect(loadModelFolder(directory)).rejects.toThrow(/weight_map to be an object/)
    changeJson(index, { weight_map: weightMap })
    const content = readFileSync(join(directory, second))
    writeFileSync(join(directory, second), content.subarray(0, content.length - 1))
    await expect(loadModelFolder(directory)).rejects.toThrow(new RegExp(`${second}: tensor .* cut short`))
    rmSync(join(directory, second))
    await expect(loadModelFolder(directory)).rejects.toThrow(new RegExp(`expected the shard ${second} beside it`))
  })
})

describe("a folder that does not fit", () => {
  test("all missing, unexpected and wrongly shaped tensors are listed at once", async () => {
    const tensors = new Map(weights).set("model.layers.9.bias", new Float32Array(3))
    tensors.delete("model.norm.weight")
    const shape = { "lm_head.weight": [16, config.vocabularySize] }
    const error: unknown = await loadModelFolder(await withTensors(tensors, shape)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CheckpointError)
    const message = error instanceof Error ? error.message : ""
    expect(message).toMatch(/got 3 that differ/)
    expect(message).toMatch(/missing: model\.norm\.weight \[16\]/)
    expect(message).toMatch(/wrong shape: lm_head\.weight: expected \[14, 16\], got \[16, 14\]/)
    expect(message).toMatch(/unexpected: model\.layers\.9\.bias \[3\]/)
  })

  test("a tied model may store its head and old rotary tables all the same", async () => {
    const stored = new Map(weights).set("model.layers.0.self_attn.rotary_emb.inv_freq", new Float32Array(2))
    const directory = await withTensors(stored.set("lm_head.weight", weights.get("model.embed_tokens.weight")!))
    changeJson(join(directory, "config.json"), { tie_word_embeddings: true })
    const read = await (await loadModelFolder(directory)).readWeights()
    expect(read.has("lm_head.weight")).toBe(false)
    expect(read.size).toBe(weights.size - 1)
  })

  test.each(["f32", "bf16"] as const)(
    "a tied model whose stored head is another than its embedding is refused, in %s",
    async (dtype) => {
      const embedding = weights.get("model.embed_tokens.weight")!
      const head = embedding.slice()
      head[5]! += 1
      const directory = copyOf(good)
      const tensors = [...weights].map(([name, values]) => ({
        name,
        values: name === "lm_head.weight" ? head : values,
        shape: shapeOf(name)!,
      }))
      await writeSafetensors(join(directory, "model.safetensors"), tensors, { dtype })
      changeJson(join(directory, "config.json"), { tie_word_embeddings: true })
      await expect(loadModelFolder(directory)).rejects.toThrow(
        /lm_head\.weight to be the embedding.*1 of \d+ values differ\).*tie_word_embeddings to false in .*config\.json/,
      )
    },
  )

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a weight of %d is found, with its tensor", async (value) => {
    const broken = weights.get("model.norm.weight")!.slice()
    broken[3] = value
    const directory = await withTensors(new Map(weights).set("model.norm.weight", broken))
    await expect((await loadModelFolder(directory)).readWeights()).rejects.toThrow(
      /model\.safetensors: expected finite weights, got NaN or infinity in model\.norm\.weight \(1 of 16\).*diverged/,
    )
  })

  test.each([
    ["_orig_mod.", /saved from inside torch\.compile: the names have the prefix _orig_mod\..*Save model\._orig_mod/],
    ["module.", /DistributedDataParallel.*Save model\.module/],
    ["base_model.model.", /inside PEFT.*merge_and_unload/],
  ])("names with the prefix %s are recognised", async (prefix, message) => {
    const tensors = new Map([...weights].map(([name, values]) => [`${prefix}${name}`, values]))
    await expect(loadModelFolder(await withTensors(tensors))).rejects.toThrow(message)
  })

  test("names without model. are those of a model without its head", async () => {
    const tensors = new Map([...weights].map(([name, values]) => [name.replace(/^model\./, ""), values]))
    await expect(loadModelFolder(await withTensors(tensors))).rejects.toThrow(
      /lack the prefix model\.\. Save AutoModelForCausalLM/,
    )
  })

  test.each([
    [
      "model-00001-of-00003.safetensors",
      /got 1 of 3 shards \(model-00001-of-00003\.safetensors\) without their index\. Copy model\.safetensors\.index\.json/,
    ],
    ["consolidated.safetensors", /got consolidated\.safetensors\. Rename it/],
    ["pytorch_model.bin", /got pytorch_model\.bin, which is a Python pickle\. Save the model with safe_serialization/],
  ])("%s in place of the weights is named with what to do", async (name, message) => {
    const directory = copyOf(good)
    cpSync(join(directory, "model.safetensors"), join(directory, name))
    rmSync(join(directory, "model.safetensors"))
    await expect(loadModelFolder(directory)).rejects.toThrow(message)
  })

  test("a tokenizer with more ids than the model is refused, one with fewer is not", async () => {
    const larger = createCharacterTokenizer("0123456789+=ab")
    const directory = copyOf(good)
    for (const [name, content] of larger.files) writeFileSync(join(directory, name), content)
    await expect(loadModelFolder(directory)).rejects.toThrow(/expected a tokenizer of at most 14 ids .* got 16/)
    for (const [name, content] of createCharacterTokenizer("01").files) writeFileSync(join(directory, name), content)
    expect((await loadModelFolder(directory)).tokenizer.vocabularySize).toBe(4)
  })

  test("no config, no weights, an unusable config and a truncated file each have their message", async () => {
    await expect(loadModelFolder(join(root, "nothing"))).rejects.toThrow(/config\.json: expected the config of a model, got no such file/)
    const empty = copyOf(good)
    rmSync(join(empty, "model.safetensors"))
    await expect(loadModelFolder(empty)).rejects.toThrow(/expected model\.safetensors or model\.safetensors\.index\.json, got neither/)
    const unusable = copyOf(good)
    changeJson(join(unusable, "config.json"), { hidden_act: "gelu" })
    await expect(loadModelFolder(unusable)).rejects.toThrow(ConfigError)
    const generation = copyOf(good)
    changeJson(join(generation, "generation_config.json"), { temperature: "hot", eos_token_id: 400 })
    await expect(loadModelFolder(generation)).rejects.toThrow(/temperature: expected a number.*got "hot"[\s\S]*eos_token_id: expected token ids from 0 to 13/)
    const truncated = copyOf(good)
    const path = join(truncated, "model.safetensors")
    const content = readFileSync(path)
    writeFileSync(path, content.subarray(0, content.length - 10))
    await expect(loadModelFolder(truncated)).rejects.toThrow(/model\.safetensors: tensor lm_head\.weight: .*cut short/)
  })

  test("a file that shrinks between loading and reading is noticed", async () => {
    const directory = copyOf(good)
    const folder = await loadModelFolder(directory)
    writeFileSync(join(directory, "model.safetensors"), readFileSync(join(good, "model.safetensors")).subarray(0, 4000))
    await expect(folder.readWeights()).rejects.toThrow(/cut short/)
  })
})

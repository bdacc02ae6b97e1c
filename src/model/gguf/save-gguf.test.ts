import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { parityFolder } from "../../../test/helpers/parity-fixtures.ts"
import type { ModelConfig } from "../config.ts"
import { parseModelConfig } from "../config.ts"
import { decodeFloat16, encodeFloat16 } from "../float-formats.ts"
import { initialiseWeights } from "../initialise.ts"
import { createByteTokenizer, createCharacterTokenizer } from "../tokenizer-create.ts"
import type { Tokenizer } from "../tokenizer.ts"
import { createTokenizer, loadTokenizer } from "../tokenizer.ts"
import type { Weights } from "../weights.ts"
import type { GgufWeightType } from "./config-to-gguf.ts"
import type { GgufModel } from "./open-gguf.ts"
import { openGguf } from "./open-gguf.ts"
import { planGguf } from "./save-gguf.ts"
import { endTokenTexts } from "./tokenizer-to-gguf.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-save-gguf-"))
afterAll(() => rmSync(root, { recursive: true }))

const sizes = { vocab_size: 410, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 128 }
const llama3 = { rope_type: "llama3", factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 }

function configOf(changes: object): ModelConfig {
  return parseModelConfig({ ...sizes, eos_token_id: [402, 400], bos_token_id: 400, rope_theta: 500_000, ...changes }, "config.json")
}

const chatml = await loadTokenizer(join(parityFolder("qwen3-with-tokenizer")))
const ends = [402, 400]
let files = 0

async function written(config: ModelConfig, tokenizer: Tokenizer, dtype: GgufWeightType, weights: Weights, endTokens: readonly number[] = ends): Promise<GgufModel> {
  const path = join(root, `${files++}.gguf`)
  await planGguf({ config, tokenizer, generation: { eosTokens: endTokens }, dtype, name: "tiny" }).write(path, weights)
  return openGguf(path)
}

function refusal(tokenizer: Tokenizer, config: ModelConfig = configOf({ model_type: "llama" })): () => unknown {
  return () => planGguf({ config, tokenizer, generation: { eosTokens: [] }, dtype: "f32", name: "x" })
}

/** The tokenizer of the fixture with its tokenizer.json changed. */
function changed(changes: object, tokenizer: Tokenizer = chatml): Tokenizer {
  const json = JSON.parse(Buffer.from(tokenizer.files.get("tokenizer.json")!).toString("utf8")) as object
  return createTokenizer(new Map(tokenizer.files).set("tokenizer.json", Buffer.from(JSON.stringify({ ...json, ...changes }))), "changed")
}

describe("a GGUF file of ours is read again", () => {
  test.each<[string, object]>([
    ["llama, tied", { model_type: "llama", tie_word_embeddings: true }],
    ["llama with biases", { model_type: "llama", attention_bias: true, mlp_bias: true }],
    ["llama with scaled frequencies", { model_type: "llama", rope_scaling: llama3, max_position_embeddings: 16_384 }],
    ["llama with linear scaling", { model_type: "llama", rope_scaling: { rope_type: "linear", factor: 4 } }],
    ["qwen2", { model_type: "qwen2" }],
    ["mistral", { model_type: "mistral", sliding_window: null }],
    ["smollm3", { model_type: "smollm3", num_hidden_layers: 4, tie_word_embeddings: true }],
    [
      "gemma3",
      { model_type: "gemma3_text", num_hidden_layers: 6, head_dim: 16, query_pre_attn_scalar: 16, sliding_window: 64 },
    ],
    ["qwen3, tied", { model_type: "qwen3", head_dim: 32, tie_word_embeddings: true }],
  ])("%s, with every bit of its weights in f32", async (_name, changes) => {
    const config = configOf(changes)
    const weights = initialiseWeights(config, 5)
    const model = await written(config, chatml, "f32", weights)
    const { source: _source, initializerRange: _range, ...expected } = config
    // Mistral's files say llama.
    const architecture = expected.architecture === "mistral" ? "llama" : expected.architecture
    expect(model.config).toMatchObject({ ...expected, architecture })
    const read = await model.readWeights()
    for (const [name, values] of weights) {
      // Norms of Gemma went through 1 + w in float32.
      const off = read.get(name)!.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)
      expect(off, name).toBeLessThanOrEqual(
        architecture === "gemma3_text" && name.endsWith("norm.weight") ? 2 ** -23 : 0,
      )
    }
  })

  test("f16 holds every matrix to nearest and vectors as they are, q8_0 within half a step", async () => {
    const config = configOf({ model_type: "llama" })
    const weights = initialiseWeights(config, 6)
    for (const values of weights.values()) values.forEach((value, i) => (values[i] = value + 1e-3 * Math.sin(i)))
    const half = await (await written(config, chatml, "f16", weights)).readWeights()
    const eighth = await (await written(config, chatml, "q8_0", weights)).readWeights()
    for (const [name, values] of weights) {
      if (name.endsWith("norm.weight")) {
        expect([half.get(name), eighth.get(name)]).toEqual([values, values])
        continue
      }
      const [encoded, nearest] = [new Uint16Array(values.length), new Float32Array(values.length)]
      encodeFloat16(values, encoded)
      decodeFloat16(encoded, nearest, 0)
      expect(half.get(name)).toEqual(nearest)
      // Half a step of the largest block, and the rounding of its scale.
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      expect(eighth.get(name)!.every((value, i) => Math.abs(value - values[i]!) <= (largest / 127) * 0.6)).toBe(true)
    }
  })

  test("matrices whose rows are no whole blocks are f16 in q8_0, and counted", async () => {
    const config = configOf({ model_type: "llama", intermediate_size: 80 })
    const weights = initialiseWeights(config, 7)
    const plan = planGguf({ config, tokenizer: chatml, generation: { eosTokens: ends }, dtype: "q8_0", name: "x" })
    // down_proj of two layers has rows of 80.
    expect(plan.unquantised).toBe(2)
    await expect((await written(config, chatml, "q8_0", weights)).readWeights()).resolves.toBeDefined()
  })

  test("its tokenizer gives the same tokens, special ones included, the chat template and every end token, the turn's first", async () => {
    const config = configOf({ model_type: "qwen3", head_dim: 16 })
    const model = await written(config, chatml, "f32", initialiseWeights(config, 1), [400, 402])
    for (const text of ["the cat's 123 hats\n\n  are 雪 here", "<|im_start|>user\n12+3<|im_end|>", "<think>x</think>", " a  b ", ""]) {
      expect(model.tokenizer.encode(text)).toEqual(chatml.encode(text))
    }
    expect(model.tokenizer.chatTemplate).toBe(chatml.chatTemplate)
    const own = chatml.eosTokens[0]!
    expect(model.tokenizer.eosTokens).toEqual([own])
    expect([...model.generation.eosTokens].sort()).toEqual([400, 402])
    expect(model.generation.eosTokens[0]).toBe(own)
    expect(endTokenTexts(chatml, [402, 400, 402])).toEqual(["<|im_end|>", "<|endoftext|>"])
  })

  test("a begin-of-text token that the tokenizer adds is added again", async () => {
    const ignoring = await loadTokenizer(join(parityFolder("tokenizer-bos")))
    const model = JSON.parse(Buffer.from(ignoring.files.get("tokenizer.json")!).toString("utf8")) as { readonly model: object }
    const tokenizer = changed({ model: { ...model.model, ignore_merges: true } }, ignoring)
    const config = configOf({ model_type: "llama", eos_token_id: 364, bos_token_id: 360 })
    const read = await written(config, tokenizer, "f32", initialiseWeights(config, 1), [364])
    expect(tokenizer.encode("the hat")[0]).toBe(360)
    expect(read.tokenizer.encode("the 1234 hat")).toEqual(tokenizer.encode("the 1234 hat"))
  })

  test("models from scratch go out too: single ASCII characters and bytes are byte-level vocabularies without merges", async () => {
    for (const tokenizer of [createCharacterTokenizer("0123456789+=- \n"), createByteTokenizer()]) {
      const config = { ...configOf({ model_type: "qwen3", head_dim: 16 }), vocabularySize: tokenizer.vocabularySize, eosTokens: [1], bosToken: 0 }
      const read = await written(config, tokenizer, "f32", initialiseWeights(config, 1), [1])
      const text = "12 + 3=15\n<eos>"
      expect(read.tokenizer.encode(text)).toEqual(tokenizer.encode(text))
      expect(read.tokenizer.decode(tokenizer.encode("12 + 3"))).toBe("12 + 3")
    }
  })
})

test("a SentencePiece vocabulary goes out with scores that give its merges again", async () => {
  const path = fileURLToPath(new URL("fixtures/sentencepiece.gguf", import.meta.url))
  const { texts, ids } = (JSON.parse(readFileSync(new URL("fixtures/models.json", import.meta.url), "utf8")) as Record<string, { readonly texts: string[]; readonly ids: number[][] }>)["sentencepiece"]!
  const { config, tokenizer } = await openGguf(path)
  const read = await written(config, tokenizer, "f32", initialiseWeights(config, 1), config.eosTokens)
  expect(texts.map((text) => read.tokenizer.encode(text))).toEqual(texts.map((text) => tokenizer.encode(text)))
  expect(texts.map((text) => read.tokenizer.encode(text))).toEqual(ids)
  expect(refusal(changed({ normalizer: { type: "Lowercase" } }, tokenizer))).toThrow(/does not treat spaces as SentencePiece does/)
  const json = JSON.parse(Buffer.from(tokenizer.files.get("tokenizer.json")!).toString("utf8")) as { readonly model: { readonly merges: string[] } }
  const reordered = { ...json.model, merges: json.model.merges.toReversed() }
  expect(refusal(changed({ model: reordered }, tokenizer))).toThrow(/merges that do not follow from an order of the pieces/)
})

describe("what a GGUF file cannot say is refused before anything is written", () => {
  const split = (Regex: string): object => ({ type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }, { type: "ByteLevel", add_prefix_space: false, use_regex: false }] })

  test("a way of cutting text that no family has", () => {
    expect(refusal(changed({ pre_tokenizer: split("\\d+|\\D+") }))).toThrow(/pre-tokenizer of none of the families gpt-2, smollm, qwen2, .*Export with --to hf/)
    expect(refusal(changed({ pre_tokenizer: { type: "ByteLevel", add_prefix_space: true } }))).toThrow(/not byte-level/)
    expect(refusal(changed({ normalizer: { type: "Lowercase" } }))).toThrow(/a normaliser/)
  })

  test("characters beyond ASCII that are tokens by themselves", () => {
    expect(refusal(createCharacterTokenizer("01é"))).toThrow(/single characters with "é" among them/)
  })

  test("rotary scaling and biases that llama.cpp leaves out", () => {
    expect(refusal(chatml, configOf({ model_type: "qwen2", rope_scaling: llama3 }))).toThrow(/llama3 rotary scaling in a qwen2 model/)
    expect(refusal(chatml, configOf({ model_type: "qwen3", attention_bias: true }))).toThrow(/biases on the attention of a qwen3 model/)
  })

  test("windows in other layers than llama.cpp has them, or rotated otherwise", () => {
    const gemma = {
      model_type: "gemma3_text",
      num_hidden_layers: 6,
      head_dim: 16,
      query_pre_attn_scalar: 16,
      sliding_window: 64,
    }
    const others = [{ sliding_window_pattern: 3 }, { rope_local_base_freq: 20_000 }, { query_pre_attn_scalar: 32 }]
    for (const other of others) {
      expect(refusal(chatml, configOf({ ...gemma, ...other }))).toThrow(
        /pattern of layers with a sliding window that is not gemma3's own/,
      )
    }
    const windowed = { model_type: "mistral", sliding_window: 64 }
    expect(refusal(chatml, configOf(windowed))).toThrow(/sliding window that is not llama's own/)
  })

  test("weights that are missing name the parameter", async () => {
    const config = configOf({ model_type: "llama" })
    const directory = join(root, "missing")
    mkdirSync(directory)
    const plan = planGguf({ config, tokenizer: chatml, generation: { eosTokens: ends }, dtype: "f32", name: "x" })
    await expect(plan.write(join(directory, "x.gguf"), new Map())).rejects.toThrow(/got none for model\.embed_tokens\.weight/)
  })
})

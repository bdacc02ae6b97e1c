import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, asyncProperty, integer } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError, PirlError } from "../../errors.ts"
import type { TestTensor, TestValue } from "./gguf-file.test-helper.ts"
import { writeTestGguf } from "./gguf-file.test-helper.ts"
import { openGguf } from "./open-gguf.ts"
import { llama3Factors } from "./rope-factors.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-gguf-"))
afterAll(() => rmSync(root, { recursive: true }))

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

interface RecordedModel {
  readonly texts: readonly string[]
  readonly ids: readonly (readonly number[])[]
}
const recorded = JSON.parse(readFileSync(fixture("models.json"), "utf8")) as Readonly<Record<string, RecordedModel>>

let files = 0
const newFile = (): string => join(root, `${files++}.gguf`)

/** A file with some of its bytes changed. */
function changed(name: string, change: (bytes: Buffer) => Buffer): string {
  const path = newFile()
  writeFileSync(path, change(readFileSync(fixture(name))))
  return path
}

const sizes = { embedding_length: 8, block_count: 1, feed_forward_length: 16, context_length: 64 }
const tokens = ["a", "b", "ab", "<s>", "<|im_end|>", "<|eot_id|>"]

/** Metadata of a small llama model. */
const metadata: Readonly<Record<string, TestValue>> = {
  "general.architecture": "llama",
  ...Object.fromEntries(Object.entries(sizes).map(([key, value]) => [`llama.${key}`, { u32: value }])),
  "llama.attention.head_count": { u32: 2 },
  "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": tokens,
  "tokenizer.ggml.token_type": { i32s: [1, 1, 1, 3, 3, 3] },
  "tokenizer.ggml.merges": ["a b"],
  "tokenizer.ggml.bos_token_id": { u32: 3 },
  "tokenizer.ggml.eos_token_id": { u32: 4 },
}

const shapes: Readonly<Record<string, readonly number[]>> = {
  "token_embd.weight": [6, 8],
  "blk.0.attn_q.weight": [8, 8],
  "blk.0.attn_k.weight": [8, 8],
  "blk.0.attn_v.weight": [8, 8],
  "blk.0.attn_output.weight": [8, 8],
  "blk.0.ffn_gate.weight": [16, 8],
  "blk.0.ffn_up.weight": [16, 8],
  "blk.0.ffn_down.weight": [8, 16],
  "blk.0.attn_norm.weight": [8],
  "blk.0.ffn_norm.weight": [8],
  "output_norm.weight": [8],
}

/** The small llama model with other metadata (undefined removes a key) and tensors. */
function small(other: Readonly<Record<string, TestValue | undefined>> = {}, extra: readonly TestTensor[] = [], version = 3): string {
  const path = newFile()
  const all = Object.entries({ ...metadata, ...other }).filter((entry): entry is [string, TestValue] => entry[1] !== undefined)
  const given = new Set(extra.map(({ name }) => name))
  const own = Object.entries(shapes).filter(([name]) => !given.has(name)).map(([name, shape]) => ({ name, shape }))
  writeTestGguf(path, Object.fromEntries(all), [...own, ...extra], version)
  return path
}

describe.each(["llama", "qwen2", "qwen3", "smollm3", "gemma3"])("a recorded %s file", (architecture) => {
  test("has the token ids of its family's tokenizer.json, and texts come back", async () => {
    const { tokenizer } = await openGguf(fixture(`${architecture}.gguf`))
    const { texts, ids } = recorded[architecture]!
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids)
    const normalForm = architecture === "qwen2" ? "NFC" : undefined
    expect(ids.map((list) => tokenizer.decode(list))).toEqual(texts.map((text) => (normalForm === undefined ? text : text.normalize(normalForm))))
  })

  test("has the sizes, end tokens and chat template of its metadata; rows of padding are no tokens", async () => {
    const { config, tokenizer, generation } = await openGguf(fixture(`${architecture}.gguf`))
    const names: Readonly<Record<string, string>> = { gemma3: "gemma3_text" }
    expect(config).toMatchObject({
      architecture: names[architecture] ?? architecture,
      hiddenSize: 32,
      layers: { smollm3: 4, gemma3: 6 }[architecture] ?? 1,
      heads: 4,
      keyValueHeads: 2,
      headDim: 8,
      contextLength: 128,
      rmsNormEps: 1e-5,
      tiedEmbeddings: !architecture.startsWith("qwen"),
    })
    expect(config.vocabularySize - tokenizer.vocabularySize).toBe(4)
    expect(generation.eosTokens).toEqual([2, 0])
    expect(tokenizer.renderChat([{ role: "user", content: "hi" }], { addGenerationPrompt: true })).toBe("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")
  })

  test("cut short anywhere it is refused with one message", async () => {
    const whole = readFileSync(fixture(`${architecture}.gguf`)).length
    const cut = asyncProperty(integer({ min: 0, max: whole - 1 }), async (length) => {
      const path = changed(`${architecture}.gguf`, (bytes) => bytes.subarray(0, length))
      const error: unknown = await openGguf(path).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(CheckpointError)
      expect(String(error)).toMatch(/cut short|empty file/)
      rmSync(path)
    })
    await assert(cut, { numRuns: 25, examples: [[0], [3], [23], [24], [1000], [whole - 1]] })
  })
})

test("a SentencePiece vocabulary gives SentencePiece's own ids, byte order marks included", async () => {
  const { tokenizer } = await openGguf(fixture("sentencepiece.gguf"))
  const { texts, ids } = recorded["sentencepiece"]!
  expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids)
  expect(ids.map((list) => tokenizer.decode(list, { skipSpecialTokens: true }))).toEqual(texts)
})

test("a file with damaged bytes in its header is refused by an error of ours, or opens", async () => {
  const damage = asyncProperty(integer({ min: 4, max: 9000 }), integer({ min: 0, max: 255 }), async (at, byte) => {
    const path = changed("llama.gguf", (bytes) => Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at + 1)]))
    const error: unknown = await openGguf(path).then(() => undefined, (reason: unknown) => reason)
    if (error !== undefined) expect(error).toBeInstanceOf(PirlError)
    rmSync(path)
  })
  await assert(damage, { numRuns: 60 })
})

describe("what is no GGUF file of a version that is read", () => {
  test.each([
    ["a pointer of Git LFS", Buffer.from("version https://git-lfs.github.com/spec/v1\noid"), /Git LFS.*git lfs pull/],
    ["a web page", Buffer.from("<!DOCTYPE html><html><body>"), /web page.*Download the file itself/],
    ["an archive", Buffer.from("PK\u0003\u0004                    "), /zip archive/],
    ["a weight file of a folder", Buffer.concat([Buffer.from(BigUint64Array.of(60n).buffer), Buffer.from('{"a":1}          ')]), /Give the folder of a model/],
    ["anything else", Buffer.alloc(64, "x"), /starts with "xxxx"/],
    ["version 1", Buffer.concat([Buffer.from("GGUF"), Buffer.from(Uint32Array.of(1, 0, 0, 0, 0).buffer)]), /version 2 or 3, little-endian, got version 1\./],
    ["version 9", Buffer.concat([Buffer.from("GGUF"), Buffer.from(Uint32Array.of(9, 0, 0, 0, 0).buffer)]), /got version 9\. Convert the model/],
    ["big-endian bytes", Buffer.concat([Buffer.from("GGUF"), Buffer.from([0, 0, 0, 3]), Buffer.alloc(16)]), /got version 3 in the byte order of big-endian machines/],
  ])("is refused: %s", async (_name, bytes, message) => {
    const path = newFile()
    writeFileSync(path, bytes)
    await expect(openGguf(path)).rejects.toThrow(message)
  })

  test("is refused: a folder, or nothing", async () => {
    await expect(openGguf(root)).rejects.toThrow(/got a folder/)
    await expect(openGguf(join(root, "none.gguf"))).rejects.toThrow(/got no such file/)
  })
})

describe("a model that is not computed is refused by what it asks for", () => {
  test.each<[string, Readonly<Record<string, TestValue | undefined>>, RegExp]>([
    ["another architecture, with those that are", { "general.architecture": "mamba" }, /general\.architecture: expected one of llama, qwen2, qwen3, .*, got mamba/],
    ["experts", { "llama.expert_count": { u32: 8 } }, /llama\.expert_count: expected 0, got 8.*dense/],
    ["partial rotation", { "llama.rope.dimension_count": { u32: 2 } }, /rope\.dimension_count: expected 4, got 2/],
    ["narrower values", { "llama.attention.value_length": { u32: 2 } }, /attention\.value_length/],
    ["a window", { "llama.attention.sliding_window": { u32: 16 } }, /attention\.sliding_window: expected none, got 16/],
    ["YaRN", { "llama.rope.scaling.type": "yarn" }, /rope\.scaling\.type: expected none or linear, got yarn/],
    ["SentencePiece pieces of T5", { "tokenizer.ggml.model": "t5" }, /tokenizer\.ggml\.model: expected gpt2 .*or llama .*, got t5.*tokenizer\.json/],
    ["SentencePiece pieces without scores", { "tokenizer.ggml.model": "llama" }, /expected 6 scores, one for each piece.*got none/],
    ["cleaned-up spaces", { "tokenizer.ggml.model": "llama", "tokenizer.ggml.remove_extra_whitespaces": true }, /remove_extra_whitespaces/],
    ["an unknown pre-tokenizer, with those that are known", { "tokenizer.ggml.pre": "viking" }, /tokenizer\.ggml\.pre: expected one of gpt-2, smollm, qwen2, .*, got viking/],
    ["no pre-tokenizer", { "tokenizer.ggml.pre": undefined }, /got nothing/],
    ["no tokens", { "tokenizer.ggml.tokens": undefined }, /expected the tokens of a vocabulary/],
    ["no merges", { "tokenizer.ggml.merges": undefined }, /tokenizer\.ggml\.merges/],
    ["token types of another vocabulary", { "tokenizer.ggml.token_type": { i32s: [1] } }, /expected 6 types, one for each token, got 1/],
    ["an end token outside the vocabulary", { "tokenizer.ggml.eos_token_id": { u32: 6 } }, /eos_token_id: expected an id from 0 to 5, got 6/],
    ["a begin token that is asked for and not named", { "tokenizer.ggml.bos_token_id": undefined, "tokenizer.ggml.add_bos_token": true }, /bos_token_id: expected an id/],
    ["a missing size", { "llama.embedding_length": undefined }, /llama\.embedding_length: expected a number, got nothing/],
    ["a size that is no number", { "llama.block_count": "one" }, /llama\.block_count: expected a number, got "one"/],
    ["a part of a model", { "split.count": { u32: 3 } }, /one of 3 parts.*--merge/],
  ])("%s", async (_name, other, message) => {
    await expect(openGguf(small(other))).rejects.toThrow(message)
  })

  test("a quantisation that is not read is named with its tensor and those that are", async () => {
    const path = small({}, [{ name: "blk.0.attn_q.weight", shape: [8, 8], type: 16 }])
    await expect(openGguf(path)).rejects.toThrow(/in F32, F16, BF16, Q8_0, Q4_0.*Q6_K, got 1 that differ:\s+quantisation: blk\.0\.attn_q\.weight is IQ2_XXS/)
  })

  test("tensors that are missing, misshapen or left over are listed together", async () => {
    const path = small({ "llama.block_count": { u32: 2 } }, [{ name: "blk.0.attn_k.weight", shape: [4, 8] }, { name: "blk.0.extra.weight", shape: [1] }])
    await expect(openGguf(path)).rejects.toThrow(/wrong shape: blk\.0\.attn_k\.weight: expected \[8, 8\], got \[4, 8\][\s\S]*missing: blk\.1\.attn_q\.weight[\s\S]*unexpected: blk\.0\.extra\.weight/)
  })

  test("more tokens than rows of the embedding are refused", async () => {
    await expect(openGguf(small({}, [{ name: "token_embd.weight", shape: [5, 8] }]))).rejects.toThrow(/token ids from 0 to 4|at most 5 tokens/)
  })
})

describe("metadata", () => {
  test("an absent head width is that of the hidden size, an absent number of keys that of the heads, version 2 is read", async () => {
    const { config } = await openGguf(small({}, [], 2))
    expect(config).toMatchObject({ headDim: 4, keyValueHeads: 2, rope: { theta: 10_000 }, tiedEmbeddings: true, attentionBias: false })
  })

  test("every known end token ends a response, the file's own first", async () => {
    const { generation, tokenizer } = await openGguf(small())
    expect(generation.eosTokens).toEqual([4, 5])
    expect(tokenizer.eosTokens).toEqual([4])
  })

  test("a begin-of-text token leads where the file says so, or its pre-tokenizer does", async () => {
    const encode = async (other: Readonly<Record<string, TestValue>>): Promise<number[]> => (await openGguf(small(other))).tokenizer.encode("ab")
    expect(await encode({})).toEqual([2])
    expect(await encode({ "tokenizer.ggml.add_bos_token": true })).toEqual([3, 2])
    expect(await encode({ "tokenizer.ggml.pre": "llama-bpe" })).toEqual([3, 2])
    expect(await encode({ "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": false })).toEqual([2])
    expect(await encode({ "tokenizer.ggml.add_eos_token": true })).toEqual([2, 4])
  })

  test("control tokens are left out of what is read to people", async () => {
    const { tokenizer } = await openGguf(small())
    expect(tokenizer.decode([2, 4], { skipSpecialTokens: true })).toBe("ab")
  })

  test("a linear scaling and the factors of Llama 3 become rotary settings, other factors are refused", async () => {
    const linear = await openGguf(small({ "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": { f32: 4 } }))
    expect(linear.config.rope).toEqual({ theta: 10_000, scaling: { type: "linear", factor: 4 } })
    const factors = (values: Float32Array): TestTensor => ({ name: "rope_freqs.weight", shape: [values.length], values })
    const theta = { "llama.rope.freq_base": { f32: 4_000_000 } }
    const llama3 = await openGguf(small(theta, [factors(Float32Array.from(llama3Factors(32, 4_000_000, 4)))]))
    expect(llama3.config.rope).toEqual({ theta: 4_000_000, scaling: { type: "llama3", factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalContextLength: 8192 } })
    await expect(openGguf(small(theta, [factors(Float32Array.of(2, 3))]))).rejects.toThrow(/factors of Llama 3's rotary scaling/)
  })
})

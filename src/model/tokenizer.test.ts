import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import type { ChatMessage } from "./chat-template.ts"
import { createTokenizer, loadTokenizer } from "./tokenizer.ts"

interface Expected {
  readonly vocabularySize: number
  readonly specialTokens: Readonly<Record<string, number>>
  readonly encodings: readonly {
    readonly text: string
    readonly ids: number[]
    readonly idsWithSpecial: number[]
    readonly decoded: string
    readonly decodedWithoutSpecial: string
  }[]
  readonly chats: readonly {
    readonly messages: ChatMessage[]
    readonly addGenerationPrompt: boolean
    readonly extra: Record<string, unknown>
    readonly text: string
    readonly ids: number[]
  }[]
}

const parity = fileURLToPath(new URL("../../test/fixtures/parity", import.meta.url))
const fixture = join(parity, "tokenizer")
const tokenizer = await loadTokenizer(fixture)
const folder = mkdtempSync(join(tmpdir(), "pirl-tokenizer-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** The fixture's files with some keys of its JSON files changed. */
function changedFiles(changes: Record<string, Record<string, unknown>>): Map<string, Uint8Array> {
  const files = new Map(tokenizer.files)
  for (const [name, change] of Object.entries(changes)) {
    const json = JSON.parse(Buffer.from(files.get(name) ?? Buffer.from("{}")).toString("utf8")) as object
    files.set(name, Buffer.from(JSON.stringify({ ...json, ...change })))
  }
  return files
}

describe.each(["tokenizer", "tokenizer-bos", "tokenizer-gemma", "tokenizer-mistral"])("the files of %s", async (name) => {
  const python = JSON.parse(readFileSync(join(parity, name, "expected.json"), "utf8")) as Expected
  const loaded = await loadTokenizer(join(parity, name))
  const byteTokens = readFileSync(join(parity, name, "tokenizer.json"), "utf8").includes('"ByteFallback"')

  test.each(python.encodings)("$text has the tokens and the text that Python gives", ({ text, ids, idsWithSpecial, decoded, decodedWithoutSpecial }) => {
    expect(loaded.encode(text, { addSpecialTokens: false })).toEqual(ids)
    expect(loaded.encode(text)).toEqual(idsWithSpecial)
    // The library takes a U+FEFF among byte tokens for a byte-order mark, and drops it.
    if (byteTokens && text.includes("\uFEFF")) {
      expect(loaded.decode(ids)).toBe(decoded.replaceAll("\uFEFF", ""))
      return
    }
    expect(loaded.decode(ids)).toBe(decoded)
    expect(loaded.decode(ids, { skipSpecialTokens: true })).toBe(decodedWithoutSpecial)
  })

  test.each(python.chats)("a conversation is rendered as Python renders it", ({ messages, addGenerationPrompt, extra, text, ids }) => {
    expect(loaded.renderChat(messages, { addGenerationPrompt, extra })).toBe(text)
    expect(loaded.encode(text, { addSpecialTokens: false })).toEqual(ids)
  })

  test("sizes and special tokens are those of Python", () => {
    expect(loaded.vocabularySize).toBe(python.vocabularySize)
    expect(loaded.eosTokens).toEqual([python.specialTokens["eos_token"]])
    expect(loaded.padToken).toBe(python.specialTokens["pad_token"])
    expect(loaded.bosToken).toBe(python.specialTokens["bos_token"])
  })
})

describe("a byte-level BPE tokenizer", () => {
  test("no text is no tokens, and no tokens no text", () => {
    expect(tokenizer.encode("")).toEqual([])
    expect(tokenizer.decode([])).toBe("")
  })

  test("ids of a padded vocabulary decode to nothing", () => {
    const tokens = tokenizer.encode("The answer")
    expect(tokenizer.decode([tokenizer.vocabularySize + 5, ...tokens, 99_999])).toBe("The answer")
    expect(tokenizer.decode([tokenizer.vocabularySize])).toBe("")
  })

  test("half a character decodes to the replacement character until its other bytes come", () => {
    const tokens = tokenizer.encode("漢")
    expect(tokens.length).toBeGreaterThan(1)
    expect(tokenizer.decode(tokens.slice(0, -1))).toBe("\uFFFD")
    expect(tokenizer.decode(tokens)).toBe("漢")
  })

  test("files are kept byte for byte", () => {
    expect([...tokenizer.files.keys()]).toEqual(["tokenizer.json", "tokenizer_config.json"])
    expect(Buffer.compare(tokenizer.files.get("tokenizer.json") ?? Buffer.alloc(0), readFileSync(join(fixture, "tokenizer.json")))).toBe(0)
  })
})

describe("files of a tokenizer", () => {
  test("special tokens come from special_tokens_map.json where tokenizer_config.json has none", () => {
    const files = changedFiles({
      "tokenizer_config.json": { eos_token: null, bos_token: undefined },
      "special_tokens_map.json": { eos_token: "<|endoftext|>", bos_token: { content: "<|im_start|>" }, pad_token: "<|im_end|>" },
    })
    const changed = createTokenizer(files, "test")
    const expected = ["<|endoftext|>", "<|im_start|>", "<|endoftext|>"].map((text) => tokenizer.encode(text)[0])
    expect([changed.eosTokens[0], changed.bosToken, changed.padToken]).toEqual(expected)
  })

  test("chat_template.jinja goes before the template in tokenizer_config.json", () => {
    const files = changedFiles({}).set("chat_template.jinja", Buffer.from("{{ messages[0].content }}{{ eos_token }}"))
    expect(createTokenizer(files, "test").renderChat([{ role: "user", content: "hi" }])).toBe("hi<|im_end|>")
  })

  test("a leading token that the post-processor adds can be left out", () => {
    const [id] = tokenizer.encode("<|im_start|>")
    const sequence = { Sequence: { id: "A", type_id: 0 } }
    const files = changedFiles({
      "tokenizer.json": {
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "<|im_start|>", type_id: 0 } }, sequence],
          pair: [sequence, { Sequence: { id: "B", type_id: 1 } }],
          special_tokens: { "<|im_start|>": { id: "<|im_start|>", ids: [id], tokens: ["<|im_start|>"] } },
        },
      },
    })
    const changed = createTokenizer(files, "test")
    const plain = tokenizer.encode("12")
    expect(changed.encode("12")).toEqual([id, ...plain])
    expect(changed.encode("12", { addSpecialTokens: false })).toEqual(plain)
    expect(changed.encode("")).toEqual([id])
  })

  test("spaces before punctuation are dropped only where the config asks for it", () => {
    const tokens = tokenizer.encode("a , b .")
    const decode = (change: Record<string, unknown>): string => createTokenizer(changedFiles({ "tokenizer_config.json": change }), "test").decode(tokens)
    expect(decode({ clean_up_tokenization_spaces: undefined })).toBe("a , b .")
    expect(decode({ clean_up_tokenization_spaces: true })).toBe("a, b.")
  })

  test("a folder without tokenizer.json, broken JSON and a token that does not exist are named", async () => {
    await expect(loadTokenizer(folder)).rejects.toThrow(/expected a tokenizer\.json, got none/)
    writeFileSync(join(folder, "tokenizer.json"), "{")
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json: expected JSON/)
    expect(() => createTokenizer(changedFiles({ "tokenizer_config.json": { eos_token: "</s>" } }), "test")).toThrow(
      /test: eos_token: expected a token of tokenizer\.json, got "<\/s>"/,
    )
  })

  test("parts that would be computed differently from Python are refused", () => {
    const split = { type: "Split", pattern: { String: "-" }, behavior: "MergedWithNext", invert: false }
    const withPart = (part: Record<string, unknown>): Map<string, Uint8Array> => changedFiles({ "tokenizer.json": part })
    expect(() => createTokenizer(withPart({ pre_tokenizer: { type: "Sequence", pretokenizers: [split] } }), "test")).toThrow(/got "MergedWithNext"/)
    const space = { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false }
    expect(() => createTokenizer(withPart({ pre_tokenizer: space }), "test")).toThrow(/got "MergedWithPrevious"/)
    const kept = { type: "Replace", pattern: { String: " " }, content: "_ " }
    expect(() => createTokenizer(withPart({ normalizer: kept, pre_tokenizer: space }), "test")).toThrow(/got "MergedWithPrevious"/)
    expect(() => createTokenizer(withPart({ pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "first" } }), "test")).toThrow(
      /pre_tokenizer: expected split false, got true/,
    )
    expect(() => createTokenizer(withPart({ pre_tokenizer: { type: "Unheard" } }), "test")).toThrow(CheckpointError)
    expect(() => createTokenizer(withPart({ model: null }), "test")).toThrow(CheckpointError)
  })

  test("asking for a chat without a template says what to do", () => {
    const changed = createTokenizer(changedFiles({ "tokenizer_config.json": { chat_template: null } }), "test")
    expect(changed.chatTemplate).toBeUndefined()
    expect(() => changed.renderChat([{ role: "user", content: "hi" }])).toThrow(/test: expected a chat template, got none\. Give prompts as text/)
  })
})

test("special tokens that mark parts of a response reach its reader; those of the machinery do not", () => {
  const json = JSON.parse(Buffer.from(tokenizer.files.get("tokenizer.json")!).toString("utf8")) as {
    added_tokens: { id: number; content: string }[]
  }
  const first = tokenizer.vocabularySize
  const marks = ["<answer>", "</answer>", "<|im_end|>", "<lonely>", "<|begin_of_thought|>", "<|end_of_thought|>"]
  const added = marks.map((content, i) => ({
    id: first + i,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }))
  const marked = createTokenizer(
    changedFiles({ "tokenizer.json": { added_tokens: [...json.added_tokens, ...added] } }),
    "marked",
  )
  const tokens = marked.encode("<|begin_of_thought|>so<|end_of_thought|><answer>7</answer><lonely><|im_end|>", {
    addSpecialTokens: false,
  })
  expect(marked.decode(tokens, { skipSpecialTokens: true })).toBe(
    "<|begin_of_thought|>so<|end_of_thought|><answer>7</answer>",
  )
  const plain = marked.encode("7<|im_end|>", { addSpecialTokens: false })
  expect(marked.decode(plain, { skipSpecialTokens: true })).toBe("7")
})

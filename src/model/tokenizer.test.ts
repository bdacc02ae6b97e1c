import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError, DataError } from "../errors.ts"
import type { ChatMessage } from "./chat-template.ts"
import { createTokenizer, loadTokenizer } from "./tokenizer.ts"

const fixture = fileURLToPath(new URL("fixtures/bpe-tokenizer", import.meta.url))
const expected = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")) as {
  readonly texts: { readonly text: string; readonly tokens: number[]; readonly decoded: string; readonly plain: string }[]
  readonly conversations: {
    readonly messages: ChatMessage[]
    readonly addGenerationPrompt?: boolean
    readonly extra?: Record<string, unknown>
    readonly rendered: string
  }[]
}
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

describe("a byte-level BPE tokenizer with Qwen's splitting", () => {
  test.each(expected.texts)("$text has the tokens and the text that Python gives", ({ text, tokens, decoded, plain }) => {
    expect(tokenizer.encode(text)).toEqual(tokens)
    expect(tokenizer.decode(tokens)).toBe(decoded)
    expect(tokenizer.decode(tokens, { skipSpecialTokens: true })).toBe(plain)
  })

  test.each(expected.conversations)("a conversation is rendered as Python renders it", ({ messages, rendered, addGenerationPrompt, extra }) => {
    expect(tokenizer.renderChat(messages, { addGenerationPrompt: addGenerationPrompt ?? false, ...(extra === undefined ? {} : { extra }) })).toBe(rendered)
  })

  test("special tokens are found in texts and objects; there is none where the config says null", () => {
    const size = tokenizer.vocabularySize
    expect(tokenizer.eosTokens).toEqual([size - 1])
    expect(tokenizer.decode([size - 1])).toBe("<|im_end|>")
    expect(tokenizer.padToken).toBe(size - 3)
    expect(tokenizer.bosToken).toBeUndefined()
  })

  test("no text is no tokens, and no tokens no text", () => {
    expect(tokenizer.encode("")).toEqual([])
    expect(tokenizer.decode([])).toBe("")
  })

  test("ids of a padded vocabulary decode to nothing", () => {
    const tokens = tokenizer.encode("The sum")
    expect(tokenizer.decode([tokenizer.vocabularySize + 5, ...tokens, 99_999])).toBe("The sum")
    expect(tokenizer.decode([tokenizer.vocabularySize])).toBe("")
  })

  test("half a character decodes to the replacement character until its other bytes come", () => {
    const tokens = tokenizer.encode("漢")
    expect(tokens.length).toBe(3)
    expect(tokenizer.decode(tokens.slice(0, 2))).toBe("\uFFFD")
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
    const size = tokenizer.vocabularySize
    const changed = createTokenizer(files, "test")
    expect([changed.eosTokens[0], changed.bosToken, changed.padToken]).toEqual([size - 3, size - 2, size - 3])
  })

  test("chat_template.jinja goes before the template in tokenizer_config.json", () => {
    const files = changedFiles({}).set("chat_template.jinja", Buffer.from("{{ messages[0].content }}{{ eos_token }}"))
    expect(createTokenizer(files, "test").renderChat([{ role: "user", content: "hi" }])).toBe("hi<|im_end|>")
  })

  test("a leading token that the post-processor adds can be left out", () => {
    const id = tokenizer.vocabularySize - 2
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
    expect(() => createTokenizer(withPart({ pre_tokenizer: { type: "Unheard" } }), "test")).toThrow(CheckpointError)
    expect(() => createTokenizer(withPart({ model: null }), "test")).toThrow(CheckpointError)
  })

  test("asking for a chat without a template says what to do", () => {
    const changed = createTokenizer(changedFiles({ "tokenizer_config.json": { chat_template: null } }), "test")
    expect(changed.chatTemplate).toBeUndefined()
    expect(() => changed.renderChat([{ role: "user", content: "hi" }])).toThrow(/test: expected a chat template, got none\. Give prompts as text/)
    expect(() => tokenizer.renderChat([{ role: "robot", content: "hi" }])).toThrow(DataError)
    expect(() => tokenizer.renderChat([{ role: "robot", content: "hi" }])).toThrow(/unknown role: robot/)
  })
})

import { describe, expect, test } from "vitest"
import { preTokenizerName } from "./pre-tokenizer-name.ts"
import { preTokenizerJson, preTokenizers } from "./pre-tokenizers.ts"

const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true }

describe("the name of a pre-tokenizer", () => {
  test("is found for what every name stands for, or another name of the same", () => {
    for (const [name, known] of Object.entries(preTokenizers)) {
      const found = preTokenizerName(preTokenizerJson(known), known.ignoreMerges === true)
      expect(preTokenizers[found ?? ""]?.splits, name).toEqual(known.splits)
    }
  })

  test("is found in the forms that tokenizer.json files of the families have", () => {
    // SmolLM2's own file, and GPT-2's.
    const smollm = { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, { ...bytes, use_regex: true }] }
    expect([preTokenizerName(smollm, false), preTokenizerName({ ...bytes, use_regex: true }, false), preTokenizerName(bytes, false)]).toEqual(["smollm", "gpt-2", "gpt-2"])
  })

  test("is not found where text is cut otherwise, or words are taken whole that must be merged", () => {
    const llama3 = preTokenizerJson(preTokenizers["llama-bpe"]!)
    expect([preTokenizerName(llama3, false), preTokenizerName({ ...bytes, use_regex: true }, true)]).toEqual([undefined, undefined])
    for (const other of [null, { type: "Metaspace" }, { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: false }, bytes] }, { type: "Sequence", pretokenizers: [bytes, { type: "Whitespace" }] }]) {
      expect(preTokenizerName(other, false)).toBeUndefined()
    }
  })
})

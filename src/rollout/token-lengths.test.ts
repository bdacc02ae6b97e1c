import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { createByteTokenizer, createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { loadTokenizer, type Tokenizer } from "../model/tokenizer.ts"
import { decodeResponse } from "./prompt-encoder.ts"
import { tokenLengths } from "./token-lengths.ts"

const parity = fileURLToPath(new URL("../../test/fixtures/parity", import.meta.url))
const bytes = createByteTokenizer()

function lengthsOf(tokens: readonly number[], tokenizer: Tokenizer): number[] | undefined {
  return tokenLengths(tokens, decodeResponse(tokens, tokenizer), tokenizer)
}

describe("the characters that a token stands for", () => {
  test("are those it adds to the text, and none for a stop token", () => {
    const tokenizer = createCharacterTokenizer("0123456789+=")
    expect(lengthsOf([...tokenizer.encode("12"), tokenizer.eosTokens[0]!], tokenizer)).toEqual([1, 1, 0])
    expect(lengthsOf([], tokenizer)).toEqual([])
  })

  test("belong to the last of the tokens that make up a character", () => {
    expect(lengthsOf(bytes.encode("a😀é"), bytes)).toEqual([1, 0, 0, 0, 2, 0, 1])
  })

  test("of a response that was cut within a character are those of the replacement character", () => {
    expect(lengthsOf(bytes.encode("a😀").slice(0, 3), bytes)).toEqual([1, 0, 1])
  })

  test("are not told where the parts do not make up the text", () => {
    const cleaning = { decode: (tokens: readonly number[]) => "x ".repeat(tokens.length).trim().replace("x x x", "xxx") }
    expect(tokenLengths([1, 2, 3], cleaning.decode([1, 2, 3]), cleaning)).toBeUndefined()
    const halves = bytes.encode("😀").slice(1, 2)
    expect(lengthsOf([...Array.from({ length: 100 }, () => halves[0]!), ...bytes.encode("a")], bytes)).toBeUndefined()
  })

  test.each(["tokenizer", "tokenizer-bos"])("of a vocabulary of merged bytes add up to any text (%s)", async (name) => {
    const tokenizer = await loadTokenizer(join(parity, name))
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        const tokens = tokenizer.encode(text, { addSpecialTokens: false })
        const lengths = lengthsOf(tokens, tokenizer)
        expect(lengths).toHaveLength(tokens.length)
        expect(lengths!.reduce((sum, length) => sum + length, 0)).toBe(decodeResponse(tokens, tokenizer).length)
      }),
    )
  })
})

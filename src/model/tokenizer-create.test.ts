import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { createByteTokenizer, createCharacterTokenizer, createdEosToken, createdPadToken } from "./tokenizer-create.ts"
import { createTokenizer } from "./tokenizer.ts"

const alphabet = "0123456789+-*=() .,!?'\"\\\n\tabcé漢😀"
const character = createCharacterTokenizer(alphabet)
const byte = createByteTokenizer()

describe("a character tokenizer", () => {
  test("has <pad> as 0, <eos> as 1, then the characters in order", () => {
    expect([createdPadToken, createdEosToken]).toEqual([0, 1])
    expect(character.padToken).toBe(0)
    expect(character.eosTokens).toEqual([1])
    expect(character.vocabularySize).toBe([...alphabet].length + 2)
    expect(character.encode("01a😀")).toEqual([2, 3, 2 + [...alphabet].indexOf("a"), character.vocabularySize - 1])
    expect(character.decode([0, 1, 2])).toBe("<pad><eos>0")
    expect(character.decode([2, 3, 1, 0], { skipSpecialTokens: true })).toBe("01")
  })

  test("gives back every text over its alphabet, one token a character", () => {
    const text = fc.array(fc.constantFrom(...alphabet), { maxLength: 40 }).map((characters) => characters.join(""))
    fc.assert(
      fc.property(text, (value) => {
        const tokens = character.encode(value)
        expect(tokens.length).toBe([...value].length)
        expect(character.decode(tokens)).toBe(value)
        expect(character.decode([...tokens, 1, 0, 0], { skipSpecialTokens: true })).toBe(value)
      }),
    )
  })

  test("works for any alphabet, digits, quotes and object keys of JavaScript included", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(text, (value) => {
        const tokenizer = createCharacterTokenizer(value)
        expect(tokenizer.vocabularySize).toBe(new Set(value).size + 2)
        expect(tokenizer.decode(tokenizer.encode(value))).toBe(value)
      }),
      { numRuns: 30 },
    )
  })

  test("a character outside the alphabet is an error that names it, never a dropped token", () => {
    expect(() => character.encode("1+x")).toThrow(DataError)
    expect(() => character.encode("1+x")).toThrow(/got "x" \(U\+0078\) in "1\+x"/)
    expect(() => character.encode("1e\u0301")).toThrow(/U\+0065/)
    expect(() => createCharacterTokenizer("01").encode("0🙂")).toThrow(/got "🙂" \(U\+1F642\)/)
    expect(character.encode("1<eos>")).toEqual([3, 1])
  })

  test("an alphabet that is empty or holds half a character is refused", () => {
    expect(() => createCharacterTokenizer("")).toThrow(/at least one character/)
    expect(() => createCharacterTokenizer("a\ud83d")).toThrow(/half a surrogate pair/)
  })

  test("read back from its own files it is the same tokenizer, and as strict", () => {
    const again = createTokenizer(character.files, "saved")
    expect(again.encode("(1+2)*3 = 9")).toEqual(character.encode("(1+2)*3 = 9"))
    expect([again.eosTokens, again.padToken, again.vocabularySize]).toEqual([[1], 0, character.vocabularySize])
    expect(() => again.encode("z")).toThrow(DataError)
  })

  test("its tokenizer.json is what Python's tokenizers reads: ids in the vocabulary, Fuse as decoder", () => {
    const json = JSON.parse(Buffer.from(character.files.get("tokenizer.json") ?? "").toString("utf8")) as Record<string, Record<string, unknown>>
    expect(json["decoder"]).toEqual({ type: "Fuse" })
    expect(json["model"]).toMatchObject({ type: "BPE", merges: [], unk_token: null })
    expect(json["model"]["vocab"]).toMatchObject({ "<pad>": 0, "<eos>": 1, "0": 2, "9": 11 })
  })
})

describe("a byte tokenizer", () => {
  test("byte b is token b + 2", () => {
    expect(byte.vocabularySize).toBe(258)
    expect(byte.encode("A\u0000ÿ\n")).toEqual([0x41 + 2, 2, 0xc3 + 2, 0xbf + 2, 0x0a + 2])
    expect([byte.padToken, ...byte.eosTokens]).toEqual([0, 1])
  })

  test("gives back every text, as many tokens as UTF-8 has bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (value) => {
        const tokens = byte.encode(value)
        expect(tokens).toEqual([...Buffer.from(value, "utf8")].map((code) => code + 2))
        expect(byte.decode(tokens)).toBe(value)
      }),
      { numRuns: 30 },
    )
  })

  test("any tokens decode to some text", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 260 }), { maxLength: 30 }), (tokens) => {
        expect(typeof byte.decode(tokens)).toBe("string")
      }),
    )
  })
})

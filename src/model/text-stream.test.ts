import * as fc from "fast-check"
import { expect, test } from "vitest"
import { createByteTokenizer } from "./tokenizer-create.ts"
import { TextStream } from "./text-stream.ts"

const bytes = createByteTokenizer()

function streamed(tokens: readonly number[]): string[] {
  const stream = new TextStream(bytes)
  return [...tokens.map((token) => stream.push(token)), stream.end()]
}

test("a character comes with its last byte, and nothing of it before", () => {
  expect(streamed(bytes.encode("a\u20ac\u{1f600}b"))).toEqual(["a", "", "", "\u20ac", "", "", "", "\u{1f600}", "b", ""])
})

test("special tokens are left out, and bytes that never become a character are told at the end", () => {
  const [eos, euro] = [bytes.eosTokens[0]!, bytes.encode("\u20ac")]
  expect(streamed([...bytes.encode("a"), eos, euro[0]!])).toEqual(["a", "", "", "\ufffd"])
})

test("the pieces of any text and of any bytes add up to what all tokens decode to", () => {
  const check = (tokens: readonly number[]): void => {
    expect(streamed(tokens).join("")).toBe(bytes.decode(tokens, { skipSpecialTokens: true }))
  }
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => check(bytes.encode(text, { addSpecialTokens: false }))),
  )
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 257 }), { maxLength: 40 }), check))
})

test("each token is decoded in a window, however long the text is", () => {
  let most = 0
  const counting = {
    decode: (tokens: readonly number[], options?: object) => (
      (most = Math.max(most, tokens.length)),
      bytes.decode(tokens, options)
    ),
  }
  const stream = new TextStream(counting)
  for (const token of bytes.encode("long ".repeat(500))) stream.push(token)
  expect(most).toBe(2)
})

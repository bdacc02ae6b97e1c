import { expect, test } from "vitest"
import { impliedMerges, spelledPiece } from "./sentencepiece.ts"

test("a piece merges from every pair that makes it, best piece first and the longer left part first", () => {
  const pieces = ["a", "b", "ab", "aba", "ba", "\u{1f680}", "\u{1f680}a"]
  expect(impliedMerges(pieces, [0, 0, -1, -3, -2, 0, -4])).toEqual(["a b", "b a", "ab a", "a ba", "\u{1f680} a"])
})

test("runs of spaces are spelled as merges spell them, other pieces as they are", () => {
  expect(["  ", " ", "\n", "a b", "\u2581a"].map(spelledPiece)).toEqual(["\u2581\u2581", "\u2581", "\n", "a b", "\u2581a"])
})

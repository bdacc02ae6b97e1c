/**
 * SentencePiece vocabularies as byte-pair encoding: the merges that the pieces and their order imply. It is what
 * transformers makes of such a vocabulary, and equals SentencePiece's own search for the best pair.
 */
import type { JsonObject } from "../json-file.ts"

/** Stands for a space in pieces. */
const space = "\u2581"

interface Merge {
  readonly left: string
  readonly right: string
  readonly rank: number
}

/**
 * Every way to put a piece together from two others, best piece first. Source: generate_merges of transformers.
 * @param pieces  texts by id
 * @param ranks   by id; the highest merges first
 */
export function impliedMerges(pieces: readonly string[], ranks: readonly number[]): string[] {
  const ids = new Map(pieces.map((piece, id) => [piece, id]))
  const merges: Merge[] = []
  for (const [piece, id] of ids) {
    const own: Merge[] = []
    for (let cut = width(piece, 0); cut < piece.length; cut += width(piece, cut)) {
      const [left, right] = [piece.slice(0, cut), piece.slice(cut)]
      if (ids.has(left) && ids.has(right)) own.push({ left, right, rank: ranks[id]! })
    }
    own.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!)
    merges.push(...own)
  }
  const longer = (a: string, b: string): number => characters(b) - characters(a)
  merges.sort((a, b) => b.rank - a.rank || longer(a.left, b.left) || longer(a.right, b.right))
  return merges.map(({ left, right }) => `${left} ${right}`)
}

/** Code units of the character at a place. */
function width(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1
}

function characters(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += width(text, at)) count++
  return count
}

/** A piece as merges spell it: Gemma's files hold runs of spaces as they are. */
export function spelledPiece(piece: string): string {
  return /^ +$/.test(piece) ? space.repeat(piece.length) : piece
}

/**
 * Everything of the tokenizer.json but `added_tokens` and `post_processor`.
 * @param spacePrefix  a space leads every text, also after a special token
 */
export function sentencePieceJson(
  vocab: JsonObject,
  merges: readonly string[],
  unknown: string | null,
  spacePrefix: boolean,
): JsonObject {
  const replace = { type: "Replace", pattern: { String: " " }, content: space }
  const restore = { type: "Replace", pattern: { String: space }, content: " " }
  const prefix = { type: "Prepend", prepend: space }
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 }
  const decoders = [restore, { type: "ByteFallback" }, { type: "Fuse" }, ...(spacePrefix ? [strip] : [])]
  return {
    normalizer: spacePrefix ? { type: "Sequence", normalizers: [prefix, replace] } : replace,
    pre_tokenizer: null,
    decoder: { type: "Sequence", decoders },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges,
    },
  }
}

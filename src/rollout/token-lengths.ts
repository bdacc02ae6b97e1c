/** Which characters of a response each of its tokens stands for. */
import type { Tokenizer } from "../model/tokenizer.ts"
import { decodeResponse } from "./prompt-encoder.ts"

/** Tokens in a row without a whole character: more than any character has, and an end to decoding the same ones over and over. */
const longestWait = 64

/**
 * [T] UTF-16 units that each token adds to the decoded text. Tokens that are no part of it, such as the stop token, have 0; so have all but the last
 * of several tokens that make up one character, or a word that is only known with its last token.
 *
 * A token is decoded together with the one before it, since some tokenizers write a token at the beginning of a text otherwise than within.
 * @param text  the tokens decoded
 * @returns undefined where parts do not add up to the text: a tokenizer that cleans up spaces, a response of bytes that are no characters
 */
export function tokenLengths(tokens: readonly number[], text: string, tokenizer: Pick<Tokenizer, "decode">): number[] | undefined {
  const lengths = tokens.map(() => 0)
  // Tokens [before, from) are known text, those from `from` on are not yet.
  let [before, from, known, end] = [0, 0, "", 0]
  for (let i = 0; i < tokens.length; i++) {
    const now = decodeResponse(tokens.slice(before, i + 1), tokenizer)
    // U+FFFD at the end is half a character, unless the text itself ends so.
    const isWhole = !now.endsWith("\uFFFD") || i === tokens.length - 1
    if (i - from > longestWait) return undefined
    if (now.length <= known.length || !isWhole) continue
    const added = now.slice(known.length)
    if (!text.startsWith(added, end)) return undefined
    lengths[i] = added.length
    end += added.length
    before = from
    from = i + 1
    known = decodeResponse(tokens.slice(before, from), tokenizer)
  }
  return end === text.length ? lengths : undefined
}

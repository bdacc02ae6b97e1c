/** The tokens that a GGUF file lists, and the part each of them plays. */
import type { JsonObject } from "../json-file.ts"
import { unreadable } from "./errors.ts"
import type { GgufFile } from "./reader.ts"

/** Values of `tokenizer.ggml.token_type`. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** Tokens that end a turn or a document, whatever the file names as its end. Source: llama-vocab.cpp of llama.cpp. */
const endTexts: ReadonlySet<string> = new Set([
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end|>",
  "<end_of_turn>",
  "<EOT>",
  "<｜end▁of▁sentence｜>",
])

export interface GgufVocabulary {
  /** By id. */
  readonly tokens: readonly string[]
  /** By id; values of `tokenTypes`. */
  readonly types: readonly number[]
  /** Ids of the tokens with a part of their own. */
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly pad: number | undefined
  readonly unknown: number | undefined
  /** Ids that end a response, the file's own end first. */
  readonly ends: readonly number[]
}

/**
 * @param tokens  texts by id
 * @throws CheckpointError  when the lists are missing or do not fit together
 */
export function readVocabulary({ metadata, path }: GgufFile, tokens: readonly string[] | undefined): GgufVocabulary {
  if (tokens === undefined) {
    const expected = "the tokens of a vocabulary (tokenizer.ggml.tokens)"
    throw unreadable(path, expected, "none", "Convert the model again, with its tokenizer.")
  }
  const types = metadata.numbers("tokenizer.ggml.token_type") ?? tokens.map(() => tokenTypes.normal)
  if (types.length !== tokens.length) {
    const where = `${path}: tokenizer.ggml.token_type`
    const expected = `${tokens.length} types, one for each token`
    throw unreadable(where, expected, String(types.length), "Convert the model again.")
  }
  const id = (name: string): number | undefined => {
    const value = metadata.number(`tokenizer.ggml.${name}_token_id`)
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value < tokens.length)) return value
    const where = `${path}: tokenizer.ggml.${name}_token_id`
    throw unreadable(where, `an id from 0 to ${tokens.length - 1}`, String(value), "Convert the model again.")
  }
  const named = [id("eos"), id("eot"), id("eom")].filter((token) => token !== undefined)
  const isEnd = (text: string, token: number): boolean => endTexts.has(text) && types[token] !== tokenTypes.normal
  const known = tokens.flatMap((text, token) => (isEnd(text, token) ? [token] : []))
  const ends = [...new Set([...named, ...known])]
  return { tokens, types, bos: id("bos"), eos: id("eos"), pad: id("padding"), unknown: id("unknown"), ends }
}

/** The `added_tokens` of a tokenizer.json: control tokens are special, those that users defined are found in texts. */
export function addedTokens({ tokens, types, bos, eos, pad, unknown }: GgufVocabulary): JsonObject[] {
  const named = new Set([bos, eos, pad, unknown])
  return tokens.flatMap((content, id) => {
    const special = types[id] === tokenTypes.control || types[id] === tokenTypes.unknown || named.has(id)
    // Runs of spaces are pieces that texts are merged to, and not found in them.
    if (!special && (types[id] !== tokenTypes.userDefined || /^ +$/.test(content))) return []
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }]
  })
}

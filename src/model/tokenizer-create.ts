/**
 * Tokenizers for models made from scratch, written as tokenizer.json files that `tokenizers` and `transformers` load
 * (PreTrainedTokenizerFast). Both have `<pad>` as id 0 and `<eos>` as id 1; written out in a text these become the
 * special tokens.
 */
import { DataError } from "../errors.ts"
import { showValue } from "./json-file.ts"
import type { Tokenizer } from "./tokenizer.ts"
import { createTokenizer } from "./tokenizer.ts"

/** Id of `<pad>` in every tokenizer made here. */
export const createdPadToken = 0
/** Id of `<eos>` in every tokenizer made here. */
export const createdEosToken = 1

const specialTokens = ["<pad>", "<eos>"] as const

/**
 * One token per character (code point), in the order of the alphabet from id 2 on; repeated characters count once.
 * Encoding anything else is a DataError that names the character.
 * @throws DataError  when the alphabet is empty or holds half a surrogate pair
 */
export function createCharacterTokenizer(alphabet: string): Tokenizer {
  const characters = [...new Set(alphabet)]
  if (characters.length === 0) {
    throw new DataError('character tokenizer: expected an alphabet of at least one character, got "". Give the characters of the task.')
  }
  const broken = characters.find((character) => /^[\uD800-\uDFFF]$/.test(character))
  if (broken !== undefined) {
    throw new DataError(`character tokenizer: expected whole characters, got half a surrogate pair ${showValue(broken)}. Remove it.`)
  }
  // Without a decoder transformers joins tokens with spaces; Fuse joins them as they are.
  return build("character tokenizer", characters, { pre_tokenizer: null, decoder: { type: "Fuse" } })
}

/** One token per byte of UTF-8: byte b is id b + 2, 258 ids in all. Any text can be encoded. */
export function createByteTokenizer(): Tokenizer {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false }
  return build("byte tokenizer", byteSymbols(), { pre_tokenizer: byteLevel, decoder: byteLevel })
}

/**
 * The printable stand-in of each byte in byte-level tokenizers: printable Latin-1 stands for itself, the other bytes
 * take the code points from U+0100 on. Source: GPT-2's `bytes_to_unicode`.
 */
export function byteSymbols(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    return String.fromCodePoint(printable ? byte : next++)
  })
}

function build(name: string, symbols: readonly string[], parts: Readonly<Record<"pre_tokenizer" | "decoder", unknown>>): Tokenizer {
  const tokens = [...specialTokens, ...symbols]
  const tokenizerJson = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: parts.pre_tokenizer,
    post_processor: null,
    decoder: parts.decoder,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  }
  const special = { eos_token: "<eos>", pad_token: "<pad>" }
  const tokenizerConfig = { tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false, ...special }
  const files = new Map<string, Uint8Array>()
  const add = (file: string, json: unknown): void => {
    files.set(file, Buffer.from(`${JSON.stringify(json, null, 2)}\n`, "utf8"))
  }
  add("tokenizer.json", tokenizerJson)
  add("tokenizer_config.json", tokenizerConfig)
  add("special_tokens_map.json", special)
  return createTokenizer(files, name)
}

/**
 * The tokenizer.json and tokenizer_config.json that a GGUF file's metadata stands for, as transformers loads them. The
 * tokenizer is then made from these files as from those of a folder, and saved with a model as they are.
 */
import type { JsonObject } from "../json-file.ts"
import type { Tokenizer } from "../tokenizer.ts"
import { createTokenizer } from "../tokenizer.ts"
import { familyOf } from "./config-from-gguf.ts"
import { uncomputed, unreadable } from "./errors.ts"
import type { PreTokenizer } from "./pre-tokenizers.ts"
import { preTokenizerJson, preTokenizers } from "./pre-tokenizers.ts"
import { readRawTexts } from "./raw-texts.ts"
import type { GgufFile } from "./reader.ts"
import { impliedMerges, sentencePieceJson, spelledPiece } from "./sentencepiece.ts"
import type { GgufVocabulary } from "./vocabulary.ts"
import { addedTokens, readVocabulary, tokenTypes } from "./vocabulary.ts"

export interface GgufTokenizer {
  readonly tokenizer: Tokenizer
  /** Every token that ends a response. */
  readonly endTokens: readonly number[]
}

/** The parts of a tokenizer.json that depend on the kind of vocabulary. */
interface TokenizerParts {
  /** normalizer, pre_tokenizer, decoder and model. */
  readonly json: JsonObject
  /** A begin-of-text token leads, where the file does not say otherwise. */
  readonly addsBos: boolean
}

const remedy = "Use the model as a Hugging Face folder, with its tokenizer.json."

/**
 * @throws ConfigError      for a kind of tokenizer that is not computed
 * @throws CheckpointError  when what it needs is missing
 */
export async function tokenizerFromGguf(file: GgufFile): Promise<GgufTokenizer> {
  const { metadata, path } = file
  const model = metadata.requireText("tokenizer.ggml.model")
  if (model !== "gpt2" && model !== "llama") {
    const known = "gpt2 (byte-level BPE) or llama (SentencePiece BPE)"
    throw uncomputed(path, "tokenizer.ggml.model", known, model, remedy)
  }
  // Byte-level vocabularies spell a byte order mark by other characters.
  const tokensKey = "tokenizer.ggml.tokens"
  const tokens = model === "gpt2" ? metadata.texts(tokensKey) : await readRawTexts(file, tokensKey)
  const vocabulary = readVocabulary(file, tokens)
  const parts = model === "gpt2" ? byteLevelParts(file, vocabulary) : sentencePieceParts(file, vocabulary)
  const addsBos = metadata.boolean("tokenizer.ggml.add_bos_token") ?? parts.addsBos
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    post_processor: postProcessor(file, vocabulary, addsBos),
    ...parts.json,
  }
  const files = new Map([
    ["tokenizer.json", encode(json)],
    ["tokenizer_config.json", encode(tokenizerConfig(file, vocabulary, addsBos))],
  ])
  return { tokenizer: createTokenizer(files, path), endTokens: vocabulary.ends }
}

function encode(json: JsonObject): Uint8Array {
  return Buffer.from(`${JSON.stringify(json, null, 2)}\n`, "utf8")
}

/** Ids by token. Rows of padding have names in the file but are no tokens. */
function idsOf({ tokens, types }: GgufVocabulary): JsonObject {
  return Object.fromEntries(tokens.flatMap((token, id) => (types[id] === tokenTypes.unused ? [] : [[token, id]])))
}

function byteLevelParts(file: GgufFile, vocabulary: GgufVocabulary): TokenizerParts {
  const pre = preTokenizerOf(file)
  const merges = file.metadata.texts("tokenizer.ggml.merges")
  if (merges === undefined) {
    const expected = "the merges of a byte-level vocabulary (tokenizer.ggml.merges)"
    throw unreadable(file.path, expected, "none", "Convert the model again.")
  }
  const json = {
    normalizer: pre.normalizer === undefined ? null : { type: pre.normalizer },
    pre_tokenizer: preTokenizerJson(pre),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges ?? false,
      vocab: idsOf(vocabulary),
      merges,
    },
  }
  return { json, addsBos: pre.addsBos ?? false }
}

function preTokenizerOf({ metadata, path }: GgufFile): PreTokenizer {
  const name = metadata.text("tokenizer.ggml.pre")
  const pre = preTokenizers[name ?? ""]
  if (pre !== undefined) return pre
  const known = Object.keys(preTokenizers).join(", ")
  throw uncomputed(path, "tokenizer.ggml.pre", `one of ${known}`, name ?? "nothing", remedy)
}

function sentencePieceParts(file: GgufFile, vocabulary: GgufVocabulary): TokenizerParts {
  const { metadata, path } = file
  if (metadata.boolean("tokenizer.ggml.remove_extra_whitespaces") === true) {
    throw uncomputed(path, "tokenizer.ggml.remove_extra_whitespaces", "false", "true", remedy)
  }
  if (metadata.has("tokenizer.ggml.precompiled_charsmap")) {
    throw uncomputed(path, "tokenizer.ggml.precompiled_charsmap", "none", "a table of characters", remedy)
  }
  const listed = familyOf(file).listedMergeOrder === true
  const { tokens, types, unknown } = vocabulary
  const scores = metadata.numbers("tokenizer.ggml.scores")
  if (!listed && scores?.length !== tokens.length) {
    const got = scores === undefined ? "none" : String(scores.length)
    const expected = `${tokens.length} scores, one for each piece (tokenizer.ggml.scores)`
    throw unreadable(path, expected, got, "Convert the model again.")
  }
  const used = tokens.flatMap((token, id) => (types[id] === tokenTypes.unused ? [] : [{ token, id }]))
  const pieces = used.map(({ token }) => (listed ? spelledPiece(token) : token))
  const merges = impliedMerges(pieces, used.map(({ id }) => (listed ? -id : scores![id]!)))
  const ids = Object.fromEntries(used.map(({ id }, i) => [pieces[i]!, id]))
  const spacePrefix = metadata.boolean("tokenizer.ggml.add_space_prefix") ?? true
  const unknownText = unknown === undefined ? null : tokens[unknown]!
  return { json: sentencePieceJson(ids, merges, unknownText, spacePrefix), addsBos: true }
}

/** Puts begin-of-text and end-of-text tokens around a text, where the file asks for them. */
function postProcessor(file: GgufFile, vocabulary: GgufVocabulary, addsBos: boolean): JsonObject | null {
  const { metadata, path } = file
  const { tokens, bos, eos } = vocabulary
  const addsEos = metadata.boolean("tokenizer.ggml.add_eos_token") ?? false
  if (!addsBos && !addsEos) return null
  const special = (id: number | undefined, name: string): string => {
    if (id !== undefined) return tokens[id]!
    const where = `${path}: tokenizer.ggml.${name}_token_id`
    throw unreadable(where, `an id, as a ${name} token is to be added`, "nothing", "Convert the model again.")
  }
  const around = (sequence: string, type_id: number): JsonObject[] => [
    ...(addsBos ? [{ SpecialToken: { id: special(bos, "bos"), type_id } }] : []),
    { Sequence: { id: sequence, type_id } },
    ...(addsEos ? [{ SpecialToken: { id: special(eos, "eos"), type_id } }] : []),
  ]
  const used = [...(addsBos ? [bos!] : []), ...(addsEos ? [eos!] : [])].map((id): [string, number] => [tokens[id]!, id])
  return {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(used.map(([text, id]) => [text, { id: text, ids: [id], tokens: [text] }])),
  }
}

function tokenizerConfig({ metadata }: GgufFile, vocabulary: GgufVocabulary, addsBos: boolean): JsonObject {
  const { tokens, bos, eos, pad, unknown } = vocabulary
  const text = (id: number | undefined): string | null => (id === undefined ? null : tokens[id]!)
  const template = metadata.text("tokenizer.chat_template")
  const contextLength = metadata.number(`${metadata.requireText("general.architecture")}.context_length`)
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: text(bos),
    eos_token: text(eos),
    pad_token: text(pad),
    unk_token: text(unknown),
    add_bos_token: addsBos,
    clean_up_tokenization_spaces: false,
    ...(contextLength === undefined ? {} : { model_max_length: contextLength }),
    ...(template === undefined ? {} : { chat_template: template }),
  }
}

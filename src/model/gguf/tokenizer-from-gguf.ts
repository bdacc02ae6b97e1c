/**
 * The tokenizer.json and tokenizer_config.json that a GGUF file's metadata stands for, as transformers loads them. The
 * tokenizer is then made from these files as from those of a folder, and saved with a model as they are.
 */
import { CheckpointError, ConfigError } from "../../errors.ts"
import type { JsonObject } from "../json-file.ts"
import type { Tokenizer } from "../tokenizer.ts"
import { createTokenizer } from "../tokenizer.ts"
import type { PreTokenizer } from "./pre-tokenizers.ts"
import { preTokenizerJson, preTokenizers } from "./pre-tokenizers.ts"
import type { GgufFile } from "./reader.ts"
import type { GgufVocabulary } from "./vocabulary.ts"
import { addedTokens, readVocabulary, tokenTypes } from "./vocabulary.ts"

export interface GgufTokenizer {
  readonly tokenizer: Tokenizer
  /** Every token that ends a response. */
  readonly endTokens: readonly number[]
}

/**
 * @throws ConfigError      for a kind of tokenizer that is not computed
 * @throws CheckpointError  when what it needs is missing
 */
export function tokenizerFromGguf(file: GgufFile): GgufTokenizer {
  const vocabulary = readVocabulary(file)
  const { json, addsBos } = tokenizerJson(file, vocabulary)
  const encode = (content: JsonObject): Uint8Array => Buffer.from(`${JSON.stringify(content, null, 2)}\n`, "utf8")
  const files = new Map([
    ["tokenizer.json", encode(json)],
    ["tokenizer_config.json", encode(tokenizerConfig(file, vocabulary, addsBos))],
  ])
  return { tokenizer: createTokenizer(files, file.path), endTokens: vocabulary.ends }
}

function tokenizerJson(file: GgufFile, vocabulary: GgufVocabulary): { readonly json: JsonObject; readonly addsBos: boolean } {
  const { metadata, path } = file
  const model = metadata.requireText("tokenizer.ggml.model")
  if (model !== "gpt2") {
    throw refused(path, "tokenizer.ggml.model", `expected gpt2 (byte-level BPE), got ${model}. Use the model as a Hugging Face folder, with its tokenizer.json.`)
  }
  const pre = preTokenizerOf(file)
  const addsBos = metadata.boolean("tokenizer.ggml.add_bos_token") ?? pre.addsBos ?? false
  const merges = metadata.texts("tokenizer.ggml.merges")
  if (merges === undefined) throw new CheckpointError(`${path}: expected the merges of a byte-level vocabulary (tokenizer.ggml.merges), got none. Convert the model again.`)
  const { tokens, types } = vocabulary
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    normalizer: pre.normalizer === undefined ? null : { type: pre.normalizer },
    pre_tokenizer: preTokenizerJson(pre),
    post_processor: postProcessor(file, vocabulary, addsBos) ?? { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
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
      // Rows of padding have names in the file but are no tokens.
      vocab: Object.fromEntries(tokens.flatMap((token, id) => (types[id] === tokenTypes.unused ? [] : [[token, id]]))),
      merges,
    },
  }
  return { json, addsBos }
}

function preTokenizerOf({ metadata, path }: GgufFile): PreTokenizer {
  const name = metadata.text("tokenizer.ggml.pre")
  const pre = preTokenizers[name ?? ""]
  if (pre !== undefined) return pre
  const known = Object.keys(preTokenizers).join(", ")
  throw refused(path, "tokenizer.ggml.pre", `expected one of ${known}, got ${name ?? "nothing"}. Use the model as a Hugging Face folder, with its tokenizer.json.`)
}

/** Puts begin-of-text and end-of-text tokens around a text, where the file asks for them. */
function postProcessor({ metadata, path }: GgufFile, { tokens, bos, eos }: GgufVocabulary, addsBos: boolean): JsonObject | undefined {
  const addsEos = metadata.boolean("tokenizer.ggml.add_eos_token") ?? false
  if (!addsBos && !addsEos) return undefined
  const special = (id: number | undefined, name: string): string => {
    if (id !== undefined) return tokens[id]!
    throw new CheckpointError(`${path}: tokenizer.ggml.${name}_token_id: expected an id, as add_${name}_token is set, got nothing. Convert the model again.`)
  }
  const around = (sequence: string, type_id: number): JsonObject[] => [
    ...(addsBos ? [{ SpecialToken: { id: special(bos, "bos"), type_id } }] : []),
    { Sequence: { id: sequence, type_id } },
    ...(addsEos ? [{ SpecialToken: { id: special(eos, "eos"), type_id } }] : []),
  ]
  const used = [...(addsBos ? [bos!] : []), ...(addsEos ? [eos!] : [])]
  return {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(used.map((id) => [tokens[id]!, { id: tokens[id]!, ids: [id], tokens: [tokens[id]!] }])),
  }
}

function tokenizerConfig({ metadata }: GgufFile, { tokens, bos, eos, pad, unknown }: GgufVocabulary, addsBos: boolean): JsonObject {
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

function refused(path: string, key: string, message: string): ConfigError {
  return new ConfigError([{ path: `${path}: ${key}`, message }])
}

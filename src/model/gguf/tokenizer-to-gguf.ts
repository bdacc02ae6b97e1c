/**
 * A tokenizer as the metadata of a GGUF file, which has room for byte-level BPE of known families and nothing to state a
 * rule by. What it cannot say is refused: a file that loads and cuts text in other places would answer worse without a word.
 */
import { CheckpointError, ConfigError } from "../../errors.ts"
import type { JsonObject } from "../json-file.ts"
import { isJsonObject, parseJsonObject, showValue } from "../json-file.ts"
import { byteSymbols } from "../tokenizer-create.ts"
import type { AddedToken } from "../tokenizer-json.ts"
import { addedTokensOf } from "../tokenizer-json.ts"
import type { Tokenizer } from "../tokenizer.ts"
import { byteLevelSplits, preTokenizerName } from "./pre-tokenizer-name.ts"
import { preTokenizers } from "./pre-tokenizers.ts"
import { tokenTypes } from "./vocabulary.ts"
import type { GgufValue } from "./writer.ts"

/** Keys for tokens that end a response: eos, eot, eom. */
export const END_TOKEN_KEYS = 3

/** What the keys are made of, beside the tokenizer. */
export interface TokenizerFacts {
  /** Rows of the embedding; ids beyond the tokenizer's become unused tokens. */
  readonly vocabularySize: number
  /** Every token that ends a response. */
  readonly endTokens: readonly number[]
  /** Those of config.json, where the tokenizer names none. llama.cpp takes token 11 for a begin-of-text token that is not named. */
  readonly bosToken: number | undefined
  readonly padToken: number | undefined
}

/** Vocabulary and merges in the symbols of byte-level BPE. */
interface Vocabulary {
  /** Name for the rule by which text is cut. */
  readonly pre: string
  readonly tokens: ReadonlyMap<number, string>
  /** Pairs with a space between. */
  readonly merges: readonly string[]
}

/**
 * The keys `tokenizer.*`.
 * @throws ConfigError  when the file cannot express the tokenizer
 */
export function tokenizerMetadata(tokenizer: Tokenizer, facts: TokenizerFacts): Map<string, GgufValue> {
  const { vocabularySize, endTokens } = facts
  const json = tokenizerJson(tokenizer)
  const { pre, tokens, merges } = vocabularyOf(json)
  const added = new Map(addedTokensOf(json).map((token) => [token.id, token]))
  const texts: string[] = []
  const types: number[] = []
  for (let id = 0; id < vocabularySize; id++) {
    const special = added.get(id)
    const text = special?.content ?? tokens.get(id)
    texts.push(text ?? `[PAD${id}]`)
    types.push(text === undefined ? tokenTypes.unused : special === undefined ? tokenTypes.normal : typeOf(special))
  }
  const metadata = new Map<string, GgufValue>([
    ["tokenizer.ggml.model", { type: "text", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "text", value: pre }],
    ["tokenizer.ggml.tokens", { type: "texts", value: texts }],
    ["tokenizer.ggml.token_type", { type: "i32s", value: types }],
    ["tokenizer.ggml.merges", { type: "texts", value: merges }],
  ])
  for (const [key, token] of specialTokens(tokenizer, facts)) metadata.set(key, { type: "u32", value: token })
  // Ollama's own engine reads all of them here; llama.cpp reads the keys above and knows further ones by their text.
  if (endTokens.length > 0) metadata.set("tokenizer.ggml.eos_token_ids", { type: "i32s", value: endTokens })
  const alone = tokenizer.encode("")
  metadata.set("tokenizer.ggml.add_bos_token", { type: "bool", value: tokenizer.bosToken !== undefined && alone[0] === tokenizer.bosToken })
  metadata.set("tokenizer.ggml.add_eos_token", { type: "bool", value: alone.length > 0 && endTokens.includes(alone.at(-1)!) && alone.at(-1) !== tokenizer.bosToken })
  metadata.set("tokenizer.ggml.add_space_prefix", { type: "bool", value: false })
  if (tokenizer.chatTemplate !== undefined) metadata.set("tokenizer.chat_template", { type: "text", value: tokenizer.chatTemplate })
  return metadata
}

/** Text of every token that ends a response. */
export function endTokenTexts(tokenizer: Tokenizer, endTokens: readonly number[]): string[] {
  return [...new Set(endTokens)].map((token) => tokenizer.decode([token])).filter((text) => text !== "")
}

function typeOf({ special }: AddedToken): number {
  return special ? tokenTypes.control : tokenTypes.userDefined
}

/**
 * llama.cpp ends a response at eos, eot and eom, and at some tokens that it knows by their text. The tokenizer's own end token
 * comes first; a base model's, which instruct models list beside it, must not take its place.
 */
function specialTokens(tokenizer: Tokenizer, { endTokens, ...ofConfig }: TokenizerFacts): (readonly [key: string, token: number])[] {
  const own = tokenizer.eosTokens.filter((token) => endTokens.includes(token))
  const [eos, eot, eom] = [...new Set([...own, ...endTokens])]
  const bos = tokenizer.bosToken ?? ofConfig.bosToken
  const pad = tokenizer.padToken ?? ofConfig.padToken
  const keys: (readonly [string, number | undefined])[] = [["bos", bos], ["eos", eos], ["eot", eot], ["eom", eom], ["padding", pad]]
  return keys.flatMap(([name, token]) => (token === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, token] as const]))
}

function tokenizerJson({ files }: Tokenizer): JsonObject {
  const content = files.get("tokenizer.json")
  if (content === undefined) throw new CheckpointError("GGUF: expected a tokenizer.json, got none. Save the tokenizer with save_pretrained of transformers.")
  return parseJsonObject(Buffer.from(content).toString("utf8"), "tokenizer.json")
}

function vocabularyOf(json: JsonObject): Vocabulary {
  const model = json["model"]
  if (!isJsonObject(model) || model["type"] !== "BPE" || !isJsonObject(model["vocab"])) {
    throw refused(`a tokenizer of type ${showValue(isJsonObject(model) ? model["type"] : model)}`)
  }
  const vocabulary = Object.entries(model["vocab"]).flatMap(([text, id]) => (typeof id === "number" ? [[id, text] as const] : []))
  const merges = (Array.isArray(model["merges"]) ? model["merges"] : []).map(mergeText)
  if ((json["pre_tokenizer"] ?? null) === null && merges.length === 0) return characterVocabulary(json, vocabulary)
  if (byteLevelSplits(json["pre_tokenizer"]) === undefined) throw refused(`a pre-tokenizer that is not byte-level, ${showValue(json["pre_tokenizer"])}`)
  const normalizer = json["normalizer"] ?? null
  // llama.cpp leaves out Qwen's composed form, as everybody's files of Qwen do.
  if (normalizer !== null && !(isJsonObject(normalizer) && normalizer["type"] === "NFC")) throw refused(`a normaliser, ${showValue(normalizer)}`)
  // Without merges every byte is a token, however text is cut.
  const pre = merges.length === 0 ? "gpt-2" : preTokenizerName(json["pre_tokenizer"], model["ignore_merges"] === true)
  if (pre === undefined) {
    throw refused(`a pre-tokenizer of none of the families ${Object.keys(preTokenizers).join(", ")}: ${showValue(json["pre_tokenizer"])}`)
  }
  return { pre, tokens: new Map(vocabulary), merges }
}

/** One token per character: bytes stand for characters as long as these are ASCII. */
function characterVocabulary(json: JsonObject, vocabulary: readonly (readonly [id: number, text: string])[]): Vocabulary {
  const added = new Set(addedTokensOf(json).map(({ id }) => id))
  const symbols = byteSymbols()
  const tokens = vocabulary.map(([id, text]) => {
    if (added.has(id)) return [id, text] as const
    const code = text.codePointAt(0)!
    if ([...text].length > 1 || code > 0x7f) throw refused(`a tokenizer of single characters with ${showValue(text)} among them, of which only ASCII can be expressed`)
    return [id, symbols[code]!] as const
  })
  return { pre: "gpt-2", tokens: new Map(tokens), merges: [] }
}

function mergeText(merge: unknown): string {
  return Array.isArray(merge) ? merge.join(" ") : String(merge)
}

function refused(got: string): ConfigError {
  const message = `GGUF: expected a tokenizer that the format has words for, got ${got}. Export with --to hf; if llama.cpp knows the model, its convert_hf_to_gguf.py takes that folder.`
  return new ConfigError([{ path: "", message }])
}

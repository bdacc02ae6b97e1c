/** A tokenizer as the metadata of a GGUF file: vocabulary, special tokens, chat template. */
import { CheckpointError } from "../../errors.ts"
import type { JsonObject } from "../json-file.ts"
import { parseJsonObject } from "../json-file.ts"
import type { AddedToken } from "../tokenizer-json.ts"
import { addedTokensOf } from "../tokenizer-json.ts"
import type { Tokenizer } from "../tokenizer.ts"
import type { WrittenVocabulary } from "./vocabulary-to-gguf.ts"
import { vocabularyOf } from "./vocabulary-to-gguf.ts"
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

/**
 * The keys `tokenizer.*`.
 * @throws ConfigError  when the file cannot express the tokenizer
 */
export function tokenizerMetadata(tokenizer: Tokenizer, facts: TokenizerFacts): Map<string, GgufValue> {
  const { vocabularySize, endTokens } = facts
  const json = tokenizerJson(tokenizer)
  const vocabulary = vocabularyOf(json)
  const { tokens, unknown } = vocabulary
  const added = new Map(addedTokensOf(json).map((token) => [token.id, token]))
  const texts: string[] = []
  const types: number[] = []
  for (let id = 0; id < vocabularySize; id++) {
    const special = added.get(id)
    const piece = tokens.get(id)
    texts.push(special === undefined ? (piece ?? `[PAD${id}]`) : addedText(special, vocabulary))
    types.push(id === unknown ? tokenTypes.unknown : special !== undefined ? addedType(special) : pieceType(piece, vocabulary))
  }
  const metadata = new Map<string, GgufValue>([
    ["tokenizer.ggml.model", { type: "text", value: vocabulary.model }],
    ["tokenizer.ggml.pre", { type: "text", value: vocabulary.pre }],
    ["tokenizer.ggml.tokens", { type: "texts", value: texts }],
    ["tokenizer.ggml.token_type", { type: "i32s", value: types }],
    vocabulary.model === "gpt2"
      ? ["tokenizer.ggml.merges", { type: "texts", value: vocabulary.merges }]
      : ["tokenizer.ggml.scores", { type: "f32s", value: texts.map((_, id) => vocabulary.scores.get(id) ?? 0) }],
  ])
  for (const [key, token] of specialTokens(tokenizer, facts, unknown)) metadata.set(key, { type: "u32", value: token })
  // Ollama's own engine reads all of them here; llama.cpp reads the keys above and knows further ones by their text.
  if (endTokens.length > 0) metadata.set("tokenizer.ggml.eos_token_ids", { type: "i32s", value: endTokens })
  const alone = tokenizer.encode("")
  metadata.set("tokenizer.ggml.add_bos_token", { type: "bool", value: tokenizer.bosToken !== undefined && alone[0] === tokenizer.bosToken })
  metadata.set("tokenizer.ggml.add_eos_token", { type: "bool", value: alone.length > 0 && endTokens.includes(alone.at(-1)!) && alone.at(-1) !== tokenizer.bosToken })
  metadata.set("tokenizer.ggml.add_space_prefix", { type: "bool", value: vocabulary.spacePrefix })
  if (tokenizer.chatTemplate !== undefined) metadata.set("tokenizer.chat_template", { type: "text", value: tokenizer.chatTemplate })
  return metadata
}

/** Text of every token that ends a response. */
export function endTokenTexts(tokenizer: Tokenizer, endTokens: readonly number[]): string[] {
  return [...new Set(endTokens)].map((token) => tokenizer.decode([token])).filter((text) => text !== "")
}

function addedType({ special }: AddedToken): number {
  return special ? tokenTypes.control : tokenTypes.userDefined
}

/** Texts are searched for tokens that users defined before spaces become pieces. */
function addedText({ content, special }: AddedToken, { model }: WrittenVocabulary): string {
  return model === "llama" && !special ? content.replaceAll("\u2581", " ") : content
}

function pieceType(piece: string | undefined, { model }: WrittenVocabulary): number {
  if (piece === undefined) return tokenTypes.unused
  return model === "llama" && /^<0x[0-9A-F]{2}>$/.test(piece) ? tokenTypes.byte : tokenTypes.normal
}

/**
 * llama.cpp ends a response at eos, eot and eom, and at some tokens that it knows by their text. The tokenizer's own end token
 * comes first; a base model's, which instruct models list beside it, must not take its place.
 */
function specialTokens(tokenizer: Tokenizer, { endTokens, ...ofConfig }: TokenizerFacts, unknown: number | undefined): (readonly [key: string, token: number])[] {
  const own = tokenizer.eosTokens.filter((token) => endTokens.includes(token))
  const [eos, eot, eom] = [...new Set([...own, ...endTokens])]
  const bos = tokenizer.bosToken ?? ofConfig.bosToken
  const pad = tokenizer.padToken ?? ofConfig.padToken
  const keys: (readonly [string, number | undefined])[] = [["bos", bos], ["eos", eos], ["eot", eot], ["eom", eom], ["padding", pad], ["unknown", unknown]]
  return keys.flatMap(([name, token]) => (token === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, token] as const]))
}

function tokenizerJson({ files }: Tokenizer): JsonObject {
  const content = files.get("tokenizer.json")
  if (content === undefined) throw new CheckpointError("GGUF: expected a tokenizer.json, got none. Save the tokenizer with save_pretrained of transformers.")
  return parseJsonObject(Buffer.from(content).toString("utf8"), "tokenizer.json")
}

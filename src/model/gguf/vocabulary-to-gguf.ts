/**
 * The vocabulary of a tokenizer.json in the words that GGUF files have. They name byte-level BPE of known families and
 * SentencePiece, and cannot state a rule. What they cannot say is refused: a file that loads and cuts text in other places
 * would answer worse without a word.
 */
import { ConfigError } from "../../errors.ts"
import type { JsonObject } from "../json-file.ts"
import { isJsonObject, showValue } from "../json-file.ts"
import { byteSymbols } from "../tokenizer-create.ts"
import { addedTokensOf } from "../tokenizer-json.ts"
import { byteLevelSplits, preTokenizerName } from "./pre-tokenizer-name.ts"
import { preTokenizers } from "./pre-tokenizers.ts"
import { leadingSpace, pieceScores } from "./sentencepiece-to-gguf.ts"

interface CommonVocabulary {
  /** `tokenizer.ggml.pre`: the name of the way in which text is cut. */
  readonly pre: string
  /** By id; added tokens may be missing. */
  readonly tokens: ReadonlyMap<number, string>
  /** Id of the token for what has none. */
  readonly unknown: number | undefined
  /** A space leads every text. */
  readonly spacePrefix: boolean
}

/** Byte-level BPE: tokens in the symbols of bytes, and pairs with a space between. */
interface ByteLevelVocabulary extends CommonVocabulary {
  readonly model: "gpt2"
  readonly merges: readonly string[]
}

/** SentencePiece: scores by id, the best pair is joined first. */
interface SentencePieceVocabulary extends CommonVocabulary {
  readonly model: "llama"
  readonly scores: ReadonlyMap<number, number>
}

/** A vocabulary under the name that the files have for its kind, `tokenizer.ggml.model`. */
export type WrittenVocabulary = ByteLevelVocabulary | SentencePieceVocabulary

type Entries = readonly (readonly [id: number, text: string])[]

/** @throws ConfigError  when the format has no words for it */
export function vocabularyOf(json: JsonObject): WrittenVocabulary {
  const model = json["model"]
  if (!isJsonObject(model) || model["type"] !== "BPE" || !isJsonObject(model["vocab"])) {
    throw refused(`a tokenizer of type ${showValue(isJsonObject(model) ? model["type"] : model)}`)
  }
  const vocabulary = Object.entries(model["vocab"]).flatMap(([text, id]) => (typeof id === "number" ? [[id, text] as const] : []))
  const unknown = typeof model["unk_token"] === "string" ? vocabulary.find(([, text]) => text === model["unk_token"])?.[0] : undefined
  const merges = (Array.isArray(model["merges"]) ? model["merges"] : []).map(mergeText)
  if ((json["pre_tokenizer"] ?? null) === null && merges.length === 0) return characterVocabulary(json, vocabulary)
  if (model["byte_fallback"] === true) return sentencePieceVocabulary(json, vocabulary, merges, unknown)
  if (byteLevelSplits(json["pre_tokenizer"]) === undefined) throw refused(`a pre-tokenizer that is not byte-level, ${showValue(json["pre_tokenizer"])}`)
  const normalizer = json["normalizer"] ?? null
  // llama.cpp leaves out Qwen's composed form, as everybody's files of Qwen do.
  if (normalizer !== null && !(isJsonObject(normalizer) && normalizer["type"] === "NFC")) throw refused(`a normaliser, ${showValue(normalizer)}`)
  // Without merges every byte is a token, however text is cut.
  const pre = merges.length === 0 ? "gpt-2" : preTokenizerName(json["pre_tokenizer"], model["ignore_merges"] === true)
  if (pre === undefined) {
    throw refused(`a pre-tokenizer of none of the families ${Object.keys(preTokenizers).join(", ")}: ${showValue(json["pre_tokenizer"])}`)
  }
  return { model: "gpt2", pre, tokens: new Map(vocabulary), merges, unknown, spacePrefix: false }
}

/** One token per character: bytes stand for characters as long as these are ASCII. */
function characterVocabulary(json: JsonObject, vocabulary: Entries): WrittenVocabulary {
  const added = new Set(addedTokensOf(json).map(({ id }) => id))
  const symbols = byteSymbols()
  const tokens = vocabulary.map(([id, text]) => {
    if (added.has(id)) return [id, text] as const
    const code = text.codePointAt(0)!
    if ([...text].length > 1 || code > 0x7f) throw refused(`a tokenizer of single characters with ${showValue(text)} among them, of which only ASCII can be expressed`)
    return [id, symbols[code]!] as const
  })
  return { model: "gpt2", pre: "gpt-2", tokens: new Map(tokens), merges: [], unknown: undefined, spacePrefix: false }
}

function sentencePieceVocabulary(json: JsonObject, vocabulary: Entries, merges: readonly string[], unknown: number | undefined): WrittenVocabulary {
  const spacePrefix = leadingSpace(json)
  if (spacePrefix === undefined) throw refused(`a tokenizer that falls back to bytes and does not treat spaces as SentencePiece does, ${showValue(json["normalizer"] ?? json["pre_tokenizer"])}`)
  const inOrder = vocabulary.toSorted(([a], [b]) => a - b)
  const scores = pieceScores(inOrder.map(([, text]) => text), merges)
  if (scores === undefined) throw refused("merges that do not follow from an order of the pieces")
  return { model: "llama", pre: "default", tokens: new Map(vocabulary), scores: new Map(inOrder.map(([id], i) => [id, scores[i]!])), unknown, spacePrefix }
}

function mergeText(merge: unknown): string {
  return Array.isArray(merge) ? merge.join(" ") : String(merge)
}

function refused(got: string): ConfigError {
  const message = `GGUF: expected a tokenizer that the format has words for, got ${got}. Export with --to hf; if llama.cpp knows the model, its convert_hf_to_gguf.py takes that folder.`
  return new ConfigError([{ path: "", message }])
}

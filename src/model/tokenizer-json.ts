/**
 * What is read from a tokenizer.json directly, beside the library that computes with it.
 */
import { CheckpointError, DataError } from "../errors.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject, showValue } from "./json-file.ts"

export interface AddedToken {
  readonly id: number
  readonly content: string
  /** A control token, and not a piece of text that is kept whole. */
  readonly special: boolean
}

/** Tokens of a tokenizer.json beside those of its model. */
export function addedTokensOf(json: JsonObject): AddedToken[] {
  const list: unknown[] = Array.isArray(json["added_tokens"]) ? json["added_tokens"] : []
  return list.flatMap((token) => {
    if (!isJsonObject(token)) return []
    const { id, content, special } = token
    return typeof id === "number" && typeof content === "string" ? [{ id, content, special: special === true }] : []
  })
}

/** One more than the largest id of the model's vocabulary and the added tokens. */
export function vocabularySizeOf(json: JsonObject): number {
  const vocabulary = isJsonObject(json["model"]) ? json["model"]["vocab"] : undefined
  let largest = -1
  if (Array.isArray(vocabulary)) {
    largest = vocabulary.length - 1
  } else if (isJsonObject(vocabulary)) {
    for (const id of Object.values(vocabulary)) if (typeof id === "number" && id > largest) largest = id
  }
  for (const { id } of addedTokensOf(json)) if (id > largest) largest = id
  return largest + 1
}

/** Ways of splitting that @huggingface/tokenizers 0.2 takes for another one without a word. */
const unsupportedBehaviours: ReadonlySet<unknown> = new Set(["MergedWithPrevious", "MergedWithNext", "Contiguous"])

/**
 * Refuses what would be tokenized differently from Python.
 * @throws CheckpointError
 */
export function refuseUnsupportedParts(json: JsonObject, file: string): void {
  const walk = (part: unknown): void => {
    if (!isJsonObject(part)) return
    if ((part["type"] === "Split" || part["type"] === "Punctuation") && unsupportedBehaviours.has(part["behavior"])) {
      throw new CheckpointError(
        `${file}: pre_tokenizer: expected behavior "Isolated" or "Removed", got ${showValue(part["behavior"])}. It cannot be computed exactly; use another tokenizer.`,
      )
    }
    if (Array.isArray(part["pretokenizers"])) part["pretokenizers"].forEach(walk)
  }
  walk(json["pre_tokenizer"])
}

/**
 * A tokenizer with one token per character, no unknown token and no fallback drops other characters without a word. For
 * such a tokenizer the returned function throws instead; for others it does nothing.
 */
export function createAlphabetCheck(json: JsonObject): (text: string, where: string) => void {
  const model = json["model"]
  const closed =
    isJsonObject(model) &&
    model["type"] === "BPE" &&
    isJsonObject(model["vocab"]) &&
    Array.isArray(model["merges"]) &&
    model["merges"].length === 0 &&
    (model["unk_token"] ?? null) === null &&
    model["byte_fallback"] !== true &&
    (json["normalizer"] ?? null) === null &&
    (json["pre_tokenizer"] ?? null) === null
  if (!closed || !isJsonObject(model["vocab"])) return () => {}
  const added = new Set(addedTokensOf(json).map(({ content }) => content))
  const characters = new Set(Object.keys(model["vocab"]).filter((token) => !added.has(token)))
  return (text, where) => {
    const rest = [...added].reduce((remaining, token) => remaining.replaceAll(token, ""), text)
    for (const character of rest) {
      if (characters.has(character)) continue
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")
      const shown = [...characters].join("")
      throw new DataError(
        `${where}: expected characters of ${showValue(shown)}, got ${showValue(character)} (U+${code}) in ${showValue(text)}. Add it to the alphabet or remove it from the text.`,
      )
    }
  }
}

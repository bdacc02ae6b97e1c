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
  const refuse = (key: string, expected: string, got: unknown): never => {
    throw new CheckpointError(
      `${file}: pre_tokenizer: expected ${key} ${expected}, got ${showValue(got)}. ` +
        "It cannot be computed exactly; use another tokenizer.",
    )
  }
  const walk = (part: unknown): void => {
    if (!isJsonObject(part)) return
    const { type, behavior } = part
    const splits = (type === "Split" || type === "Punctuation") && !neverMatches(part, json["normalizer"])
    if (splits && unsupportedBehaviours.has(behavior)) {
      refuse("behavior", '"Isolated" or "Removed"', behavior)
    }
    // The library never splits at the sign for a space; Python does unless told otherwise.
    if (type === "Metaspace" && part["split"] !== false) refuse("split", "false", part["split"] ?? true)
    if (Array.isArray(part["pretokenizers"])) part["pretokenizers"].forEach(walk)
  }
  walk(json["pre_tokenizer"])
}

/** A split at a text that the normalizer has replaced everywhere: Gemma's, at a space. */
function neverMatches(split: JsonObject, normalizer: unknown): boolean {
  const text = patternText(split)
  if (text === undefined || !isJsonObject(normalizer)) return false
  const steps: unknown[] = Array.isArray(normalizer["normalizers"]) ? normalizer["normalizers"] : [normalizer]
  const last = steps.at(-1)
  if (!isJsonObject(last) || last["type"] !== "Replace" || typeof last["content"] !== "string") return false
  return patternText(last) === text && text.length === 1 && !last["content"].includes(text)
}

/** The text that a step looks for, where that is a plain one. */
function patternText({ pattern }: JsonObject): string | undefined {
  return isJsonObject(pattern) && typeof pattern["String"] === "string" ? pattern["String"] : undefined
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

/** The name in a pair of tags, and whether it opens or closes: `<answer>`, `</answer>`, `<|begin_of_thought|>`. */
function tagOf(text: string): { readonly name: string; readonly closes: boolean } | undefined {
  const [, slash, name] = /^<(\/?)([A-Za-z][\w-]+)>$/.exec(text) ?? []
  if (name !== undefined) return { name, closes: slash === "/" }
  const [, side, part] = /^<\|(begin|end)_of_(thought|solution|answer|reasoning)\|>$/.exec(text) ?? []
  return part === undefined ? undefined : { name: `|${part}|`, closes: side === "end" }
}

/**
 * Special tokens by what a reader of a response needs: those that come as a pair of tags are a part of it (`kept`),
 * others belong to the machinery (`dropped`).
 */
export function meaningfulTokens(json: JsonObject): {
  readonly kept: ReadonlySet<number>
  readonly dropped: ReadonlySet<number>
} {
  const list: unknown[] = Array.isArray(json["added_tokens"]) ? json["added_tokens"] : []
  const special = list.flatMap((token) => {
    if (!isJsonObject(token) || token["special"] !== true) return []
    const { id, content } = token
    return typeof id === "number" && typeof content === "string" ? [{ id, tag: tagOf(content) }] : []
  })
  const sides = (closes: boolean): Set<string> =>
    new Set(special.flatMap(({ tag }) => (tag !== undefined && tag.closes === closes ? [tag.name] : [])))
  const [opening, closing] = [sides(false), sides(true)]
  const isKept = (tag: ReturnType<typeof tagOf>): boolean =>
    tag !== undefined && opening.has(tag.name) && closing.has(tag.name)
  return {
    kept: new Set(special.filter(({ tag }) => isKept(tag)).map(({ id }) => id)),
    dropped: new Set(special.filter(({ tag }) => !isKept(tag)).map(({ id }) => id)),
  }
}

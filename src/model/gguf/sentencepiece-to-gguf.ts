/**
 * The scores of a SentencePiece vocabulary, out of the merges of a tokenizer.json: GGUF files have no merges for it, and
 * llama.cpp joins the pair whose piece has the best score.
 */
import type { JsonObject } from "../json-file.ts"
import { isJsonObject } from "../json-file.ts"
import { impliedMerges } from "./sentencepiece.ts"

/** Stands for a space in pieces. */
const space = "\u2581"

/**
 * Whether a space leads every text, also after a special token.
 * @returns undefined when spaces are not treated as SentencePiece treats them
 */
export function leadingSpace(json: JsonObject): boolean | undefined {
  const steps = [...flatten(json["normalizer"], "normalizers"), ...flatten(json["pre_tokenizer"], "pretokenizers").filter((step) => !isIdle(step))]
  const [first, second] = steps
  if (first === undefined || steps.length > 2) return undefined
  if (first["type"] === "Metaspace" && second === undefined) {
    const scheme = first["prepend_scheme"]
    return first["replacement"] !== space || first["split"] === true || (scheme !== "always" && scheme !== "never") ? undefined : scheme === "always"
  }
  if (replacesSpaces(first) && second === undefined) return false
  return first["type"] === "Prepend" && first["prepend"] === space && second !== undefined && replacesSpaces(second) ? true : undefined
}

/**
 * A score for each piece, 0 where it is not put together from others.
 * @param pieces  texts by id, in the order of their ids
 * @param merges  pairs with a space between, the first ones first
 * @returns undefined when the merges are not those that pieces in one order imply
 */
export function pieceScores(pieces: readonly string[], merges: readonly string[]): number[] | undefined {
  const order = new Map<string, number>()
  for (const merge of merges) {
    const piece = merge.replace(" ", "")
    if (!order.has(piece)) order.set(piece, -order.size)
  }
  const implied = impliedMerges(pieces, pieces.map((piece) => order.get(piece) ?? Number.NEGATIVE_INFINITY))
  if (implied.length !== merges.length || implied.some((merge, i) => merge !== merges[i])) return undefined
  return pieces.map((piece) => order.get(piece) ?? 0)
}

/** Cuts at spaces, of which the normaliser leaves none. */
function isIdle({ type, pattern }: JsonObject): boolean {
  return type === "Split" && isJsonObject(pattern) && pattern["String"] === " "
}

function replacesSpaces({ type, pattern, content }: JsonObject): boolean {
  return type === "Replace" && isJsonObject(pattern) && pattern["String"] === " " && content === space
}

function flatten(part: unknown, key: string): JsonObject[] {
  if (!isJsonObject(part)) return []
  const inner = part[key]
  return part["type"] === "Sequence" && Array.isArray(inner) ? inner.flatMap((step: unknown) => flatten(step, key)) : [part]
}

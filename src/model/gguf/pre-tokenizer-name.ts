/** The name that GGUF files have for the way a tokenizer.json cuts text. */
import type { JsonObject } from "../json-file.ts"
import { isJsonObject } from "../json-file.ts"
import { preTokenizers } from "./pre-tokenizers.ts"

/** What a `Digits` step of single digits matches, and what a `ByteLevel` step with `use_regex` cuts by itself. */
const [digits, gpt2] = preTokenizers["smollm"]!.splits

/**
 * @param ignoreMerges  of the model: pieces that are tokens are taken whole
 * @returns undefined when no family cuts text like this
 */
export function preTokenizerName(preTokenizer: unknown, ignoreMerges: boolean): string | undefined {
  const splits = byteLevelSplits(preTokenizer)
  if (splits === undefined) return undefined
  const family = Object.entries(preTokenizers).find(
    ([, known]) => known.splits.join("\n") === splits.join("\n") && (known.ignoreMerges ?? false) === ignoreMerges,
  )
  return family?.[0]
}

/**
 * The regular expressions by which text is cut, one after the other, before its bytes become symbols.
 * @returns undefined when the pre-tokenizer does not end in bytes, or does anything else
 */
export function byteLevelSplits(preTokenizer: unknown): string[] | undefined {
  const parts = flatten(preTokenizer)
  const last = parts.at(-1)
  if (last?.["type"] !== "ByteLevel" || last["add_prefix_space"] === true) return undefined
  const splits = parts.slice(0, -1).map(splitOf)
  const known = splits.filter((split) => split !== undefined)
  if (known.length < splits.length) return undefined
  // Absent, it is true.
  return last["use_regex"] === false ? known : [...known, gpt2!]
}

function splitOf(part: JsonObject): string | undefined {
  if (part["type"] === "Digits" && part["individual_digits"] === true) return digits
  if (part["type"] !== "Split" || part["behavior"] !== "Isolated" || part["invert"] === true) return undefined
  const pattern = part["pattern"]
  return isJsonObject(pattern) && typeof pattern["Regex"] === "string" ? pattern["Regex"] : undefined
}

function flatten(part: unknown): JsonObject[] {
  if (!isJsonObject(part)) return []
  const inner = part["pretokenizers"]
  return part["type"] === "Sequence" && Array.isArray(inner) ? inner.flatMap(flatten) : [part]
}

/**
 * How a byte-level vocabulary cuts text before it merges. A GGUF file only names the way (`tokenizer.ggml.pre`); the
 * rest stands in the tokenizer.json of the family that has the name.
 */
import type { JsonObject } from "../json-file.ts"

/** What a name stands for. */
export interface PreTokenizer {
  /** Each cuts the pieces that the one before it left. */
  readonly splits: readonly string[]
  /** Unicode normal form of the text. */
  readonly normalizer?: "NFC"
  /** A piece that is a token as a whole is not put together from merges. */
  readonly ignoreMerges?: true
  /** Where the file does not say whether a begin-of-text token leads. */
  readonly addsBos?: true
}

const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
const words = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+`
const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
const llama3 = String.raw`${words}|\p{N}{1,3}|${rest}`
const qwen2 = String.raw`${words}|\p{N}|${rest}`
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
const tekkenWords = String.raw`[^\r\n\p{L}\p{N}]?${upper}*${lower}+|[^\r\n\p{L}\p{N}]?${upper}+${lower}*`
const tekken = String.raw`${tekkenWords}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`

/** By the name in the file. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  "gpt-2": { splits: [gpt2] },
  smollm: { splits: [String.raw`\p{N}`, gpt2] },
  qwen2: { splits: [qwen2], normalizer: "NFC" },
  "llama-bpe": { splits: [llama3], ignoreMerges: true, addsBos: true },
  "llama-v3": { splits: [llama3], ignoreMerges: true, addsBos: true },
  llama3: { splits: [llama3], ignoreMerges: true, addsBos: true },
  // Llama 3's vocabulary without a begin-of-text token: SmolLM3.
  "smaug-bpe": { splits: [llama3], ignoreMerges: true },
  tekken: { splits: [tekken], ignoreMerges: true, addsBos: true },
}

/** The `pre_tokenizer` of a tokenizer.json. */
export function preTokenizerJson({ splits }: PreTokenizer): JsonObject {
  const cuts = splits.map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }))
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false }
  return { type: "Sequence", pretokenizers: [...cuts, bytes] }
}

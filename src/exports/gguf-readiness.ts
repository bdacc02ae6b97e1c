/**
 * Whether llama.cpp's convert_hf_to_gguf.py will take a folder: it knows a tokenizer by a fingerprint only.
 */
import { createHash } from "node:crypto"
import type { ModelConfig } from "../model/config.ts"
import { families } from "../model/families.ts"
import type { Tokenizer } from "../model/tokenizer.ts"

/** The text whose tokens are the fingerprint. Source: get_vocab_base_pre of llama.cpp's converter. */
const fingerprintText =
  "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200d🌫️ (multiple emojis concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 " +
  "កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL"

/** Fingerprints of byte-level tokenizers of the families that are trained here, with llama.cpp's names for them. */
const knownFingerprints: Readonly<Record<string, string>> = {
  e636dc30a262dcc0d8c323492e32ae2b70728f4df7dfe9737d9f920a282b8aea: "qwen2",
  d4540891389ea895b53b399da6ac824becc30f2fba0e9ddbb98f92e55ca0e97c: "qwen2",
  "0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5": "llama-bpe",
  c136ed14d01c2745d4f60a9596ae66800e2b61fa45643e72436041855ad4089d: "smaug-bpe",
  "855059429035d75a914d1eda9f10a876752e281a054a7a3d421ef0533e5b6249": "smollm",
  b3f499bb4255f8ca19fccd664443283318f2fd2414d5e0b040fbdd0cc195d6c5: "deepseek-r1-qwen",
}

/** What the converter will make of a model. */
export type GgufReadiness =
  | { readonly ready: true; readonly tokenizer: string }
  | { readonly ready: "unknown"; readonly fingerprint: string }
  | { readonly ready: false; readonly reason: string }

/**
 * SHA-256 of the fingerprint's tokens, as the converter computes it: special tokens that the tokenizer adds included.
 * @returns undefined when the tokenizer cannot encode the text
 */
export function tokenizerFingerprint(tokenizer: Tokenizer): string | undefined {
  try {
    return createHash("sha256").update(`[${tokenizer.encode(fingerprintText).join(", ")}]`).digest("hex")
  } catch {
    return undefined
  }
}

/** Looks at tokenizer and switches; the families that are computed here are all known to the converter. */
export function ggufReadiness(config: ModelConfig, tokenizer: Tokenizer): GgufReadiness {
  if (config.rope.scaling?.type === "llama3" && config.architecture !== "llama") {
    return { ready: false, reason: `llama3 rotary scaling in a ${config.architecture} model, which the converter leaves out` }
  }
  const pattern = unknownPattern(config)
  if (pattern !== undefined) return { ready: false, reason: `${pattern}, which llama.cpp does not compute` }
  if (config.architecture === "qwen3" && config.attentionBias) {
    return { ready: false, reason: "biases on the attention of a qwen3 model, which llama.cpp does not compute" }
  }
  if (tokenizer.files.has("tokenizer.model")) return { ready: true, tokenizer: "tokenizer.model" }
  const fingerprint = tokenizerFingerprint(tokenizer)
  if (fingerprint === undefined) return { ready: false, reason: "a tokenizer that knows only some characters, such as those of models made from scratch" }
  const known = knownFingerprints[fingerprint]
  return known === undefined ? { ready: "unknown", fingerprint } : { ready: true, tokenizer: known }
}

/** llama.cpp has the layers of each family built in: it reads no list of them. */
function unknownPattern(config: ModelConfig): string | undefined {
  const { architecture, layers, slidingWindow, unrotatedLayers = [], queryScalar, headDim } = config
  const family = families[architecture]
  const every = (period: number): string => Array.from({ length: layers }, (_, i) => i).filter((i) => i % period === period - 1).join()
  const full = Array.from({ length: layers }, (_, i) => i).filter((i) => slidingWindow?.layers.includes(i) !== true).join()
  if (family.windows === "all-but-every-nth" && full !== every(6)) return `a ${architecture} model without a window in five layers of six`
  if (family.windows !== "all-but-every-nth" && slidingWindow !== undefined) return `a sliding window in a ${architecture} model`
  if (family.unrotatedLayers && unrotatedLayers.join() !== every(4)) return `a ${architecture} model that rotates other layers than three of four`
  return queryScalar === undefined || queryScalar === headDim ? undefined : `query_pre_attn_scalar ${queryScalar} beside heads of ${headDim}`
}

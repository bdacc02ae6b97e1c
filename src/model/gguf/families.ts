/** The architectures of GGUF files that are read, by `general.architecture`. One line each. */

export interface GgufFamily {
  /** `model_type` of config.json. */
  readonly modelType: string
  /** Rows of q and k are stored in the order of the interleaved rotary form, in which pairs are neighbours. */
  readonly interleavedRotary: boolean
}

/** Mistral's files say llama: without a window the two are computed alike. */
export const ggufFamilies: Readonly<Record<string, GgufFamily>> = {
  llama: { modelType: "llama", interleavedRotary: true },
  qwen2: { modelType: "qwen2", interleavedRotary: false },
  qwen3: { modelType: "qwen3", interleavedRotary: false },
}

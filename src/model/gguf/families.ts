/** The architectures of GGUF files that are read, by `general.architecture`. One entry each. */

export interface GgufFamily {
  /** `model_type` of config.json. */
  readonly modelType: string
  /** Rows of q and k are stored in the order of the interleaved rotary form, in which pairs are neighbours. */
  readonly interleavedRotary?: true
  /** Norm weights are stored with this added. */
  readonly normOffset?: 1
  /** Attention and feed-forward layer are normed behind too; the norm before the latter then has another name. */
  readonly outputNorms?: true
  /** Windowed attention, `attention.sliding_window` tokens wide. */
  readonly slidingWindow?: true
  /** Pieces of a SentencePiece vocabulary merge in the order in which they are listed, not in that of their scores. */
  readonly listedMergeOrder?: true
  /** Keys of config.json that no file states. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Mistral's files say llama: without a window the two are computed alike. */
export const ggufFamilies: Readonly<Record<string, GgufFamily>> = {
  llama: { modelType: "llama", interleavedRotary: true },
  qwen2: { modelType: "qwen2" },
  qwen3: { modelType: "qwen3" },
  smollm3: { modelType: "smollm3", interleavedRotary: true, config: { no_rope_layer_interval: 4 } },
  gemma3: {
    modelType: "gemma3_text",
    normOffset: 1,
    outputNorms: true,
    slidingWindow: true,
    listedMergeOrder: true,
    config: { sliding_window_pattern: 6, rope_local_base_freq: 10_000, hidden_activation: "gelu_pytorch_tanh" },
  },
}

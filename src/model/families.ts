/**
 * The families of decoders that are computed. A family is a row of switches: what reads, computes and writes a model
 * asks for a switch, never for a name. Sources: the configuration and modeling files of transformers 5.24.
 */

/** A family by the `model_type` of its config.json. */
export type Architecture = "llama" | "mistral" | "qwen2" | "qwen3" | "smollm3" | "gemma3_text"

/** Feed-forward activations by their names in config.json. */
export type Activation = "silu" | "gelu_pytorch_tanh"

/** Whether a bias is there: as the key in config.json says, or whatever it says. */
type Bias = "configured" | "always" | "never"

export interface Family {
  /** Class of transformers, for `architectures` in config.json. */
  readonly className: string
  /** Models that people know it by, for messages. */
  readonly models: string
  /** Biases on queries, keys and values. */
  readonly attentionBias: Bias
  /** Bias on the output projection of attention. */
  readonly outputBias: Exclude<Bias, "always">
  /** Biases in the feed-forward layer. */
  readonly mlpBias: Exclude<Bias, "always">
  /** RMS norm over each head of queries and keys, before the rotation. */
  readonly qkNorm: boolean
  /** Added to the stored weight of every RMS norm. */
  readonly normOffset: 0 | 1
  /** Attention and feed-forward layer are normed behind too, before they are added to the residual stream. */
  readonly outputNorms: boolean
  /** Embedding rows are multiplied by sqrt(hiddenSize). */
  readonly scaledEmbeddings: boolean
  readonly activation: Activation
  readonly activationKey: "hidden_act" | "hidden_activation"
  /** Layers with a sliding window where `layer_types` is silent. */
  readonly windows: "none" | "every-layer" | "upper-layers" | "all-but-every-nth" | "unrotated-layers"
  /** Windowed layers rotate by settings of their own. */
  readonly windowedRope: boolean
  /** Some layers do not rotate queries and keys (NoPE). */
  readonly unrotatedLayers: boolean
  /** Scores are divided by the root of `query_pre_attn_scalar` instead of the head size's. */
  readonly queryScalar: boolean
  /** What transformers takes for keys that are absent, where another value than most families'. */
  readonly defaults: Readonly<Record<string, unknown>>
}

/** The form of Llama; other families are named by what differs. */
const llama: Family = {
  className: "LlamaForCausalLM",
  models: "Llama 2 and 3, SmolLM and SmolLM2",
  attentionBias: "configured",
  outputBias: "configured",
  mlpBias: "configured",
  qkNorm: false,
  normOffset: 0,
  outputNorms: false,
  scaledEmbeddings: false,
  activation: "silu",
  activationKey: "hidden_act",
  windows: "none",
  windowedRope: false,
  unrotatedLayers: false,
  queryScalar: false,
  defaults: {},
}

export const families: Readonly<Record<Architecture, Family>> = {
  llama,
  mistral: {
    ...llama,
    className: "MistralForCausalLM",
    models: "Mistral 7B",
    attentionBias: "never",
    outputBias: "never",
    mlpBias: "never",
    windows: "every-layer",
    defaults: { sliding_window: 4096 },
  },
  qwen2: {
    ...llama,
    className: "Qwen2ForCausalLM",
    models: "Qwen2 and Qwen2.5",
    attentionBias: "always",
    outputBias: "never",
    mlpBias: "never",
    windows: "upper-layers",
    defaults: { max_window_layers: 28, sliding_window: 4096 },
  },
  qwen3: {
    ...llama,
    className: "Qwen3ForCausalLM",
    models: "Qwen3",
    mlpBias: "never",
    qkNorm: true,
    windows: "upper-layers",
    defaults: { head_dim: 128, max_window_layers: 28, sliding_window: 4096 },
  },
  smollm3: {
    ...llama,
    className: "SmolLM3ForCausalLM",
    models: "SmolLM3",
    windows: "unrotated-layers",
    unrotatedLayers: true,
    defaults: { rope_theta: 2_000_000, tie_word_embeddings: true, no_rope_layer_interval: 4 },
  },
  gemma3_text: {
    ...llama,
    className: "Gemma3ForCausalLM",
    models: "Gemma 3 270M and 1B",
    mlpBias: "never",
    qkNorm: true,
    normOffset: 1,
    outputNorms: true,
    scaledEmbeddings: true,
    activation: "gelu_pytorch_tanh",
    activationKey: "hidden_activation",
    windows: "all-but-every-nth",
    windowedRope: true,
    queryScalar: true,
    defaults: {
      head_dim: 256,
      rope_theta: 1_000_000,
      rope_local_base_freq: 10_000,
      query_pre_attn_scalar: 256,
      sliding_window: 4096,
      sliding_window_pattern: 6,
      tie_word_embeddings: true,
      hidden_activation: "gelu_pytorch_tanh",
    },
  },
}

export function isArchitecture(value: unknown): value is Architecture {
  return typeof value === "string" && Object.hasOwn(families, value)
}

/** What can be computed, for messages about what cannot. */
export const supportedModels: string = `Computed are dense text models in f32, bf16 or f16: ${Object.entries(families)
  .map(([type, { models }]) => `${type} (${models})`)
  .join(", ")}.`

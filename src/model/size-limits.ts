/**
 * The largest sizes of a config.json that are taken at their word. Each is a few times what any published model has;
 * beyond it a number is a mistake or a trap, and nothing is made by it.
 */
/** Keys of config.json that are sizes. */
export type SizeKey =
  | "vocab_size"
  | "hidden_size"
  | "intermediate_size"
  | "num_hidden_layers"
  | "num_attention_heads"
  | "num_key_value_heads"
  | "head_dim"
  | "max_position_embeddings"
  | "original_max_position_embeddings"
  | "no_rope_layer_interval"
  | "sliding_window_pattern"
  | "sliding_window"

/** By key of config.json. */
export const sizeLimits: Readonly<Record<SizeKey, number>> = {
  vocab_size: 2 ** 22,
  hidden_size: 2 ** 17,
  intermediate_size: 2 ** 20,
  num_hidden_layers: 1024,
  num_attention_heads: 4096,
  num_key_value_heads: 4096,
  head_dim: 2 ** 13,
  max_position_embeddings: 2 ** 27,
  original_max_position_embeddings: 2 ** 27,
  no_rope_layer_interval: 1024,
  sliding_window_pattern: 1024,
  sliding_window: 2 ** 27,
}

/** The largest of the other numbers, such as the base of a rotary embedding. */
export const maximumNumber: number = 1e15

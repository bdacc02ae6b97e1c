/** Names of tensors in GGUF files for those of Hugging Face. Source: TensorNameMap of the `gguf` package. */

/** Parts of a layer. */
const layerParts: Readonly<Record<string, string>> = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
}

/** Norms of a layer that has some behind its parts: the one before the feed-forward layer then has a name of its own. */
const outputNormParts: Readonly<Record<string, string>> = {
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
}

const outerNames: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "token_embd.weight",
  "model.norm.weight": "output_norm.weight",
  "lm_head.weight": "output.weight",
}

/**
 * `blk.0.attn_q.weight` for `model.layers.0.self_attn.q_proj.weight`; undefined for a name that no GGUF file has.
 * @param outputNorms  attention and feed-forward layer are normed behind too
 */
export function ggufTensorName(name: string, outputNorms = false): string | undefined {
  const layer = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name)
  if (layer === null) return outerNames[name]
  const part = (outputNorms ? outputNormParts[layer[2]!] : undefined) ?? layerParts[layer[2]!]
  return part === undefined ? undefined : `blk.${layer[1]}.${part}.${layer[3]}`
}

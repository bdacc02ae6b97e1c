/**
 * The decoder as a graph expression, one for all `families`: they differ in switches of the family and of the config.
 *
 * Shape legend: B sequences, T positions, N = B*T, D model width, H heads, K key/value heads, E head size,
 * P positions in the cache.
 */
import {
  add,
  dim,
  dimAdd,
  dimMul,
  embedding,
  geluTanh,
  input,
  matmul,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  slice,
  stopGradient,
  transpose,
} from "../graph/index.ts"
import type { Dim, Tensor } from "../graph/index.ts"
import { append, attend, attendAll, attendCached, type KeyValue } from "./attention.ts"
import type { ModelConfig } from "./config.ts"
import { hasOutputProjectionBias } from "./config.ts"
import type { Activation } from "./families.ts"
import { families } from "./families.ts"
import { loraNames, loraSpecs, type LoraConfig } from "./lora.ts"
import { parameterSpecs } from "./weights.ts"

export type { KeyValue }

/** Weight inputs by parameter name; the graph input has the parameter's name. */
export type WeightTensors = ReadonlyMap<string, Tensor>

export function weightTensors(config: ModelConfig, lora?: LoraConfig): WeightTensors {
  const specs = [...parameterSpecs(config), ...(lora === undefined ? [] : loraSpecs(config, lora))]
  return new Map(specs.map(({ name, shape }) => [name, input(name, shape)]))
}

export interface DecoderOptions {
  readonly config: ModelConfig
  readonly weights: WeightTensors
  readonly lora?: LoraConfig
  /** Threads for which products are bit-identical whatever the number of rows; 0 or absent: no such care. See `product`. */
  readonly exactForThreads?: number
}

/** What the attention of a layer reads beside the residual stream. */
interface LayerInputs {
  /** Additive, see AttentionContext. */
  readonly mask: Tensor
  readonly cos: Tensor
  readonly sin: Tensor
}

interface DecoderContext extends DecoderOptions {
  readonly batch: Dim
  readonly time: Dim
  readonly positions_BT: Tensor
  /** Of layers that see all that came before. */
  readonly full: LayerInputs
  /** Of layers with a sliding window; absent where there are none. */
  readonly windowed: LayerInputs | undefined
  /** The cache is given back with the new positions appended, instead of these alone. */
  readonly appends?: boolean
}

/** One layer of a decoder. */
interface LayerContext extends DecoderContext, LayerInputs {
  /** Queries and keys are turned by their position. */
  readonly rotates: boolean
}

export interface DecoderOutput {
  /** [N, D] after the final norm. */
  readonly hidden_ND: Tensor
  /** [N, D] rows of the embedding: differentiate with respect to these instead of the table. */
  readonly embedded_ND: Tensor
  /** Keys and values of the positions that were computed, by layer. */
  readonly cache: readonly KeyValue[]
  /** Residual stream before each layer and after the last: boundaries for gradient checkpointing. */
  readonly boundaries: readonly Tensor[]
}

/** Names of the inputs that decoder graphs read beside the weights; those with `window` where a layer has one. */
export const decoderInputs = {
  tokens: "tokens",
  positions: "positions",
  mask: "mask",
  windowMask: "mask.window",
  cos: "rope.cos",
  sin: "rope.sin",
  windowCos: "rope.window.cos",
  windowSin: "rope.window.sin",
} as const

/** @param mask  makes the mask that is known by a name of `decoderInputs` */
function layerInputs(config: ModelConfig, mask: (name: string) => Tensor): Pick<DecoderContext, "full" | "windowed"> {
  const { slidingWindow, headDim } = config
  const table = (name: string): Tensor => input(name, [dim("ropePositions"), headDim / 2])
  const full = { mask: mask(decoderInputs.mask), cos: table(decoderInputs.cos), sin: table(decoderInputs.sin) }
  if (slidingWindow === undefined) return { full, windowed: undefined }
  const { windowCos, windowSin, windowMask } = decoderInputs
  const own = slidingWindow.rope === undefined ? {} : { cos: table(windowCos), sin: table(windowSin) }
  return { full, windowed: { ...full, ...own, mask: mask(windowMask) } }
}

function layerContext(context: DecoderContext, layer: number): LayerContext {
  const { slidingWindow, unrotatedLayers } = context.config
  const inputs = slidingWindow?.layers.includes(layer) === true ? context.windowed! : context.full
  return { ...context, ...inputs, rotates: unrotatedLayers?.includes(layer) !== true }
}

/** Whole sequences: inputs tokens [B, T], positions [B, T], masks [T, T]. */
export function decodeSequences(options: DecoderOptions): DecoderOutput {
  const [batch, time] = [dim("B"), dim("T")]
  const context: DecoderContext = {
    ...options,
    batch,
    time,
    positions_BT: input(decoderInputs.positions, [batch, time], "i64"),
    ...layerInputs(options.config, (name) => input(name, [time, time])),
  }
  return decode(context, input(decoderInputs.tokens, [batch, time], "i64"), undefined)
}

/** Name of a layer's cache input, [B, K, P, E]. */
export function cacheInput(kind: keyof KeyValue, layer: number): string {
  return `past.${layer}.${kind}`
}

/** One new position per sequence over a cache: inputs tokens [B, 1], positions [B, 1], masks [B, 1, 1, P+1], past.* */
export function decodeNext(options: DecoderOptions): DecoderOutput {
  const { config } = options
  const [batch, past] = [dim("B"), dim("P")]
  const shape = [batch, config.keyValueHeads, past, config.headDim]
  const cache = Array.from({ length: config.layers }, (_, layer): KeyValue => ({
    key: input(cacheInput("key", layer), shape),
    value: input(cacheInput("value", layer), shape),
  }))
  const context: DecoderContext = {
    ...options,
    batch,
    time: 1,
    positions_BT: input(decoderInputs.positions, [batch, 1], "i64"),
    ...layerInputs(config, (name) => input(name, [batch, 1, 1, dimAdd(past, 1)])),
  }
  return decode(context, input(decoderInputs.tokens, [batch, 1], "i64"), cache)
}

/** What `decodeOver` reads beside weights and rotary tables. */
export interface CachedInputs {
  /** [B, T] i64. */
  readonly tokens_BT: Tensor
  /** [B, T] i64. */
  readonly positions_BT: Tensor
  /** [B, 1, T, P+T] additive; what a position sees of `window` tokens, or of all when there is none. */
  readonly mask: (window: number | undefined) => Tensor
  /** By layer, [B, K, P, E]; P may be 0. */
  readonly past: readonly KeyValue[]
}

/** T new positions over a cache of P, which comes back as one of P + T: a graph for other programs than our sampler. */
export function decodeOver(options: DecoderOptions, { tokens_BT, positions_BT, mask, past }: CachedInputs): DecoderOutput {
  const [batch, time] = [tokens_BT.shape[0]!, tokens_BT.shape[1]!]
  const { config } = options
  const window = config.slidingWindow?.tokens
  const inputs = layerInputs(config, (name) => mask(name === decoderInputs.windowMask ? window : undefined))
  return decode({ ...options, batch, time, positions_BT, ...inputs, appends: true }, tokens_BT, past)
}

function decode(context: DecoderContext, tokens_BT: Tensor, past: readonly KeyValue[] | undefined): DecoderOutput {
  const { config, batch, time } = context
  const { scaledEmbeddings, outputNorms } = families[config.architecture]
  // The table's gradient through the lookup is a scatter, left to the engine: see embedded_ND.
  const embedded_ND = embedding(stopGradient(parameter(context, "model.embed_tokens.weight")), reshape(tokens_BT, [dimMul(batch, time)]))
  const cache: KeyValue[] = []
  const boundaries: Tensor[] = []
  let x_ND = scaledEmbeddings ? mul(embedded_ND, Math.sqrt(config.hiddenSize)) : embedded_ND
  for (let layer = 0; layer < config.layers; layer++) {
    boundaries.push(x_ND)
    const prefix = `model.layers.${layer}`
    const normed = (x: Tensor, name: string): Tensor => norm(context, x, `${prefix}.${name}_layernorm.weight`)
    const own = layerContext(context, layer)
    const attention = selfAttention(own, normed(x_ND, "input"), `${prefix}.self_attn`, past?.[layer])
    cache.push(attention.cache)
    const feed = (x: Tensor): Tensor => feedForward(context, x, `${prefix}.mlp`)
    if (outputNorms) {
      x_ND = add(x_ND, normed(attention.output_ND, "post_attention"))
      x_ND = add(x_ND, normed(feed(normed(x_ND, "pre_feedforward")), "post_feedforward"))
    } else {
      // The name is historical: this norm stands before the feed-forward layer.
      x_ND = add(x_ND, attention.output_ND)
      x_ND = add(x_ND, feed(normed(x_ND, "post_attention")))
    }
  }
  boundaries.push(x_ND)
  return { hidden_ND: norm(context, x_ND, "model.norm.weight"), embedded_ND, cache, boundaries }
}

function parameter(options: DecoderOptions, name: string): Tensor {
  return options.weights.get(name)!
}

function norm(options: DecoderOptions, x: Tensor, name: string): Tensor {
  const { rmsNormEps, architecture } = options.config
  const { normOffset } = families[architecture]
  const weight = parameter(options, name)
  return rmsNorm(x, normOffset === 0 ? weight : add(weight, normOffset), rmsNormEps)
}

// onnxruntime's matrix product adds up the inner dimension in pieces whose size depends on how many columns a thread gets,
// and whether rows or columns are dealt out to threads depends on the number of rows. Pieces differ only beyond this inner
// size, and only when a thread gets at most this many columns.
const PIECE = 128
const COLUMNS_PER_THREAD = 64

/**
 * x W^T. With `exactForThreads`, narrow products are summed explicitly in pieces, so that a row's result does not depend on
 * which other rows are in the batch: the same seed then samples the same tokens.
 */
export function product(options: DecoderOptions, x_ND: Tensor, weight: Tensor): Tensor {
  const [columns, inner] = weight.shape as readonly number[]
  const threads = options.exactForThreads ?? 0
  if (inner! <= PIECE || columns! > COLUMNS_PER_THREAD * threads) return matmul(x_ND, weight, { transposeB: true })
  let total: Tensor | undefined
  for (let start = 0; start < inner!; start += PIECE) {
    const end = Math.min(start + PIECE, inner!)
    const part = matmul(slice(x_ND, 1, start, end), slice(weight, 1, start, end), { transposeB: true })
    total = total === undefined ? part : add(total, part)
  }
  return total!
}

/** x W^T + b, with the adapter's (alpha / rank) x A^T B^T where the layer carries one. */
function linear(options: DecoderOptions, x_ND: Tensor, name: string, bias: boolean): Tensor {
  let y = product(options, x_ND, parameter(options, `${name}.weight`))
  if (bias) y = add(y, parameter(options, `${name}.bias`))
  const { lora } = options
  const names = loraNames(`${name}.weight`)
  if (lora === undefined || !options.weights.has(names.a)) return y
  const down = product(options, x_ND, parameter(options, names.a))
  return add(y, matmul(down, parameter(options, names.b), { transposeB: true, scale: lora.alpha / lora.rank }))
}

const activations: Readonly<Record<Activation, (x: Tensor) => Tensor>> = { silu, gelu_pytorch_tanh: geluTanh }

/** Gated feed-forward layer. Source: arXiv:2002.05202 (SwiGLU, GEGLU). */
function feedForward(options: DecoderOptions, x_ND: Tensor, prefix: string): Tensor {
  const { mlpBias, architecture } = options.config
  const activate = activations[families[architecture].activation]
  const gate = activate(linear(options, x_ND, `${prefix}.gate_proj`, mlpBias))
  const up = linear(options, x_ND, `${prefix}.up_proj`, mlpBias)
  return linear(options, mul(gate, up), `${prefix}.down_proj`, mlpBias)
}

/** Grouped-query attention. Source: arXiv:2305.13245. */
function selfAttention(
  context: LayerContext,
  x_ND: Tensor,
  prefix: string,
  past: KeyValue | undefined,
): { readonly output_ND: Tensor; readonly cache: KeyValue } {
  const { config, batch, time } = context
  const { heads, keyValueHeads, headDim, attentionBias } = config
  const split = (projection_NW: Tensor, count: number): Tensor =>
    transpose(reshape(projection_NW, [batch, time, count, headDim]), [0, 2, 1, 3])
  const rotated = (which: "q" | "k", count: number): Tensor => {
    let projection = linear(context, x_ND, `${prefix}.${which}_proj`, attentionBias)
    if (config.qkNorm) {
      const perHead = reshape(projection, [batch, time, count, headDim])
      projection = norm(context, perHead, `${prefix}.${which}_norm.weight`)
    }
    if (!context.rotates) return split(projection, count)
    const flat = reshape(projection, [batch, time, count * headDim])
    return split(rope(flat, context.positions_BT, context.cos, context.sin, headDim), count)
  }
  const query_BHTE = rotated("q", heads)
  const key_BKTE = rotated("k", keyValueHeads)
  const value_BKTE = split(linear(context, x_ND, `${prefix}.v_proj`, attentionBias), keyValueHeads)

  // The heads that share keys become rows of one matrix: the sum over them in the backward pass is part of the product.
  const rows = dimMul(heads / keyValueHeads, time)
  const query = reshape(query_BHTE, [batch, keyValueHeads, rows, headDim])
  const computed: KeyValue = { key: key_BKTE, value: value_BKTE }
  const cache = past === undefined || context.appends !== true ? computed : append(past, computed)
  const mixed =
    past === undefined
      ? attend(context, query, key_BKTE, value_BKTE)
      : context.appends === true
        ? attendAll(context, query, cache)
        : attendCached(context, query, computed, past)
  const merged = reshape(transpose(reshape(mixed, [batch, heads, time, headDim]), [0, 2, 1, 3]), [dimMul(batch, time), heads * headDim])
  return {
    output_ND: linear(context, merged, `${prefix}.o_proj`, hasOutputProjectionBias(config)),
    cache,
  }
}

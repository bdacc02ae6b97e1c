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
  inputName,
  matmul,
  matmulInt8,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  slice,
  stopGradient,
} from "../graph/index.ts"
import type { Dim, Tensor } from "../graph/index.ts"
import { attendSequences, type KeyValue } from "./attention.ts"
import type { ModelConfig } from "./config.ts"
import { hasOutputProjectionBias } from "./config.ts"
import type { Activation } from "./families.ts"
import { families } from "./families.ts"
import { attendGroups, groupLayout, groupMasks } from "./grouped-attention.ts"
import { loraNames, loraSpecs, type LoraConfig } from "./lora.ts"
import type { QuantisedTensors } from "./quantised.ts"
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
  /** Linear layers in eight bits, by parameter name. Forward only. */
  readonly quantised?: ReadonlyMap<string, QuantisedTensors>
  /** Threads for which products are bit-identical whatever the number of rows; 0 or absent: no such care. See `product`. */
  readonly exactForThreads?: number
}

/** Layers that see all that came before, or what a sliding window leaves of it. */
type LayerKind = "full" | "windowed"

/** Queries [N, H*E], keys and values [N, K*E] of a layer. */
type Projections = readonly [query_NW: Tensor, key_NW: Tensor, value_NW: Tensor]

interface DecoderContext extends DecoderOptions {
  readonly batch: Dim
  readonly time: Dim
  readonly positions_BT: Tensor
  /** What the positions read of each other, [N, H*E], and the keys and values that a cache keeps. */
  readonly attention: (layer: number, rows: Projections) => { readonly mixed_NW: Tensor; readonly cache?: KeyValue }
}

export interface DecoderOutput {
  /** [N, D] after the final norm. */
  readonly hidden_ND: Tensor
  /** [N, D] rows of the embedding: differentiate with respect to these instead of the table. */
  readonly embedded_ND: Tensor
  /** Keys and values of the positions that were computed, by layer; empty for groups. */
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

function kindOf({ slidingWindow }: ModelConfig, layer: number): LayerKind {
  return slidingWindow?.layers.includes(layer) === true ? "windowed" : "full"
}

/** One thing for each kind of layer there is: made once, shared by the layers. */
function byKind<T>(config: ModelConfig, make: (kind: LayerKind) => T): (layer: number) => T {
  const full = make("full")
  const windowed = config.slidingWindow === undefined ? full : make("windowed")
  return (layer) => (kindOf(config, layer) === "windowed" ? windowed : full)
}

function layerMasks(config: ModelConfig, mask: (name: string) => Tensor): (layer: number) => Tensor {
  return byKind(config, (kind) => mask(kind === "full" ? decoderInputs.mask : decoderInputs.windowMask))
}

/** Whole sequences: inputs tokens [B, T], positions [B, T], masks [T, T]. */
export function decodeSequences(options: DecoderOptions): DecoderOutput {
  const [batch, time] = [dim("B"), dim("T")]
  const { config } = options
  const masks = layerMasks(config, (name) => input(name, [time, time]))
  const context: DecoderContext = {
    ...options,
    batch,
    time,
    positions_BT: input(decoderInputs.positions, [batch, time], "i64"),
    attention: (layer, rows) => attendSequences({ config, batch, time, mask: masks(layer) }, rows),
  }
  return decode(context, input(decoderInputs.tokens, [batch, time], "i64"))
}

/**
 * Prompts, each with its responses (see grouped-attention.ts): inputs tokens [N], positions [N, 1], layout and masks of
 * groups.
 */
export function decodeGroups(options: DecoderOptions): DecoderOutput {
  const { config } = options
  const [layout, masks] = [groupLayout(), byKind(config, groupMasks)]
  const context: DecoderContext = {
    ...options,
    // onnxruntime wants rotary tables of at least T positions: rows are sequences of one.
    batch: dim("N"),
    time: 1,
    positions_BT: input(decoderInputs.positions, [dim("N"), 1], "i64"),
    attention: (layer, rows) => ({ mixed_NW: attendGroups(config, layout, masks(layer), rows) }),
  }
  return decode(context, input(decoderInputs.tokens, [dim("N")], "i64"))
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
  const masks = layerMasks(config, (name) => input(name, [batch, 1, 1, dimAdd(past, 1)]))
  const context: DecoderContext = {
    ...options,
    batch,
    time: 1,
    positions_BT: input(decoderInputs.positions, [batch, 1], "i64"),
    attention: (layer, rows) => attendSequences({ config, batch, time: 1, mask: masks(layer) }, rows, cache[layer]),
  }
  return decode(context, input(decoderInputs.tokens, [batch, 1], "i64"))
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
  const masks = byKind(config, (kind) => mask(kind === "windowed" ? config.slidingWindow?.tokens : undefined))
  const attention: DecoderContext["attention"] = (layer, rows) =>
    attendSequences({ config, batch, time, mask: masks(layer) }, rows, past[layer], "append")
  return decode({ ...options, batch, time, positions_BT, attention }, tokens_BT)
}

function decode(context: DecoderContext, tokens_BT: Tensor): DecoderOutput {
  const { config, batch, time } = context
  const tables = rotaryTables(config)
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
    const attention = selfAttention(context, layer, tables(layer), normed(x_ND, "input"))
    if (attention.cache !== undefined) cache.push(attention.cache)
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
  const quantised = options.quantised?.get(inputName(weight) ?? "")
  if (quantised !== undefined) return matmulInt8(x_ND, quantised.weight_DO, quantised.scale_O)
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

interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Tables by layer; undefined for layers that do not turn queries and keys by their position. */
function rotaryTables(config: ModelConfig): (layer: number) => RotaryTables | undefined {
  const table = (name: string): Tensor => input(name, [dim("ropePositions"), config.headDim / 2])
  const full = { cos: table(decoderInputs.cos), sin: table(decoderInputs.sin) }
  const ofKind = byKind(config, (kind) =>
    kind === "full" || config.slidingWindow?.rope === undefined
      ? full
      : { cos: table(decoderInputs.windowCos), sin: table(decoderInputs.windowSin) },
  )
  return (layer) => (config.unrotatedLayers?.includes(layer) === true ? undefined : ofKind(layer))
}

/** Grouped-query attention. Source: arXiv:2305.13245. */
function selfAttention(
  context: DecoderContext,
  layer: number,
  tables: RotaryTables | undefined,
  x_ND: Tensor,
): { readonly output_ND: Tensor; readonly cache?: KeyValue } {
  const { config, batch, time } = context
  const { heads, keyValueHeads, headDim, attentionBias } = config
  const prefix = `model.layers.${layer}.self_attn`
  const rows = dimMul(batch, time)
  const turned = (which: "q" | "k", count: number): Tensor => {
    let projection = linear(context, x_ND, `${prefix}.${which}_proj`, attentionBias)
    if (config.qkNorm) {
      const perHead = reshape(projection, [rows, count, headDim])
      projection = norm(context, perHead, `${prefix}.${which}_norm.weight`)
    }
    const width = count * headDim
    if (tables === undefined) return reshape(projection, [rows, width])
    const flat = reshape(projection, [batch, time, width])
    return reshape(rope(flat, context.positions_BT, tables.cos, tables.sin, headDim), [rows, width])
  }
  const value_NW = linear(context, x_ND, `${prefix}.v_proj`, attentionBias)
  const { mixed_NW, cache } = context.attention(layer, [turned("q", heads), turned("k", keyValueHeads), value_NW])
  const output_ND = linear(context, mixed_NW, `${prefix}.o_proj`, hasOutputProjectionBias(config))
  return { output_ND, ...(cache === undefined ? {} : { cache }) }
}

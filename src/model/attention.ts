/**
 * Grouped-query attention of one layer: over whole sequences, over a cache read in place, and over a cache that is
 * appended to. The query heads that share keys are rows of one matrix, [B, K, R*T, E].
 *
 * Shape legend: B sequences, T positions, H heads, K key/value heads, R = H/K heads of one key/value head, E head size.
 */
import {
  add,
  concat,
  customGradient,
  dimAdd,
  dimMul,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  sub,
  sum,
  transpose,
} from "../graph/index.ts"
import type { Dim, Tensor } from "../graph/index.ts"
import type { ModelConfig } from "./config.ts"

/** Keys and values of one layer, [B, K, T, E]. */
export interface KeyValue {
  readonly key: Tensor
  readonly value: Tensor
}

export interface AttentionContext {
  readonly config: ModelConfig
  readonly batch: Dim
  readonly time: Dim
  /** Additive: [T, T] for whole sequences; over a cache [B, 1, 1, P+1] for one new position, [B, 1, T, P+T] for several. */
  readonly mask: Tensor
}

/**
 * Positions of padded sequences, over themselves or over a cache.
 * @param rows  queries [B*T, H*E], keys and values [B*T, K*E]
 * @param past  keys and values that came before; absent: whole sequences
 * @param mode  "read" gives back the new keys and values, "append" the cache with these behind it
 */
export function attendSequences(
  context: AttentionContext,
  rows: readonly [query: Tensor, key: Tensor, value: Tensor],
  past?: KeyValue,
  mode: "read" | "append" = "read",
): { readonly mixed_NW: Tensor; readonly cache: KeyValue } {
  const { config, batch, time } = context
  const { heads, keyValueHeads, headDim } = config
  const split = (rows_NW: Tensor, count: number): Tensor =>
    transpose(reshape(rows_NW, [batch, time, count, headDim]), [0, 2, 1, 3])
  // The heads that share keys become rows of one matrix: the sum over them in the backward pass is part of the product.
  const query = reshape(split(rows[0], heads), [batch, keyValueHeads, dimMul(heads / keyValueHeads, time), headDim])
  const computed: KeyValue = { key: split(rows[1], keyValueHeads), value: split(rows[2], keyValueHeads) }
  const cache = past === undefined || mode === "read" ? computed : append(past, computed)
  const mixed =
    past === undefined
      ? attend(context, query, computed.key, computed.value)
      : mode === "append"
        ? attendAll(context, query, cache)
        : attendCached(context, query, computed, past)
  const merged = transpose(reshape(mixed, [batch, heads, time, headDim]), [0, 2, 1, 3])
  return { mixed_NW: reshape(merged, [dimMul(batch, time), heads * headDim]), cache }
}

/** The cache with new positions behind it. */
function append(past: KeyValue, next: KeyValue): KeyValue {
  return { key: concat([past.key, next.key], 2), value: concat([past.value, next.value], 2) }
}

/** What scores are multiplied by. */
export function scoreScale({ queryScalar, headDim }: ModelConfig): number {
  return (queryScalar ?? headDim) ** -0.5
}

/** Attention over everything in the cache; forward only. */
function attendAll(context: AttentionContext, query: Tensor, { key, value }: KeyValue): Tensor {
  const { config, batch, time } = context
  const scores = matmul(query, key, { transposeB: true, scale: scoreScale(config) })
  const perHead = reshape(scores, [batch, config.heads, time, key.shape[2]!])
  return matmul(reshape(softmax(add(perHead, context.mask)), scores.shape), value)
}

/**
 * Attention over whole sequences, with its gradient by hand: the row sums of the softmax's gradient are those of dO * O,
 * which is T / E times smaller than dP * P (arXiv:2205.14135, appendix B.2), and products with a transposed left operand
 * transpose the small one.
 */
export function attend(context: AttentionContext, query: Tensor, key: Tensor, value: Tensor): Tensor {
  const { config, batch, time } = context
  const scale = scoreScale(config)
  const perHead = [batch, config.heads, time, time]
  const scores = matmul(query, key, { transposeB: true, scale })
  const weights = reshape(softmax(add(reshape(scores, perHead), context.mask)), scores.shape)
  const output = matmul(weights, value)
  return customGradient(output, [query, key, value], (dOutput) => {
    const dWeights = matmul(dOutput, value, { transposeB: true })
    const rowSums = sum(mul(dOutput, output), { axes: [-1], keepDims: true })
    const dScores = mul(weights, sub(dWeights, rowSums))
    const dKey = transpose(matmul(query, dScores, { transposeA: true, scale }), [0, 1, 3, 2])
    const dValue = transpose(matmul(dOutput, weights, { transposeA: true }), [0, 1, 3, 2])
    return [matmul(dScores, key, { scale }), dKey, dValue]
  })
}

/**
 * Scores against the cache and against the new key side by side, so that the cache is read in place and never copied.
 * @param next  key and value of the one new position
 */
function attendCached(context: AttentionContext, query: Tensor, next: KeyValue, past: KeyValue): Tensor {
  const scale = scoreScale(context.config)
  const scoresOf = (key: Tensor): Tensor => matmul(query, key, { transposeB: true, scale })
  const weights = softmax(add(concat([scoresOf(past.key), scoresOf(next.key)], 3), context.mask))
  const length = past.key.shape[2]!
  const fromPast = matmul(slice(weights, 3, 0, length), past.value)
  return add(fromPast, matmul(slice(weights, 3, length, dimAdd(length, 1)), next.value))
}

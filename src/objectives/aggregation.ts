/**
 * Aggregation of token losses as weights: the loss of an optimiser batch is the sum of weight x token loss, whatever the mode
 * and however the batch is cut into micro-batches.
 *
 * Shape legend: B responses of the optimiser batch, T tokens of one response, n counted tokens of the batch.
 */
import { ConfigError } from "../errors.ts"
import { suggestion } from "../config/nearest-name.ts"

export type AggregationMode = "token-mean" | "seq-mean-token-sum" | "seq-mean-token-mean" | "seq-mean-token-sum-norm"

export const aggregationModes: readonly AggregationMode[] = [
  "token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-mean",
  "seq-mean-token-sum-norm",
]

export interface AggregationOptions {
  /** Divisor of seq-mean-token-sum-norm: the longest response allowed, in tokens. Required by that mode. */
  readonly constant?: number
  /** Whether seq-mean-token-sum-norm divides by B as well (Dr. GRPO, TRL). Default true; false is verl's form. */
  readonly divideByRows?: boolean
  /** Divisor of token-mean in place of n: the tokens of a larger batch that this one is a part of. */
  readonly tokenCount?: number
  /** Added to the divisor of token-mean. Default 0; verl adds 1e-8. */
  readonly epsilon?: number
}

/**
 * Weight of each token's loss over the whole optimiser batch, in float64.
 *   token-mean                m / n
 *   seq-mean-token-sum        m / B
 *   seq-mean-token-mean       m / (B len_i)
 *   seq-mean-token-sum-norm   m / (B constant), or m / constant with `divideByRows: false`
 * A response without counted tokens contributes nothing and still counts in B. A batch without counted tokens has weights 0.
 *
 * @param masks per response [T]: 1 on counted tokens, 0 elsewhere
 * @throws ConfigError for an unknown mode, or when seq-mean-token-sum-norm lacks its constant
 * Source: arXiv:2503.14476 (token-mean), arXiv:2503.20783 (norm). Differs from verl on empty rows, where it has NaN.
 */
export function exactAggregationWeights(
  mode: string,
  masks: readonly ArrayLike<number>[],
  options: AggregationOptions = {},
): Float64Array[] {
  const rows = masks.length
  const counts = masks.map((mask) => Array.from(mask).reduce((sum, m) => sum + m, 0))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const perRow = (divisor: (row: number) => number): Float64Array[] =>
    masks.map((mask, i) => Float64Array.from(mask, (m) => (m === 0 ? 0 : m / divisor(i))))

  switch (mode) {
    case "token-mean": {
      const divisor = (options.tokenCount ?? total) + (options.epsilon ?? 0)
      return perRow(() => divisor)
    }
    case "seq-mean-token-sum":
      return perRow(() => rows)
    case "seq-mean-token-mean":
      return perRow((i) => rows * counts[i]!)
    case "seq-mean-token-sum-norm": {
      const { constant, divideByRows = true } = options
      if (constant === undefined || !(constant > 0)) {
        const message = `aggregation: expected a positive constant for seq-mean-token-sum-norm, got ${constant ?? "none"}. Set it to the longest response in tokens.`
        throw new ConfigError([{ path: "objective.aggregationConstant", message }])
      }
      return perRow(() => (divideByRows ? rows : 1) * constant)
    }
    default: {
      const message = `aggregation: expected one of ${aggregationModes.join(", ")}, got ${mode}. ${suggestion(mode, aggregationModes)}`
      throw new ConfigError([{ path: "objective.aggregation", message }])
    }
  }
}

/** `exactAggregationWeights`, rounded to float32: what a TrainSequence carries. */
export function aggregationWeights(
  mode: string,
  masks: readonly ArrayLike<number>[],
  options: AggregationOptions = {},
): Float32Array[] {
  return exactAggregationWeights(mode, masks, options).map((row) => Float32Array.from(row))
}

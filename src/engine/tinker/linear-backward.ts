/**
 * Any gradient with respect to log-probs, sent as a loss that every server has.
 *
 * Importance sampling with the server's own log-probs of a moment ago, r = exp(l - stop(l)) = 1, has the gradient -A on each token.
 * So A = -g makes the server's gradient ours. Weights are 0 and 1 alone: a server that divides by their sum would divide by another
 * number if they carried the gradient.
 *
 * Shape legend: T response tokens.
 */
import type { Datum, LossName } from "../../tinker/index.ts"
import type { TokenSequence } from "../engine.ts"
import { datumOf } from "./datums.ts"
import type { ServerCapabilities } from "./server-capabilities.ts"

/** One request's worth of gradients. */
export interface Pass {
  readonly data: readonly Datum[]
  readonly loss: LossName
  readonly config?: Readonly<Record<string, number>>
}

/** A sequence with the derivative of our loss by its log-probs. */
export interface GradientSequence {
  readonly sequence: TokenSequence
  /** [T] under the weights of the step, nats. */
  readonly logprobs: Float32Array
  /** [T] d loss / d log-prob. */
  readonly gradient: Float64Array
}

/**
 * The backward pass of an optimiser step. Sequences without a gradient are left out: they would cost a pass and change nothing.
 *
 * On a server that sums: A = -g. On one that takes sum(w l) / sum(w) per sequence and then the mean over the N sequences since the last
 * step: A = -g T_i N, where T_i is the number of tokens of weight 1.
 */
export function linearBackward(sequences: readonly GradientSequence[], reduction: ServerCapabilities["lossReduction"]): Pass | undefined {
  const moving = sequences.filter(({ gradient }) => countMoving(gradient) > 0)
  if (moving.length === 0) return undefined
  const data = moving.map(({ sequence, logprobs, gradient }) => {
    const scale = reduction === "sum" ? 1 : countMoving(gradient) * moving.length
    const advantages = new Float64Array(gradient.length)
    const weights = new Float32Array(gradient.length)
    for (let t = 0; t < gradient.length; t++) {
      if (gradient[t] === 0) continue
      advantages[t] = -gradient[t]! * scale
      weights[t] = 1
    }
    return datumOf(sequence, { advantages, logprobs, ...(reduction === "sum" ? {} : { weights }) })
  })
  return { data, loss: "importance_sampling" }
}

function countMoving(gradient: Float64Array): number {
  let count = 0
  for (let t = 0; t < gradient.length; t++) if (gradient[t] !== 0) count += 1
  return count
}

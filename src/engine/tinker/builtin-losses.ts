/**
 * Objectives that a server's built-in loss computes as well, so that no forward pass is needed before the backward one. Only on servers
 * that sum: there a token's aggregation weight can be multiplied into its advantage, since every loss here is linear in it for w >= 0.
 *
 * Whether the two really agree is not taken on trust: the gradient of the server's formula is compared with ours at the log-probs that
 * the server returned, and what differs is sent after it (`linear-backward.ts`).
 *
 * Shape legend: T response tokens.
 */
import type { Objective } from "../../objectives/objective.ts"
import type { Datum } from "../../tinker/index.ts"
import type { TrainSequence } from "../engine.ts"
import { datumOf } from "./datums.ts"
import { tokenLoss, type TokenLoss } from "./loss-formulas.ts"

export interface BuiltinLoss {
  readonly loss: "ppo" | "cispo" | "cross_entropy"
  readonly config?: Readonly<Record<string, number>>
  /** What the server is sent for a sequence. */
  datum(sequence: TrainSequence): Datum
  /** Loss of token t, aggregation weight included, and its derivative by the log-prob, as the protocol defines them. */
  token(sequence: TrainSequence, t: number, logprob: number): TokenLoss
}

const nothing: TokenLoss = { loss: 0, gradient: 0 }

function weighted({ advantages, weights, mask }: TrainSequence): Float32Array {
  return advantages.map((a, t) => (mask[t] === 0 ? 0 : a * weights[t]!))
}

function ratioLoss(loss: "ppo" | "cispo", low: number, high: number): BuiltinLoss {
  const config = { clip_low_threshold: low, clip_high_threshold: high }
  return {
    loss,
    config,
    datum: (sequence) => datumOf(sequence, { advantages: weighted(sequence), logprobs: sequence.behaviourLogprobs }),
    token({ advantages, weights, mask, behaviourLogprobs }, t, logprob) {
      if (mask[t] === 0) return nothing
      return tokenLoss(loss, config, { logprob, behaviour: behaviourLogprobs[t]!, advantage: advantages[t]! * weights[t]!, weight: 1 })
    },
  }
}

function crossEntropy(withAdvantage: boolean): BuiltinLoss {
  const weightsOf = (sequence: TrainSequence): Float32Array => (withAdvantage ? weighted(sequence) : sequence.weights.map((w, t) => (sequence.mask[t] === 0 ? 0 : w)))
  return {
    loss: "cross_entropy",
    datum: (sequence) => datumOf(sequence, { weights: weightsOf(sequence) }),
    token({ advantages, weights, mask }, t, logprob) {
      if (mask[t] === 0) return nothing
      return tokenLoss("cross_entropy", {}, { logprob, behaviour: 0, advantage: 0, weight: withAdvantage ? advantages[t]! * weights[t]! : weights[t]! })
    },
  }
}

const clipped: ReadonlySet<string> = new Set(["ppo", "grpo", "dapo", "drgrpo", "bnpo", "rloo", "reinforce++"])

/** The built-in loss that is worth trying for an objective; undefined when there is none. */
export function builtinLossOf(objective: Objective, available: readonly string[]): BuiltinLoss | undefined {
  const { name, constants, needs } = objective
  if (needs.length > 0 || ("tokenInputs" in objective && (objective.tokenInputs as readonly string[]).length > 0)) return undefined
  const candidate = (): BuiltinLoss | undefined => {
    const { clipLow, clipHigh, ratioCap } = constants
    if (clipped.has(name) && clipLow !== undefined && clipHigh !== undefined) return ratioLoss("ppo", 1 - clipLow, 1 + clipHigh)
    if (name === "cispo" && ratioCap !== undefined) return ratioLoss("cispo", 0, ratioCap)
    if (name === "reinforce" || name === "gpg") return crossEntropy(true)
    return name === "cross-entropy" ? crossEntropy(false) : undefined
  }
  const found = candidate()
  return found !== undefined && available.includes(found.loss) ? found : undefined
}

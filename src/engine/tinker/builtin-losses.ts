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
import type { TrainSequence } from "../engine.ts"
import { datumOf } from "./datums.ts"
import type { Datum } from "../../tinker/index.ts"

export interface BuiltinLoss {
  readonly loss: "ppo" | "cispo" | "cross_entropy"
  readonly config?: Readonly<Record<string, number>>
  /** What the server is sent for a sequence. */
  datum(sequence: TrainSequence): Datum
  /** Loss of a token and its derivative by the log-prob, as the protocol defines them; `weight` is the token's aggregation weight. */
  token(logprob: number, behaviour: number, advantage: number, weight: number): { readonly loss: number; readonly gradient: number }
}

/** Largest log-ratio for which the server's ratio is a number in single precision. */
function ratioOf(logprob: number, behaviour: number): number {
  return Math.exp(logprob - behaviour)
}

function weighted({ advantages, weights, mask }: TrainSequence): Float32Array {
  return advantages.map((a, t) => (mask[t] === 0 ? 0 : a * weights[t]!))
}

function ppo(low: number, high: number): BuiltinLoss {
  return {
    loss: "ppo",
    config: { clip_low_threshold: low, clip_high_threshold: high },
    datum: (sequence) => datumOf(sequence, { advantages: weighted(sequence), logprobs: sequence.behaviourLogprobs }),
    token(logprob, behaviour, advantage, weight) {
      const [r, a] = [ratioOf(logprob, behaviour), advantage * weight]
      const cut = Math.min(Math.max(r, low), high)
      const free = r * a <= cut * a
      return { loss: -Math.min(r * a, cut * a), gradient: free ? -r * a : 0 }
    },
  }
}

function cispo(cap: number): BuiltinLoss {
  return {
    loss: "cispo",
    config: { clip_low_threshold: 0, clip_high_threshold: cap },
    datum: (sequence) => datumOf(sequence, { advantages: weighted(sequence), logprobs: sequence.behaviourLogprobs }),
    token(logprob, behaviour, advantage, weight) {
      const r = Math.min(ratioOf(logprob, behaviour), cap)
      return { loss: -r * logprob * advantage * weight, gradient: -r * advantage * weight }
    },
  }
}

function crossEntropy(withAdvantage: boolean): BuiltinLoss {
  return {
    loss: "cross_entropy",
    datum: (sequence) => datumOf(sequence, { weights: withAdvantage ? weighted(sequence) : sequence.weights.map((w, t) => (sequence.mask[t] === 0 ? 0 : w)) }),
    token(logprob, _behaviour, advantage, weight) {
      const factor = withAdvantage ? advantage * weight : weight
      return { loss: -logprob * factor, gradient: -factor }
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
    if (clipped.has(name) && clipLow !== undefined && clipHigh !== undefined) return ppo(1 - clipLow, 1 + clipHigh)
    if (name === "cispo" && ratioCap !== undefined) return cispo(ratioCap)
    if (name === "reinforce" || name === "gpg") return crossEntropy(true)
    return name === "cross-entropy" ? crossEntropy(false) : undefined
  }
  const found = candidate()
  return found !== undefined && available.includes(found.loss) ? found : undefined
}

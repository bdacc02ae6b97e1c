/**
 * The protocol's built-in losses in plain numbers: what a server is held to.
 *
 * lp log-prob of the learner, lq the given `logprobs`, r = exp(lp - lq), A advantage, w weight.
 */
export const protocolLosses: readonly ["cross_entropy", "importance_sampling", "ppo", "cispo", "dro"] = ["cross_entropy", "importance_sampling", "ppo", "cispo", "dro"]
export type ProtocolLoss = (typeof protocolLosses)[number]

export interface TokenTerms {
  readonly logprob: number
  /** lq. */
  readonly behaviour: number
  readonly advantage: number
  readonly weight: number
}

export interface TokenLoss {
  readonly loss: number
  /** d loss / d lp. */
  readonly gradient: number
}

/**
 * | loss | of a token |
 * |---|---|
 * | cross_entropy | -w lp |
 * | importance_sampling | -w r A |
 * | ppo | -w min(r A, clip(r, lo, hi) A), bounds absolute |
 * | cispo | -w stop(clip(r, lo, hi)) lp A |
 * | dro | -w (lp A - beta / 2 (lp - lq)^2) |
 */
export function tokenLoss(name: ProtocolLoss, config: Readonly<Record<string, number>>, { logprob: lp, behaviour: lq, advantage: A, weight: w }: TokenTerms): TokenLoss {
  if (name === "cross_entropy") return { loss: -w * lp, gradient: -w }
  const r = Math.exp(lp - lq)
  const { clip_low_threshold: low = name === "cispo" ? 0 : 0.8, clip_high_threshold: high = name === "cispo" ? 4 : 1.2, beta = 0.1 } = config
  const cut = Math.min(Math.max(r, low), high)
  switch (name) {
    case "importance_sampling":
      return { loss: -w * r * A, gradient: -w * r * A }
    case "ppo":
      return { loss: -w * Math.min(r * A, cut * A), gradient: r * A <= cut * A ? -w * r * A : 0 }
    case "cispo":
      return { loss: -w * cut * lp * A, gradient: -w * cut * A }
    default:
      return { loss: -w * (lp * A - (beta / 2) * (lp - lq) ** 2), gradient: -w * (A - beta * (lp - lq)) }
  }
}

/** Correction for a sampler whose log-probs differ from the trainer's: truncated and masked importance sampling. */
import { ConfigError, ShapeError } from "../errors.ts"

export type ImportanceCorrection = "token-truncate" | "token-mask" | "sequence-truncate" | "sequence-mask"

export interface ImportanceOptions {
  /** Smallest weight; absent: no bound. */
  readonly minimum?: number
  /** Largest weight; absent: no bound. Usually 2. */
  readonly maximum?: number
}

/**
 * Weight of each token's policy loss: exp(old - sampler) on counted tokens, 1 elsewhere; under "sequence" the exponential of the
 * sum over the counted tokens, on all of them. "truncate" limits the weight to its bounds, "mask" sets it to 0 outside them.
 * The KL term is not weighted.
 *
 * @param old per response [T]: the trainer's log-probs before the update, nats
 * @param sampler per response [T]: log-probs recorded while sampling, nats
 * @throws ShapeError when lengths differ; ConfigError when minimum exceeds maximum
 * Source: truncated, arXiv:1606.02647 and Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL
 * training"; masked, arXiv:2510.18855 (IcePop). Behaviour as in TRL.
 */
export function importanceWeights(
  mode: ImportanceCorrection,
  old: readonly ArrayLike<number>[],
  sampler: readonly ArrayLike<number>[],
  masks: readonly ArrayLike<number>[],
  options: ImportanceOptions = {},
): Float64Array[] {
  const { minimum = -Infinity, maximum = Infinity } = options
  if (minimum > maximum) {
    const message = `importanceWeights: expected minimum <= maximum, got ${minimum} and ${maximum}. Swap them.`
    throw new ConfigError([{ path: "objective.importance", message }])
  }
  const bound = (weight: number): number => {
    if (mode === "token-truncate" || mode === "sequence-truncate") return Math.min(maximum, Math.max(minimum, weight))
    return weight < minimum || weight > maximum ? 0 : weight
  }
  return masks.map((mask, i) => {
    const [before, sampled] = [old[i], sampler[i]]
    if (
      before === undefined ||
      sampled === undefined ||
      before.length !== mask.length ||
      sampled.length !== mask.length
    ) {
      throw new ShapeError(
        `importanceWeights: expected ${mask.length} log-probs on both sides for response ${i}. Record one per token.`,
      )
    }
    const differences = Float64Array.from(mask, (m, t) => (m === 0 ? 0 : (before[t]! - sampled[t]!) * m))
    if (mode === "token-truncate" || mode === "token-mask") return differences.map((d) => bound(Math.exp(d)))
    const weight = bound(Math.exp(differences.reduce((sum, d) => sum + d, 0)))
    return differences.map(() => weight)
  })
}

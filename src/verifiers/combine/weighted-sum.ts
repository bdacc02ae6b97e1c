/** Several verifiers, their rewards added with weights. */
import { ConfigError } from "../../errors.ts"
import { isFailure } from "../verifier.ts"
import type { CompositeVerifier, Verdict, Verifier } from "../verifier.ts"

export interface WeightedPart {
  readonly verifier: Verifier
  /** Default 1. */
  readonly weight?: number
}

/**
 * The reward is the sum of weight x reward; the parts' own stand in `components`. Status, answer and reason are the first part's, so that a well-formed wrong
 * answer stays wrong; a part that fails makes the whole a failure, because the sum is not known.
 * @throws ConfigError  without parts
 */
export function weightedSumVerifier(parts: readonly WeightedPart[], path: string = "verifier"): CompositeVerifier {
  if (parts.length === 0) {
    throw new ConfigError([
      { path: `${path}.parts`, message: "weighted: expected at least one part, got none. Add { verifier, weight }." },
    ])
  }
  const verifiers = parts.map(({ verifier }) => verifier)
  const weights = parts.map(({ weight }) => weight ?? 1)
  const combine = (verdicts: readonly Verdict[]): Verdict => {
    const failed = verdicts.find(isFailure)
    if (failed !== undefined) return failed
    const reward = verdicts.reduce((total, verdict, i) => total + weights[i]! * verdict.reward, 0)
    const reason = verdicts
      .map((verdict, i) => `${verifiers[i]!.name} ${verdict.reward} x ${weights[i]}: ${verdict.reason}`)
      .join("; ")
    const components = verdicts.map((verdict, i) => ({ name: verifiers[i]!.name, reward: verdict.reward, weight: weights[i]! }))
    return { ...verdicts[0]!, reward, reason, components }
  }
  return {
    name: "weighted",
    parts: verifiers,
    combine,
    async verify(input, signal) {
      return combine(await Promise.all(verifiers.map(async (verifier) => verifier.verify(input, signal))))
    },
  }
}

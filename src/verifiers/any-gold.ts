/** Several ground truths, any one of which is right. */
import { isFailure } from "./verifier.ts"
import type { CompositeVerifier, Verdict, Verifier } from "./verifier.ts"

/**
 * The verdict that counts: one that is right, else one that could not be made (the answer might have been right), else
 * the one with the most reward.
 */
function best(verdicts: readonly Verdict[], count: number): Verdict {
  const right = verdicts.find(({ status }) => status === "correct")
  if (right !== undefined) return right
  const failed = verdicts.find(isFailure)
  if (failed !== undefined) return failed
  const readable = verdicts.filter(({ status }) => status !== "unparsable-gold")
  const [first, ...others] = readable.length > 0 ? readable : verdicts
  const most = others.reduce((chosen, one) => (one.reward > chosen.reward ? one : chosen), first!)
  return { ...most, reason: `none of ${count} ground truths: ${most.reason}` }
}

/** A verifier that accepts what it accepts for any of some ground truths; the one of its input is not looked at. */
export function anyGold(verifier: Verifier, golds: readonly string[]): CompositeVerifier {
  const parts = golds.map((gold): Verifier => ({
    ...verifier,
    gold,
    verify: (input, signal) => verifier.verify({ ...input, gold }, signal),
  }))
  return {
    name: verifier.name,
    parts,
    combine: (verdicts) => best(verdicts, golds.length),
    async verify(input, signal) {
      return best(await Promise.all(parts.map((part) => part.verify(input, signal))), golds.length)
    },
  }
}

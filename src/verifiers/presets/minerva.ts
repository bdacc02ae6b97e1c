/**
 * Minerva's grading of MATH: the answer of "Final Answer: The final answer is ... I hope it is correct.", both sides
 * normalised, equal as strings or as mathematics. Source: arXiv:2206.14858, appendix D; extraction as in
 * lm-evaluation-harness, minerva_math. Differs: where the published graders ask SymPy, this asks the equality ladder of
 * the math verifier.
 */
import { verifyMath } from "../math/index.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { lastBoxedContent } from "./boxed-string.ts"
import { normalizeMinerva } from "./minerva-normalization.ts"

const invalid = "[invalidanswer]"

/** The unnormalised answer, "[invalidanswer]" when the template is not there. */
export function extractMinerva(completion: string): string {
  const found = /Final Answer: The final answer is([^\n]*?)[^\n] I hope it is correct\./.exec(`${completion}I hope it is correct.`)
  return found === null ? invalid : found[1]!.trim()
}

/** Minerva's grading behind the common interface. The gold answer is a solution with a \boxed{} or the answer alone. */
export function minervaVerifier(): Verifier {
  return {
    name: "minerva",
    verify({ gold, completion }: VerifierInput): Verdict {
      const unnormalised = extractMinerva(completion)
      if (unnormalised === invalid) return { status: "no-answer", reward: 0, reason: 'no "Final Answer: The final answer is ... I hope it is correct."' }
      const extracted = normalizeMinerva(unnormalised, true)
      const expected = normalizeMinerva(lastBoxedContent(gold) ?? gold, true)
      if (extracted === expected) return { status: "correct", reward: 1, extracted, reason: "equal strings after normalisation" }
      const verdict = verifyMath(`$${expected}$`, `\\boxed{${extracted}}`, { reading: "algebra" })
      return { status: verdict.status, reward: verdict.correct ? 1 : 0, extracted, reason: verdict.reason }
    },
  }
}

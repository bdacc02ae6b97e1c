/**
 * DAPO's math reward, exactly: the last "Answer:" in the last 300 characters, both sides normalised as in Minerva, +1 or
 * -1. Source: arXiv:2503.14476 and verl's reward_score/math_dapo.py.
 */
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { lastBoxedContent } from "./boxed-string.ts"
import { isUnreadableGold, unreadableGold } from "./limits.ts"
import { normalizeMinerva } from "./minerva-normalization.ts"
import { lastCodePoints } from "./python-text.ts"

export interface MathDapoOptions {
  /** Read \boxed{} in the last 100 characters and compare it letter for letter, instead of "Answer:". */
  readonly strictBox?: boolean
  /** Without an "Answer:", try the strict box, as verl does since 0.9. DAPO's published runs did not. Default false. */
  readonly boxFallback?: boolean
}

export interface MathDapoScore {
  readonly score: 1 | -1
  readonly correct: boolean
  /** "[INVALID]" when there is no answer; undefined when strict box finds none. */
  readonly predicted: string | undefined
}

const clipCharacters = 300
const boxCharacters = 100
const invalid = "[INVALID]"

function strictBox(solution: string, gold: string): MathDapoScore {
  const predicted = lastBoxedContent(lastCodePoints(solution, boxCharacters))
  return result(predicted === gold, predicted)
}

function result(correct: boolean, predicted: string | undefined): MathDapoScore {
  return { score: correct ? 1 : -1, correct, predicted }
}

/** `compute_score` of math_dapo. */
export function scoreMathDapo(completion: string, gold: string, options: MathDapoOptions = {}): MathDapoScore {
  const solution = lastCodePoints(completion, clipCharacters)
  if (options.strictBox === true) return strictBox(solution, gold)
  const found = [...solution.matchAll(/Answer\s*:\s*([^\n]+)/giu)].at(-1)?.[1] ?? invalid
  const predicted = normalizeMinerva(found, false)
  if (predicted === invalid && options.boxFallback === true) {
    const boxed = strictBox(solution, gold)
    if (boxed.predicted !== undefined) return boxed
  }
  return result(predicted === normalizeMinerva(gold, false), predicted)
}

/** Reward +1 or -1, as published; other verifiers give 0 for a wrong answer. */
export function mathDapoVerifier(options: MathDapoOptions = {}): Verifier {
  return {
    name: "math_dapo",
    verify({ gold, completion }: VerifierInput): Verdict {
      if (isUnreadableGold(gold)) return unreadableGold
      const { score, correct, predicted } = scoreMathDapo(completion, gold, options)
      const missing = predicted === undefined || predicted === invalid
      if (missing && !correct) return { status: "no-answer", reward: score, reason: options.strictBox ? "no \\boxed{} near the end" : 'no "Answer:" near the end' }
      return { status: correct ? "correct" : "incorrect", reward: score, reason: "normalised strings compared", ...(predicted === undefined ? {} : { extracted: predicted }) }
    },
  }
}

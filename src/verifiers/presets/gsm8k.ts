/**
 * The GSM8K reward of verl's reward_score/gsm8k.py, exactly: "#### number" in the last 300 characters, compared as a
 * string.
 */
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { lastCodePoints } from "./python-text.ts"

export interface Gsm8kOptions {
  /** strict wants "#### 42"; flexible takes the last number. Default strict. */
  readonly method?: "strict" | "flexible"
  /** Reward for a readable but wrong answer. Default 0. */
  readonly formatScore?: number
  /** Reward for the right answer. Default 1. */
  readonly score?: number
}

const clipCharacters = 300

/** The number a solution ends in, or undefined. */
export function extractGsm8k(completion: string, method: "strict" | "flexible"): string | undefined {
  const solution = lastCodePoints(completion, clipCharacters)
  if (method === "strict") {
    const last = [...solution.matchAll(/#### (-?[0-9.,]+)/g)].at(-1)?.[1]
    return last?.replaceAll(",", "").replaceAll("$", "")
  }
  const numbers = [...solution.matchAll(/-?[0-9.,]+/g)].map((match) => match[0])
  return numbers.findLast((number) => number !== "" && number !== ".") ?? numbers[0]
}

/** Reward of a completion. */
export function scoreGsm8k(completion: string, gold: string, options: Gsm8kOptions = {}): number {
  const answer = extractGsm8k(completion, options.method ?? "strict")
  if (answer === undefined) return 0
  return answer === gold ? (options.score ?? 1) : (options.formatScore ?? 0)
}

/** GSM8K behind the common interface. */
export function gsm8kVerifier(options: Gsm8kOptions = {}): Verifier {
  return {
    name: "gsm8k",
    verify({ gold, completion }: VerifierInput): Verdict {
      const extracted = extractGsm8k(completion, options.method ?? "strict")
      const reward = scoreGsm8k(completion, gold, options)
      if (extracted === undefined) return { status: "no-answer", reward, reason: 'no "#### number" near the end' }
      return { status: extracted === gold ? "correct" : "incorrect", reward, extracted, reason: "strings compared" }
    },
  }
}

/** From the verdict on a response to what training makes of it: overlong penalty, truncated responses. */
import type { OverlongSettings } from "../config/index.ts"
import type { Rollout } from "./rollout.ts"

/**
 * What is added to the reward of a response of so many tokens, end of the response included:
 *   0                                              up to L - bufferTokens
 *   -penalty (length - (L - bufferTokens)) / bufferTokens   from there to L = maxResponseTokens
 *
 * Source: arXiv:2503.14476, equation 13, with the factor `penalty`. Differs: a response longer than L does not exist here.
 */
export function overlongReward(length: number, maxResponseTokens: number, settings: OverlongSettings): number {
  const { bufferTokens, penalty } = settings
  if (bufferTokens === 0) return 0
  const over = length - (maxResponseTokens - bufferTokens)
  return over <= 0 ? 0 : -penalty * Math.min(1, over / bufferTokens)
}

/** True for a response that was cut off at maxResponseTokens. */
export function isTruncated({ sequence }: Rollout): boolean {
  return sequence.stopReason === "length"
}

/** The current policy against that of the previous iteration, for rules that ask how their last updates turned out. */
import { pairedImprovement, type PairedImprovement } from "../pipo/index.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import type { KeptPolicy } from "./kept-policy.ts"
import type { RunParts } from "./run-parts.ts"

/** Scores the rollouts under the previous policy, and makes the current one the next step's previous. */
export async function comparedWithPrevious({ config }: RunParts, rollouts: readonly StepRollout[], previous: KeptPolicy): Promise<PairedImprovement | null> {
  const sequences = rollouts.map(({ promptTokens, sequence }) => ({ promptTokens, responseTokens: sequence.tokens }))
  const before = sequences.length === 0 ? undefined : await previous.logprobs(sequences, config.rollout.temperature)
  await previous.keep()
  if (before === undefined) return null
  return pairedImprovement(
    rollouts.map(({ group, verdict, sequence }, i) => ({
      reward: verdict.reward,
      group,
      logprobs: sequence.policyLogprobs,
      previousLogprobs: before[i]!,
    })),
  )
}

export function improvementMetrics(improvement: PairedImprovement | null | undefined): Record<string, number> {
  if (improvement === null || improvement === undefined) return {}
  return {
    improvement: improvement.improvement,
    improvementStandardError: improvement.standardError,
    stepSlope: improvement.slope,
    stepSlopeStandardError: improvement.slopeStandardError,
    stepKl: improvement.kl,
  }
}

/** The current policy against that of the previous iteration, for rules that ask how their last updates turned out. */
import type { TokenSequence } from "../engine/engine.ts"
import { pairedImprovement, type PairedImprovement } from "../pipo/index.ts"
import { deriveSeed, integerBelow } from "../random.ts"
import { byGroup, isFlat } from "../rollout/group-filter.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import type { KeptPolicy } from "./kept-policy.ts"
import type { RunParts } from "./run-parts.ts"

/**
 * Scores the rollouts under the previous policy, and makes the current one the next step's previous. Where the
 * sampler's log-probs are not trusted, the current policy's are the trainer's too: `own`, and what that lacks is scored
 * here. Of a group with one reward a single response is scored, drawn by seed, step and group: its members only count
 * in the KL.
 */
export async function comparedWithPrevious(
  { config, engine, scoring }: RunParts,
  step: number,
  rollouts: readonly StepRollout[],
  previous: KeptPolicy,
  own: ReadonlyMap<StepRollout, Float32Array>,
): Promise<PairedImprovement | null> {
  const skips = config.train.skipWithoutAdvantage !== "never"
  const scored = new Set(skips ? scoredRollouts(rollouts, deriveSeed(config.seed, "previous-kl"), step) : rollouts)
  const asked = rollouts.filter((rollout) => scored.has(rollout))
  const sequences = asked.map(plainSequence)
  const before = sequences.length === 0 ? undefined : await previous.logprobs(sequences, config.rollout.temperature)
  // What is compared are two policies, not the trainer with a sampler that computes otherwise.
  const unscored = scoring.correction === undefined ? [] : asked.filter((rollout) => !own.has(rollout))
  const scoredHere =
    unscored.length === 0
      ? []
      : await engine.logprobs(unscored.map(plainSequence), { temperature: config.rollout.temperature })
  const ownLogprobs = new Map([...own, ...unscored.map((rollout, i) => [rollout, scoredHere[i]!] as const)])
  await previous.keep()
  if (before === undefined) return null
  const logprobsOf = new Map(asked.map((rollout, i) => [rollout, before[i]!]))
  return pairedImprovement(
    rollouts.map((rollout) => {
      const { group, verdict, sequence } = rollout
      const previousLogprobs = logprobsOf.get(rollout)
      return {
        reward: verdict.reward,
        group,
        logprobs: (scoring.correction === undefined ? undefined : ownLogprobs.get(rollout)) ?? sequence.policyLogprobs,
        ...(previousLogprobs === undefined ? {} : { previousLogprobs }),
      }
    }),
  )
}

function plainSequence({ promptTokens, sequence }: StepRollout): TokenSequence {
  return { promptTokens, responseTokens: sequence.tokens }
}

/** All responses of groups that have a signal or a single response, and one of each other group. */
function scoredRollouts(rollouts: readonly StepRollout[], seed: number, step: number): StepRollout[] {
  return byGroup(rollouts).flatMap((group) => {
    const flat = group.length > 1 && isFlat(group.map(({ verdict }) => verdict.reward))
    return flat ? [group[integerBelow(group.length, seed, step, group[0]!.group)]!] : group
  })
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

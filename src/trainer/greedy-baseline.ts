/** The reward of one greedy response per prompt, which some estimators take off the others. */
import { isFailure } from "../verifiers/verifier.ts"
import type { OverlongSettings } from "../config/index.ts"
import { byGroup } from "../rollout/group-filter.ts"
import { overlongReward } from "../rollout/reward-shaping.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { judge, type RolloutContext } from "../rollout/rollout.ts"
import { untilAborted } from "../rollout/until-aborted.ts"
import { mean } from "../statistics.ts"

export interface GreedyContext {
  readonly rollout: RolloutContext
  readonly maxResponseTokens: number
  /** A greedy response pays for its length as the others do. */
  readonly overlong: OverlongSettings
}

export interface GreedyBaselines {
  /** By group. A prompt whose greedy response got no verdict has the mean of its judged responses. */
  readonly rewards: ReadonlyMap<number, number>
  /** Response tokens sampled for this. */
  readonly tokens: number
  readonly failures: number
  readonly sampleSeconds: number
  readonly verifySeconds: number
}

/** Samples and verifies one greedy response to the prompt of every group that has a judged response. Source: arXiv:2310.10505. */
export async function greedyBaselines({ rollout: context, maxResponseTokens, overlong }: GreedyContext, rollouts: readonly StepRollout[]): Promise<GreedyBaselines> {
  const groups = byGroup(rollouts.filter(({ failed }) => !failed))
  const prompts = groups.map(([first]) => first!)
  const started = performance.now()
  // Greedy decoding reads no seed.
  const options = { ...context.sampling, temperature: 0, topK: 0, topP: 1, minP: 0 }
  const sampled = prompts.length === 0 ? [] : await context.engine.sample(prompts.map(({ promptTokens }) => ({ promptTokens, seeds: [0], options })))
  const done = performance.now()
  const asked = Promise.all(sampled.map(([sequence], i) => judge(context, prompts[i]!.problem, sequence!)))
  const verdicts = await untilAborted(asked, context.signal)
  const rewards = groups.map((members, i) => {
    const { verdict } = verdicts[i]!
    if (!isFailure(verdict)) return verdict.reward + overlongReward(sampled[i]![0]!.tokens.length, maxResponseTokens, overlong)
    return mean(members.map(({ trainingReward }) => trainingReward))
  })
  return {
    rewards: new Map(prompts.map(({ group }, i) => [group, rewards[i]!])),
    tokens: sampled.reduce((total, [sequence]) => total + sequence!.tokens.length, 0),
    failures: verdicts.filter(({ verdict }) => isFailure(verdict)).length,
    sampleSeconds: (done - started) / 1000,
    verifySeconds: (performance.now() - done) / 1000,
  }
}

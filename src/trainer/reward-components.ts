/** The several rewards of one response, as its verifier gives them. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { ConfigError, VerifierError } from "../errors.ts"
import { verifierInput, verifyResponse } from "../rollout/verify.ts"
import type { Rollout } from "../rollout/rollout.ts"
import type { RewardedResponse } from "../objectives/index.ts"
import { isFailure } from "../verifiers/verifier.ts"

/** Rewards of the components and the verifier's weights for them. @throws VerifierError for a verdict without components */
export function componentRewards({ verdict, problem }: Rollout): Pick<RewardedResponse, "rewards" | "rewardWeights"> {
  if (verdict.components === undefined) {
    throw new VerifierError(
      `train: expected component rewards on every verdict with objective.rewardAggregation, got one without for ${problem.id}. Use a verifier that always gives them (weighted), or leave rewardAggregation out.`,
    )
  }
  return { rewards: verdict.components.map(({ reward }) => reward), rewardWeights: verdict.components.map(({ weight = 1 }) => weight) }
}

/**
 * Before the first response is sampled, an empty one is judged: does the verifier give components, as many as there are weights?
 * A verifier that cannot judge it says nothing, and is asked again by the first batch.
 * @throws ConfigError when there are no components, or another number of them
 */
export async function probeComponents({ objective, seed }: ResolvedConfig, task: Task, timeoutMs: number): Promise<void> {
  const problem = task.trainProblem(seed, 0)
  const verdict = await verifyResponse(task.verifierFor(problem), verifierInput(problem, ""), timeoutMs)
  if (isFailure(verdict)) return
  const own = verdict.components
  if (own === undefined) {
    const message = `expected a verifier that gives component rewards (weighted, or a function whose verdicts have components), got ${task.verifierFor(problem).name} without. Leave it out, or combine verifiers with weighted.`
    throw new ConfigError([{ path: "objective.rewardAggregation", message }])
  }
  const { rewardWeights } = objective
  if (rewardWeights !== undefined && rewardWeights.length !== own.length) {
    const message = `expected ${own.length} weights, one per component of the verifier, got ${rewardWeights.length}. Correct it, or leave it out for the verifier's own.`
    throw new ConfigError([{ path: "objective.rewardWeights", message }])
  }
}

/**
 * What an advantage estimator reads and gives. Plain float64 numbers: nothing here is differentiated.
 *
 * Shape legend: T response tokens of one response.
 */

/** A verified response, as the estimators see it. */
export interface RewardedResponse {
  /** Reward of the whole response. */
  readonly reward: number
  /** Responses to the same prompt carry the same number. */
  readonly group: number
  /** [T] 1 on counted tokens, 0 elsewhere. */
  readonly mask: ArrayLike<number>
  /** [T] reward of each token; absent: `reward` falls on the last counted token. */
  readonly tokenRewards?: ArrayLike<number>
  /** [T] value estimates; required by estimators that need "values". */
  readonly values?: ArrayLike<number>
  /** Reward of the greedy response to the same prompt; required by estimators that need "greedy". */
  readonly greedyReward?: number
  /** Reward of each of several functions, in one order for all responses; required by estimators that need "rewards". */
  readonly rewards?: readonly (number | undefined)[]
  /** Their weights, where the estimator is given none; 1 each when absent. */
  readonly rewardWeights?: readonly number[]
}

export interface AdvantageResult {
  /** [T] per response, in the order given; 0 where the mask is 0. */
  readonly advantages: Float64Array[]
  /** [T] per response: what a value head is trained on. Only from estimators that have returns per token. */
  readonly returns?: Float64Array[]
}

export type AdvantageNeed = "values" | "greedy" | "rewards"

export interface AdvantageEstimator {
  readonly name: string
  readonly needs: readonly AdvantageNeed[]
  /** Responses that a group must have; 1 when absent. The trainer leaves smaller ones out. */
  readonly smallestGroup?: number
  /**
   * @throws ShapeError when lengths differ or something the estimator needs is missing
   * @throws NumericsError when a reward is not finite
   */
  estimate(responses: readonly RewardedResponse[]): AdvantageResult
}

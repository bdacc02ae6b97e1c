/** Several reward functions per response, aggregated before or after normalisation. */
import { ShapeError } from "../../errors.ts"
import { mean, sampleDeviation } from "../../statistics.ts"
import { groupPositions, spread } from "./common.ts"
import type { AdvantageEstimator } from "./estimator.ts"
import type { RewardScale } from "./grpo.ts"

export type RewardAggregation = "sum-then-normalize" | "normalize-then-sum"

export interface SeveralRewardsOptions {
  /** Weight of each reward function; all 1 when absent. */
  readonly weights?: readonly number[]
  readonly aggregation?: RewardAggregation
  /** Divisor under "sum-then-normalize"; the other aggregation divides by the group's and then by the batch's deviation. */
  readonly scale?: RewardScale
  /** Added to standard deviations. Default 1e-4, TRL's. */
  readonly epsilon?: number
}

/** Mean and sample standard deviation of what is there; a deviation of fewer than two numbers is NaN. */
function statistics(values: readonly number[]): { readonly centre: number; readonly deviation: number } {
  const present = values.filter((x) => !Number.isNaN(x))
  return { centre: mean(present), deviation: present.length < 2 ? NaN : sampleDeviation(present) }
}

function orZero(x: number): number {
  return Number.isNaN(x) ? 0 : x
}

/**
 * One advantage per response from several reward functions. A function that has no opinion on a response gives undefined; a
 * response on which no function has one gets advantage 0 and counts in no mean.
 *   sum-then-normalize: R_i = sum_k w_k r_ik, A_i = (R_i - group mean) / (deviation + epsilon)
 *   normalize-then-sum: z_ik = (r_ik - group mean_k) / (group deviation_k + epsilon), S_i = sum_k w_k z_ik,
 *                       A_i = (S_i - batch mean) / (batch deviation + epsilon)
 *
 * @param rewards one row per response, one entry per reward function
 * @param groups the group of each response
 * @throws ShapeError when rows or weights differ in length
 * Source: arXiv:2601.05242 (normalize-then-sum), behaviour as in TRL.
 */
export function severalRewards(
  rewards: readonly (readonly (number | undefined)[])[],
  groups: readonly number[],
  options: SeveralRewardsOptions = {},
): Float64Array {
  const functions = options.weights?.length ?? rewards[0]?.length ?? 0
  const {
    weights = Array.from({ length: functions }, () => 1),
    aggregation = "sum-then-normalize",
    scale = "group",
    epsilon = 1e-4,
  } = options
  for (const [i, row] of rewards.entries()) {
    if (row.length !== functions) {
      throw new ShapeError(
        `severalRewards: expected ${functions} rewards for response ${i}, got ${row.length}. Give one per reward function.`,
      )
    }
  }
  const table = rewards.map((row) => row.map((reward) => reward ?? NaN))
  const members = groupPositions(groups)
  const weighted = (row: readonly number[]): number =>
    row.every(Number.isNaN) ? NaN : row.reduce((sum, x, k) => sum + orZero(x * weights[k]!), 0)

  if (aggregation === "normalize-then-sum") {
    const scores = table.map((row) => [...row])
    for (const group of members) {
      for (let k = 0; k < functions; k++) {
        const { centre, deviation } = statistics(group.map((i) => table[i]![k]!))
        for (const i of group) scores[i]![k] = (table[i]![k]! - centre) / (deviation + epsilon)
      }
    }
    // A response that some function judged stays scorable even where its group gave that function no deviation.
    const sums = scores.map((row, i) =>
      table[i]!.every(Number.isNaN) ? NaN : row.reduce((sum, x, k) => sum + orZero(x * weights[k]!), 0),
    )
    const { centre, deviation } = statistics(sums)
    return Float64Array.from(sums, (x) => orZero((x - centre) / (deviation + epsilon)))
  }

  const totals = table.map(weighted)
  const batch = statistics(totals)
  const advantages = new Float64Array(totals.length)
  for (const group of members) {
    const own = statistics(group.map((i) => totals[i]!))
    const divisor = scale === "none" ? 1 : (scale === "batch" ? batch.deviation : own.deviation) + epsilon
    for (const i of group) advantages[i] = orZero((totals[i]! - own.centre) / divisor)
  }
  return advantages
}

/** `severalRewards` as an estimator: the same advantage on every counted token. @throws ShapeError when a response has no rewards */
export function severalRewardsEstimator(options: SeveralRewardsOptions = {}): AdvantageEstimator {
  const name = `several rewards, ${options.aggregation ?? "sum-then-normalize"}`
  return {
    name,
    needs: ["rewards"],
    estimate(responses) {
      const rows = responses.map(({ rewards }, i) => {
        if (rewards !== undefined) return rewards
        throw new ShapeError(`${name}: expected the reward of each function for response ${i}, got none. Use a verifier that gives its components.`)
      })
      const weights = options.weights ?? responses[0]?.rewardWeights
      const values = severalRewards(rows, responses.map(({ group }) => group), { ...options, ...(weights === undefined ? {} : { weights }) })
      return { advantages: responses.map(({ mask }, i) => spread(values[i]!, mask)) }
    },
  }
}

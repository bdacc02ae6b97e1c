/** Steps that several estimators share: groups, outcomes, whitening, spreading over tokens. */
import { NumericsError, ShapeError } from "../../errors.ts"
import type { RewardedResponse } from "./estimator.ts"

/** Positions of the responses of each group, groups in order of appearance. */
export function groupPositions(groups: readonly number[]): number[][] {
  const positions = new Map<number, number[]>()
  groups.forEach((group, i) => {
    const members = positions.get(group)
    if (members === undefined) positions.set(group, [i])
    else members.push(i)
  })
  return [...positions.values()]
}

/** One reward per response: the sum of its token rewards where they are given. */
export function outcomeRewards(who: string, responses: readonly RewardedResponse[]): number[] {
  return responses.map((response, i) => {
    const reward =
      response.tokenRewards === undefined
        ? response.reward
        : Array.from(response.tokenRewards).reduce((sum, x) => sum + x, 0)
    if (!Number.isFinite(reward)) {
      throw new NumericsError(
        `${who}: expected a finite reward, got ${reward} for response ${i}. Leave responses out whose verifier failed.`,
      )
    }
    return reward
  })
}

/** [T] rewards of a response's tokens. */
export function denseRewards(who: string, response: RewardedResponse, index: number): Float64Array {
  const length = response.mask.length
  if (response.tokenRewards !== undefined) {
    if (response.tokenRewards.length !== length) {
      throw new ShapeError(
        `${who}: expected ${length} token rewards for response ${index}, got ${response.tokenRewards.length}. Give one per token.`,
      )
    }
    return Float64Array.from(response.tokenRewards)
  }
  const rewards = new Float64Array(length)
  for (let t = length - 1; t >= 0; t--) {
    if (response.mask[t] === 0) continue
    rewards[t] = response.reward
    break
  }
  return rewards
}

export function countedTokens(mask: ArrayLike<number>): number {
  let count = 0
  for (let t = 0; t < mask.length; t++) count += mask[t]!
  return count
}

/** The same number on every counted token. */
export function spread(value: number, mask: ArrayLike<number>): Float64Array {
  return Float64Array.from(mask, (m) => (m === 0 ? 0 : value * m))
}

/** Guards the denominators of `whiten`, as verl does. */
const WHITEN_EPSILON = 1e-8

/**
 * Values shifted to mean 0 and scaled to variance 1 over the counted tokens of the batch, with Bessel's correction.
 * Fewer than two counted tokens have no variance: they are only centred. Positions outside the mask are mapped too.
 */
export function whiten(values: readonly Float64Array[], masks: readonly ArrayLike<number>[]): Float64Array[] {
  let [count, total] = [0, 0]
  values.forEach((row, i) =>
    row.forEach((x, t) => {
      count += masks[i]![t]!
      total += masks[i]![t]! * x
    }),
  )
  const centre = total / (count + WHITEN_EPSILON)
  let squares = 0
  values.forEach((row, i) =>
    row.forEach((x, t) => {
      squares += masks[i]![t]! * (x - centre) ** 2
    }),
  )
  const bessel = count > 1 ? count / (count - 1) : 0
  const scale = bessel === 0 ? 1 : 1 / Math.sqrt((squares / (count + WHITEN_EPSILON)) * bessel + WHITEN_EPSILON)
  return values.map((row) => row.map((x) => (x - centre) * scale))
}

export function applyMask(rows: readonly Float64Array[], masks: readonly ArrayLike<number>[]): Float64Array[] {
  return rows.map((row, i) => row.map((x, t) => (masks[i]![t] === 0 ? 0 : x * masks[i]![t]!)))
}

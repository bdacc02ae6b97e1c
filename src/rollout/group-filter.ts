/** Which groups of responses a step can learn from. */
import { mean } from "../statistics.ts"
import type { Rollout } from "./rollout.ts"

/** The rollouts of each group, groups in order of appearance. */
export function byGroup<T extends { readonly group: number }>(rollouts: readonly T[]): T[][] {
  const groups = new Map<number, T[]>()
  for (const rollout of rollouts) {
    const members = groups.get(rollout.group)
    if (members === undefined) groups.set(rollout.group, [rollout])
    else members.push(rollout)
  }
  return [...groups.values()]
}

/** Mean of the verifier's rewards of a group. */
export function successRate(group: readonly Rollout[]): number {
  return mean(group.map(({ verdict }) => verdict.reward))
}

/** True when all values are one, also where there is none. */
export function isFlat(values: readonly number[]): boolean {
  return values.every((value) => value === values[0])
}

/**
 * A group carries a signal when the verifier's rewards of its judged responses differ and one of them counts in the loss.
 * Penalties on length do not make a signal: a group of right answers of different lengths says nothing of the task.
 *
 * Source: arXiv:2503.14476, equation 11: neither all right nor all wrong. Rewards between 0 and 1 are compared as they are.
 */
export function carriesSignal(group: readonly Rollout[], counts: (rollout: Rollout) => boolean): boolean {
  const judged = group.filter(({ failed }) => !failed)
  return !isFlat(judged.map(({ verdict }) => verdict.reward)) && judged.some(counts)
}

/** The newest batches that were trained on, and which of them led to the policy that sampled another. */
import { cacheOf, isCachedBatch, stateField, type CachedBatch } from "./cached-batch.ts"
import type { IterationBatch, PlanOutcome } from "./update-rule.ts"

export interface RecentState {
  /** The newest; null where there is nothing to verify. */
  readonly cache: CachedBatch | null
  /** Those before it that wait for their verdict, oldest first; absent when there are none. */
  readonly earlier?: readonly (CachedBatch | null)[]
}

/**
 * B_t with an off-policy lag of d updates is of the policy that the update of step t - 1 - d made: that update is the one it judges. On-policy
 * batches (d = 0) judge the newest, and nothing older is kept. Two batches of one policy: the second finds nothing to judge.
 */
export class RecentBatches {
  /** Oldest first. */
  #batches: readonly (CachedBatch | null)[] = [null]

  /** The batch of the update that led to the policy of this one; null when it was refused, or judged before. */
  behind({ offPolicySteps = 0 }: IterationBatch): CachedBatch | null {
    return this.#batches.at(-1 - offPolicySteps) ?? null
  }

  /** A refused or undone step leaves nothing to judge. */
  push(batch: IterationBatch, { explorationApplied }: PlanOutcome): void {
    const kept = 1 + (batch.offPolicySteps ?? 0)
    this.#batches = [...this.#batches, explorationApplied ? cacheOf(batch) : null].slice(-kept)
  }

  state(): RecentState {
    const earlier = this.#batches.slice(0, -1)
    return { cache: this.#batches.at(-1) ?? null, ...(earlier.length === 0 ? {} : { earlier }) }
  }

  /** @throws CheckpointError when the state of the rule `who` holds something else */
  restore(who: string, state: unknown): void {
    const cache = stateField(who, state, "cache", isCachedBatch)
    const earlier = stateField(who, state, "earlier", isBatches)
    this.#batches = [...(earlier ?? []), cache]
  }
}

function isBatches(value: unknown): value is readonly (CachedBatch | null)[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every(isCachedBatch))
}

/** The step whose update a batch judges, for the metrics of batches that may be off-policy; nothing for others. */
export function judgedStepMetric({ step, offPolicySteps }: IterationBatch, judged: CachedBatch | null): Record<string, number | null> {
  if (offPolicySteps === undefined) return {}
  return { judgedStep: judged === null ? null : step - 1 - offPolicySteps }
}

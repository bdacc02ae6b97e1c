/** Control: the previous batch is replayed before every exploration update, whatever became of it (xi fixed to 1). */
import type { ObjectiveTerm } from "../objectives/batch-objective.ts"
import {
  attributedUpdate,
  explorationObjective,
  isPresent,
  stateField,
} from "./cached-batch.ts"
import { RecentBatches } from "./recent-batches.ts"
import type { UpdateRule } from "./update-rule.ts"
import { verificationObjective } from "./verification-objective.ts"

export interface ReplayOptions {
  /** Default "base". */
  readonly surrogate?: "base" | "reference-code"
  /** Terms of the base objective that the replay keeps. Default none, as in the verification update. */
  readonly keepTerms?: readonly ObjectiveTerm[]
}

/** Wraps a rule: from the second iteration on, an update on the previous batch with Abar as advantages comes first. */
export function replayRule(inner: UpdateRule, options: ReplayOptions = {}): UpdateRule {
  const { surrogate = "base", keepTerms = [] } = options
  const recent = new RecentBatches()
  return {
    name: `${inner.name} + replay`,
    comparesWithPrevious: inner.comparesWithPrevious === true,
    plan(batch) {
      const plan = inner.plan(batch)
      const base = explorationObjective(plan.updates)
      const cache = recent.behind(batch)
      if (cache === null || base === undefined) return { ...plan, metrics: { ...plan.metrics, replayed: false } }
      const objective = verificationObjective(base, surrogate, keepTerms)
      const update = attributedUpdate(cache, 1, { kind: "replay", objective, lossScale: 1, learningRateScale: 1 })
      const updates = update === null ? plan.updates : [update, ...plan.updates]
      return { updates, metrics: { ...plan.metrics, replayed: update !== null } }
    },
    commit(batch, outcome) {
      inner.commit(batch, outcome)
      recent.push(batch, outcome)
    },
    state: () => ({ ...recent.state(), inner: inner.state() }),
    restore(state) {
      recent.restore("replayRule", state)
      inner.restore(stateField("replayRule", state, "inner", isPresent))
    },
  }
}

/** The base algorithm: one exploration update on the fresh batch, or several passes over it. */
import { ConfigError } from "../errors.ts"
import type { Objective } from "../objectives/objective.ts"
import type { Update, UpdateRule } from "./update-rule.ts"

export interface PlainRuleOptions {
  readonly objective: Objective
  /** Passes over the batch per iteration. Default 1. */
  readonly epochs?: number
}

/** @throws ConfigError when epochs is not a whole number of at least 1 */
export function plainRule(options: PlainRuleOptions): UpdateRule {
  const { objective, epochs = 1 } = options
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new ConfigError([
      {
        path: "objective.epochs",
        message: `plainRule: expected a whole number of epochs of at least 1, got ${epochs}. Change it.`,
      },
    ])
  }
  return {
    name: epochs === 1 ? objective.name : `${objective.name} x${epochs}`,
    plan(batch) {
      const update: Update = {
        kind: "exploration",
        sequences: batch.sequences,
        objective,
        lossScale: 1,
        learningRateScale: 1,
      }
      return { updates: Array.from({ length: epochs }, () => update), metrics: {} }
    },
    commit() {},
    state: () => ({}),
    restore() {},
  }
}

/** An objective with what it is usually trained with. */
import type { AdvantageName, AdvantageOptions } from "./advantages/registry.ts"
import type { AggregationMode } from "./aggregation.ts"
import type { BatchObjective } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"

export interface ObjectiveRecipe {
  readonly name: string
  create(options: ObjectiveOptions): BatchObjective
  /** Options that it reads beside the common ones; others are refused. */
  readonly optionNames: readonly (keyof ObjectiveOptions)[]
  /** Advantage estimator of its paper, or the usual one. */
  readonly advantage: AdvantageName
  readonly advantageOptions?: AdvantageOptions
  readonly aggregation: AggregationMode
}

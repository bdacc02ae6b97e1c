/** The previous batch, kept with its advantages and log-probabilities until it is verified. */
import { CheckpointError } from "../errors.ts"
import type { Objective } from "../objectives/objective.ts"
import { coefficients, groupAttribution } from "./attribution.ts"
import type { BatchSequence, IterationBatch, Update } from "./update-rule.ts"

export type CachedBatch = readonly BatchSequence[]

/** The batch to cache: null when there is nothing to verify in it. */
export function cacheOf(batch: IterationBatch): CachedBatch | null {
  return batch.sequences.length === 0 ? null : batch.sequences
}

/** Abar of each response of a batch. */
export function attributionOf(sequences: readonly BatchSequence[]): Float64Array {
  return groupAttribution(
    sequences.map(({ advantages }) => advantages),
    sequences.map(({ mask }) => mask),
    sequences.map(({ group }) => group),
  )
}

/** An update on the cached batch with factor x its attribution in place of the advantages; null when all of that is zero. */
export function attributedUpdate(
  cached: CachedBatch,
  factor: number,
  update: Omit<Update, "sequences">,
): Update | null {
  const attribution = attributionOf(cached)
  if (attribution.every((value) => value === 0)) return null
  const rows = coefficients(attribution, cached.map(({ mask }) => mask), factor)
  const sequences = cached.map((sequence, i) => ({ ...sequence, advantages: Float32Array.from(rows[i]!) }))
  return { ...update, sequences }
}

/** The objective of the exploration update of a plan: what a verification update derives its loss from. */
export function explorationObjective(updates: readonly Update[]): Objective | undefined {
  return updates.find((update) => update.kind === "exploration")?.objective
}

/** Reads a field of a saved rule state. */
export function stateField<T>(who: string, state: unknown, field: string, holds: (value: unknown) => value is T): T {
  const value = typeof state === "object" && state !== null ? (state as Record<string, unknown>)[field] : undefined
  if (!holds(value)) {
    throw new CheckpointError(
      `${who}: expected a saved state with a valid ${field}, got ${typeof value}. Resume from a checkpoint of the same rule.`,
    )
  }
  return value
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0
}

export function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "number")
}

export function isPresent(value: unknown): value is NonNullable<unknown> {
  return value !== undefined && value !== null
}

function isTokenRow(value: unknown, length: number): value is Float32Array {
  return value instanceof Float32Array && value.length === length
}

/** Null, or sequences whose arrays all fit their response. */
export function isCachedBatch(value: unknown): value is CachedBatch | null {
  if (value === null) return true
  return (
    Array.isArray(value) &&
    value.every((entry: unknown) => {
      if (typeof entry !== "object" || entry === null) return false
      const sequence = entry as Partial<BatchSequence>
      const length = sequence.responseTokens?.length ?? -1
      return (
        Array.isArray(sequence.promptTokens) &&
        isCount(sequence.group) &&
        isTokenRow(sequence.behaviourLogprobs, length) &&
        isTokenRow(sequence.advantages, length) &&
        isTokenRow(sequence.mask, length) &&
        (sequence.referenceLogprobs === undefined || isTokenRow(sequence.referenceLogprobs, length)) &&
        Object.values(sequence.tokenInputs ?? {}).every((row) => isTokenRow(row, length))
      )
    })
  )
}

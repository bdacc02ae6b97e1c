/** Runs an objective's graph and its gradient in the float64 interpreter. */
import { constant, evaluate, gradients, input, makeValue, mul, sum, type Value } from "../../../src/graph/index.ts"
import type { BatchObjective, Objective, PreparationSequence } from "../../../src/objectives/index.ts"

export interface ObjectiveRun {
  /** [B][T] each. */
  readonly logprobs: readonly (readonly number[])[]
  readonly oldLogprobs: readonly (readonly number[])[]
  readonly referenceLogprobs: readonly (readonly number[])[]
  readonly advantages: readonly (readonly number[])[]
  readonly mask: readonly (readonly number[])[]
  readonly weights: readonly ArrayLike<number>[]
  readonly tokenInputs?: Readonly<Record<string, readonly ArrayLike<number>[]>>
  readonly constants?: Readonly<Record<string, number>>
}

export interface ObjectiveResult {
  readonly loss: number
  /** [B][T] with respect to logprobs. */
  readonly gradient: number[][]
  /** [B][T] each. */
  readonly statistics: Readonly<Record<string, number[][]>>
}

function toValue(rows: readonly ArrayLike<number>[]): Value {
  return makeValue([rows.length, rows[0]?.length ?? 0], rows.flatMap((row) => Array.from(row)))
}

function toRows(value: Value): number[][] {
  const width = value.shape[1]!
  return Array.from({ length: value.shape[0]! }, (_, i) => Array.from(value.data.slice(i * width, (i + 1) * width)))
}

export function evaluateObjective(objective: Objective | BatchObjective, run: ObjectiveRun): ObjectiveResult {
  const shape = [run.logprobs.length, run.logprobs[0]?.length ?? 0]
  const tensor = (name: string): ReturnType<typeof input> => input(name, shape)
  const [logprobs_BT, weights_BT] = [tensor("logprobs"), tensor("weights")]
  const fed = { ...objective.constants, ...run.constants }
  const inputs = {
    logprobs_BT,
    behaviourLogprobs_BT: tensor("old"),
    referenceLogprobs_BT: tensor("reference"),
    advantages_BT: tensor("advantages"),
    mask_BT: tensor("mask"),
    constant: (name: string) => constant(fed[name]!),
    tokenInput: tensor,
  }
  const { loss_BT, statistics = {} } = objective.build(inputs)
  const loss = sum(mul(weights_BT, loss_BT))
  const [slope] = gradients(loss, [logprobs_BT])
  const feeds: Record<string, Value> = {
    logprobs: toValue(run.logprobs),
    old: toValue(run.oldLogprobs),
    reference: toValue(run.referenceLogprobs),
    advantages: toValue(run.advantages),
    mask: toValue(run.mask),
    weights: toValue(run.weights),
    ...Object.fromEntries(Object.entries(run.tokenInputs ?? {}).map(([name, rows]) => [name, toValue(rows)])),
  }
  const names = Object.keys(statistics)
  const [lossValue, slopeValue, ...rest] = evaluate([loss, slope!, ...names.map((name) => statistics[name]!)], feeds)
  return {
    loss: lossValue!.data[0]!,
    gradient: toRows(slopeValue!),
    statistics: Object.fromEntries(names.map((name, i) => [name, toRows(rest[i]!)])),
  }
}

/** The optimiser batch as `prepare` reads it. */
export function preparationBatch(run: Pick<ObjectiveRun, "logprobs" | "oldLogprobs" | "advantages" | "mask">): PreparationSequence[] {
  return run.logprobs.map((logprobs, i) => ({
    logprobs,
    behaviourLogprobs: run.oldLogprobs[i]!,
    advantages: run.advantages[i]!,
    mask: run.mask[i]!,
  }))
}

/** Mean over counted tokens; `epsilon` is added to their number. */
export function maskedMean(rows: readonly (readonly number[])[] | undefined, mask: readonly (readonly number[])[], epsilon = 0): number {
  if (rows === undefined) return 0
  let [total, count] = [0, 0]
  rows.forEach((row, i) =>
    row.forEach((x, t) => {
      if (mask[i]![t] === 0) return
      total += x
      count += 1
    }),
  )
  return total / (count + epsilon)
}

/**
 * An objective evaluated outside any engine: loss and its gradient with respect to the log-probs, in float64. What tests compare
 * with, and what an engine needs that only accepts gradients of log-probs.
 *
 * Shape legend: B sequences, T tokens of the longest, T_i of sequence i.
 */
import { ShapeError } from "../errors.ts"
import { constant, evaluate, gradients, input, makeValue, mul, sum, type Tensor, type Value } from "../graph/index.ts"
import type { BatchObjectiveInputs } from "./batch-objective.ts"
import type { Objective } from "./objective.ts"

/** Rows are [T_i]; they may differ in length. */
export interface ObjectiveRun {
  readonly logprobs: readonly ArrayLike<number>[]
  readonly behaviourLogprobs: readonly ArrayLike<number>[]
  readonly referenceLogprobs?: readonly ArrayLike<number>[]
  readonly entropies?: readonly ArrayLike<number>[]
  /** Divergence over the vocabulary at each token. */
  readonly fullKl?: readonly ArrayLike<number>[]
  readonly values?: readonly ArrayLike<number>[]
  readonly advantages: readonly ArrayLike<number>[]
  readonly mask: readonly ArrayLike<number>[]
  readonly weights: readonly ArrayLike<number>[]
  readonly tokenInputs?: Readonly<Record<string, readonly ArrayLike<number>[]>>
  /** Numbers in place of the objective's own constants. */
  readonly constants?: Readonly<Record<string, number>>
}

export interface ObjectiveResult {
  /** Sum of weight x token loss. */
  readonly loss: number
  /** [T_i] per sequence: derivative of the loss with respect to each log-prob. */
  readonly gradient: Float64Array[]
  /** [T_i] per sequence: derivative with respect to each value, where the objective reads values. */
  readonly valueGradient?: Float64Array[]
  /** [T_i] per sequence. */
  readonly tokenLosses: Float64Array[]
  /** [T_i] per sequence, by name. */
  readonly statistics: Readonly<Record<string, Float64Array[]>>
}

/** @throws ShapeError when rows do not fit the log-probs, or an input that the objective reads is missing */
export function evaluateObjective(objective: Objective, run: ObjectiveRun): ObjectiveResult {
  const lengths = run.logprobs.map((row) => row.length)
  const shape = [lengths.length, Math.max(1, ...lengths)] as const
  const feeds: Record<string, Value> = {}
  const feed = (name: string, rows: readonly ArrayLike<number>[] | undefined): Tensor => {
    if (rows === undefined || rows.length !== lengths.length || rows.some((row, i) => row.length !== lengths[i])) {
      throw new ShapeError(
        `${objective.name}: expected rows of ${lengths.join(", ")} tokens for ${name}, got ${rows?.map((row) => row.length).join(", ") ?? "none"}. Give one number per token.`,
      )
    }
    const data = new Float64Array(shape[0] * shape[1])
    rows.forEach((row, i) => data.set(row, i * shape[1]))
    feeds[name] = makeValue(shape, data)
    return input(name, shape)
  }
  const constants = { ...objective.constants, ...run.constants }
  const logprobs_BT = feed("logprobs", run.logprobs)
  const inputs: BatchObjectiveInputs = {
    logprobs_BT,
    behaviourLogprobs_BT: feed("behaviourLogprobs", run.behaviourLogprobs),
    advantages_BT: feed("advantages", run.advantages),
    mask_BT: feed("mask", run.mask),
    ...(objective.needs.includes("reference")
      ? { referenceLogprobs_BT: feed("referenceLogprobs", run.referenceLogprobs) }
      : {}),
    ...(objective.needs.includes("entropy") ? { entropy_BT: feed("entropies", run.entropies) } : {}),
    ...(objective.needs.includes("fullKl") ? { fullKl_BT: feed("fullKl", run.fullKl) } : {}),
    ...(objective.needs.includes("values") ? { values_BT: feed("values", run.values) } : {}),
    constant(name) {
      const value = constants[name]
      if (value === undefined)
        throw new ShapeError(`${objective.name}: expected a constant ${name}, got none. Declare it.`)
      return constant(value)
    },
    tokenInput: (name) => feed(`token.${name}`, run.tokenInputs?.[name]),
  }
  const { loss_BT, statistics = {} } = objective.build(inputs)
  const loss = sum(mul(feed("weights", run.weights), loss_BT))
  const names = Object.keys(statistics)
  const valueGradients = inputs.values_BT === undefined ? [] : gradients(loss, [inputs.values_BT])
  const wanted = [loss, ...gradients(loss, [logprobs_BT]), loss_BT, ...names.map((name) => statistics[name]!), ...valueGradients]
  const [total, gradient, tokenLosses, ...rest] = evaluate(wanted, feeds)
  const rows = (value: Value): Float64Array[] =>
    lengths.map((length, i) => value.data.slice(i * shape[1], i * shape[1] + length))
  return {
    loss: total!.data[0]!,
    gradient: rows(gradient!),
    tokenLosses: rows(tokenLosses!),
    ...(inputs.values_BT === undefined ? {} : { valueGradient: rows(rest.at(-1)!) }),
    statistics: Object.fromEntries(names.map((name, i) => [name, rows(rest[i]!)])),
  }
}

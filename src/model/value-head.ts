/**
 * A critic on top of the decoder: one linear output per position, beside the vocabulary's.
 *
 * Shape legend: R rows, D model width.
 */
import { add, input, matmul, stopGradient, type Tensor } from "../graph/index.ts"
import type { ModelConfig } from "./config.ts"
import type { ParameterSpec } from "./weights.ts"

export interface ValueHeadConfig {
  /** "shared": the value loss trains the decoder too. "detached": it trains the head alone. */
  readonly trunk: "shared" | "detached"
  /** Multiplies the learning rate of the head's own two parameters. Default 1. */
  readonly learningRateScale?: number
}

const names = { weight: "value_head.weight", bias: "value_head.bias" } as const

/** The head's parameters, in the layout of a linear layer: [1, D] and [1]. They start at zero, so that every value does. */
export function valueHeadSpecs({ hiddenSize }: ModelConfig): ParameterSpec[] {
  return [
    { name: names.weight, shape: [1, hiddenSize] },
    { name: names.bias, shape: [1] },
  ]
}

/** Weight inputs of the head by parameter name. */
export function valueHeadTensors(config: ModelConfig): Map<string, Tensor> {
  return new Map(valueHeadSpecs(config).map(({ name, shape }) => [name, input(name, shape)]))
}

/**
 * V = h w + b. The row that predicts a token gives the value of the state before that token.
 * @param hidden_RD rows after the final norm
 * @returns [R, 1]
 */
export function rowValues(hidden_RD: Tensor, weights: ReadonlyMap<string, Tensor>, trunk: ValueHeadConfig["trunk"]): Tensor {
  const rows_RD = trunk === "detached" ? stopGradient(hidden_RD) : hidden_RD
  return add(matmul(rows_RD, weights.get(names.weight)!, { transposeB: true }), weights.get(names.bias)!)
}

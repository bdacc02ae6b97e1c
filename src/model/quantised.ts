/**
 * Linear layers in eight bits: one scale per output channel, to nearest.
 *
 * Shape legend: D inputs, O outputs of a layer.
 */
import { input, type Tensor } from "../graph/index.ts"
import type { ModelConfig } from "./config.ts"
import { parameterSpecs, type ParameterSpec } from "./weights.ts"

/**
 * Largest integer of a weight where sums of products are exact, and where the processor adds two of them in 16 bits.
 */
export const largestInt8 = { exact: 127, pairwise: 63 } as const

/** Outputs that are quantised together: their rows stay in the cache while they are turned over. */
const BLOCK = 64

export interface QuantisedMatrix {
  /** [D, O], transposed. */
  readonly weight: Int8Array
  /** [O]. */
  readonly scale: Float32Array
}

export interface QuantisedTensors {
  readonly weight_DO: Tensor
  readonly scale_O: Tensor
}

/** Names of the inputs of a quantised parameter. */
export const quantisedNames = {
  weight: (parameter: string): string => `${parameter}.int8`,
  scale: (parameter: string): string => `${parameter}.scale`,
} as const

/** Parameters that a product reads, [O, D] each: linear layers and the output projection. */
export function quantisedSpecs(config: ModelConfig): ParameterSpec[] {
  const head = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
  return parameterSpecs(config).filter(
    ({ name, shape }) => shape.length === 2 && (name === head || name.startsWith("model.layers.")),
  )
}

/** Graph inputs by parameter name. */
export function quantisedTensors(config: ModelConfig): ReadonlyMap<string, QuantisedTensors> {
  return new Map(
    quantisedSpecs(config).map(({ name, shape: [O, D] }) => [
      name,
      {
        weight_DO: input(quantisedNames.weight(name), [D!, O!], "i8"),
        scale_O: input(quantisedNames.scale(name), [O!]),
      },
    ]),
  )
}

/**
 * Rounds W_OD to `largest` steps on either side of zero, by row.
 * @param largest  one of `largestInt8`
 * @param into     arrays to be written over; new ones when absent
 */
export function quantise(
  values: Float32Array,
  [O, D]: readonly [number, number],
  largest: number,
  into?: QuantisedMatrix,
): QuantisedMatrix {
  const { weight, scale } = into ?? { weight: new Int8Array(values.length), scale: new Float32Array(O) }
  const inverse = new Float32Array(BLOCK)
  for (let first = 0; first < O; first += BLOCK) {
    const count = Math.min(BLOCK, O - first)
    for (let row = 0; row < count; row++) {
      const start = (first + row) * D
      let most = 0
      for (let i = start; i < start + D; i++) {
        const size = Math.abs(values[i]!)
        if (size > most) most = size
      }
      scale[first + row] = most / largest
      inverse[row] = most === 0 ? 0 : largest / most
    }
    for (let d = 0; d < D; d++) {
      const to = d * O + first
      for (let row = 0; row < count; row++) {
        // Truncation of a positive number rounds down: quicker than Math.round.
        weight[to + row] = Math.trunc(values[(first + row) * D + d]! * inverse[row]! + (largest + 0.5)) - largest
      }
    }
  }
  return { weight, scale }
}

/** The policy's linear layers in eight bits, made anew when the weights have changed. Lives in the worker. */
import * as ort from "onnxruntime-node"
import { dim, emitOnnx, input, matmulInt8 } from "../../graph/index.ts"
import type { ModelConfig } from "../../model/config.ts"
import { largestInt8, quantise, quantisedNames, quantisedSpecs, type QuantisedMatrix } from "../../model/quantised.ts"
import type { PolicyState } from "./policy-state.ts"
import { floats, type Feeds } from "./runtime.ts"

export class QuantisedWeights {
  readonly #config: ModelConfig
  readonly #largest: number
  readonly #matrices = new Map<string, QuantisedMatrix>()
  #version: number | undefined
  readonly #feeds: Feeds = {}

  private constructor(config: ModelConfig, largest: number) {
    this.#config = config
    this.#largest = largest
  }

  static async create(config: ModelConfig): Promise<QuantisedWeights> {
    return new QuantisedWeights(config, (await addsExactly()) ? largestInt8.exact : largestInt8.pairwise)
  }

  /** Inputs of the sampling graphs. */
  feeds({ weights, version, trainable }: PolicyState): Feeds {
    if (version === this.#version) return this.#feeds
    for (const { name, shape } of quantisedSpecs(this.#config)) {
      // Under adapters the layers stand still.
      if (this.#matrices.has(name) && !trainable.includes(name)) continue
      const [O, D] = shape as readonly [number, number]
      const matrix = quantise(weights.get(name)!, [O, D], this.#largest, this.#matrices.get(name))
      this.#matrices.set(name, matrix)
      this.#feeds[quantisedNames.weight(name)] = new ort.Tensor("int8", matrix.weight, [D, O])
      this.#feeds[quantisedNames.scale(name)] = floats(matrix.scale, [O])
    }
    this.#version = version
    return this.#feeds
  }
}

/**
 * Whether sums of eight-bit products are exact on this processor. Without VNNI, onnxruntime adds two products in 16
 * bits on x86, and what does not fit is cut off.
 */
async function addsExactly(): Promise<boolean> {
  const size = 64
  const product = matmulInt8(input("x", [dim("N"), size]), input("w", [size, size], "i8"), input("s", [size]))
  const session = await ort.InferenceSession.create(emitOnnx({ product }), {
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  })
  try {
    const { product: result } = await session.run({
      x: floats(new Float32Array(2 * size).fill(1), [2, size]),
      w: new ort.Tensor("int8", new Int8Array(size * size).fill(largestInt8.exact), [size, size]),
      s: floats(new Float32Array(size).fill(1), [size]),
    })
    return Math.abs((result!.data as Float32Array)[0]! - size * largestInt8.exact) < 1
  } finally {
    await session.release()
  }
}

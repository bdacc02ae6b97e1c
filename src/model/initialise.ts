import type { ModelConfig } from "./config.ts"
import { families } from "./families.ts"
import { createRandomStream, fillNormal } from "./random.ts"
import type { Weights } from "./weights.ts"
import { elementCount, parameterSpecs } from "./weights.ts"

/**
 * Fresh weights: matrices from normal(0, initializerRange), those that write into the residual stream (attention output,
 * feed-forward down) divided by sqrt(2 x layers) so that its variance does not grow with depth; norms scale by one,
 * biases are zero.
 * The same seed gives the same weights, and a parameter's values depend on its name and the seed alone.
 * Source: GPT-2 (Radford et al. 2019, section 2.3) for the residual scaling; transformers leaves it out.
 */
export function initialiseWeights(config: ModelConfig, seed: number): Weights {
  const residualScale = 1 / Math.sqrt(2 * config.layers)
  const weights: Weights = new Map()
  for (const { name, shape } of parameterSpecs(config)) {
    const values = new Float32Array(elementCount(shape))
    if (shape.length === 2) {
      const scale = name.endsWith(".o_proj.weight") || name.endsWith(".down_proj.weight") ? residualScale : 1
      fillNormal(values, config.initializerRange * scale, createRandomStream(seed, name))
    } else if (name.endsWith("norm.weight")) {
      values.fill(1 - families[config.architecture].normOffset)
    }
    weights.set(name, values)
  }
  return weights
}

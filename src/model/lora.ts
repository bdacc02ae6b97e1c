/** Low-rank adapters. Source: arXiv:2106.09685; names and scale alpha / rank as in PEFT. */
import type { ModelConfig } from "./config.ts"
import type { ParameterSpec } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

export interface LoraConfig {
  readonly rank: number
  /** The adapter's output is multiplied by alpha / rank. */
  readonly alpha: number
  /** Last part of the layer names that carry an adapter, e.g. `q_proj`. */
  readonly targets: readonly string[]
}

export const loraTargets: readonly string[] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

/** Name of the down-projection A [rank, in] of a weight, and of the up-projection B [out, rank]. */
export function loraNames(weight: string): { readonly a: string; readonly b: string } {
  const base = weight.replace(/\.weight$/, "")
  return { a: `${base}.lora_A.weight`, b: `${base}.lora_B.weight` }
}

/** The weight matrices that carry an adapter. */
export function loraTargetSpecs(config: ModelConfig, lora: LoraConfig): ParameterSpec[] {
  return parameterSpecs(config).filter((spec) => spec.shape.length === 2 && lora.targets.some((target) => spec.name.endsWith(`.${target}.weight`)))
}

/** Adapter parameters, A and B of each target in turn. */
export function loraSpecs(config: ModelConfig, lora: LoraConfig): ParameterSpec[] {
  return loraTargetSpecs(config, lora).flatMap(({ name, shape }) => {
    const { a, b } = loraNames(name)
    return [
      { name: a, shape: [lora.rank, shape[1]!] },
      { name: b, shape: [shape[0]!, lora.rank] },
    ]
  })
}

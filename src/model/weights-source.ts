/** Where a model's weights come from, as plain data: it crosses to the thread that reads and owns them. */
import type { ModelConfig } from "./config.ts"
import { initialiseWeights } from "./initialise.ts"
import { planWeights, readPlannedWeights } from "./weight-files.ts"
import type { Weights } from "./weights.ts"

export type WeightsSource =
  /** The safetensors of a model folder. */
  | { readonly kind: "folder"; readonly directory: string }
  /** Made afresh from a seed. */
  | { readonly kind: "fresh"; readonly seed: number }

/**
 * Reads or makes every parameter, in float32.
 * @throws CheckpointError  when a file is missing or damaged, or does not hold the parameters of the config
 */
export async function readSourceWeights(source: WeightsSource, config: ModelConfig): Promise<Weights> {
  switch (source.kind) {
    case "folder":
      return readPlannedWeights(source.directory, await planWeights(source.directory, config))
    case "fresh":
      return initialiseWeights(config, source.seed)
  }
}

/** The path that leads to the model again, or "fresh". */
export function sourceName(source: WeightsSource): string {
  return source.kind === "fresh" ? "fresh" : source.directory
}

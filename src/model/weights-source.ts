/** Where a model's weights come from, as plain data: it crosses to the thread that reads and owns them. */
import { mergeAdapterFolder } from "./adapter-folder.ts"
import type { ModelConfig } from "./config.ts"
import { checkFinite } from "./finite-weights.ts"
import { readGguf } from "./gguf/reader.ts"
import { planGgufWeights, readGgufWeights } from "./gguf/weights-from-gguf.ts"
import { initialiseWeights } from "./initialise.ts"
import { planWeights, readPlannedWeights } from "./weight-files.ts"
import type { Weights } from "./weights.ts"

export type WeightsSource =
  /** The safetensors of a model folder. */
  | { readonly kind: "folder"; readonly directory: string }
  /** A GGUF file, dequantised. */
  | { readonly kind: "gguf"; readonly path: string }
  /** A folder of PEFT adapters, added into the weights of their base. */
  | { readonly kind: "adapter"; readonly directory: string; readonly base: WeightsSource }
  /** Made afresh from a seed. */
  | { readonly kind: "fresh"; readonly seed: number }

/**
 * Reads or makes every parameter, in float32.
 * @throws CheckpointError  when a file is missing or damaged, or does not hold the parameters of the config,
 *                          or one is no finite number
 */
export async function readSourceWeights(source: WeightsSource, config: ModelConfig): Promise<Weights> {
  switch (source.kind) {
    case "folder":
      return readPlannedWeights(source.directory, await planWeights(source.directory, config))
    case "gguf": {
      const file = await readGguf(source.path)
      const weights = await readGgufWeights(file, config, planGgufWeights(file, config))
      checkFinite(weights, source.path)
      return weights
    }
    case "adapter":
      return mergeAdapterFolder(source.directory, config, await readSourceWeights(source.base, config))
    case "fresh":
      return initialiseWeights(config, source.seed)
  }
}

/** The path that leads to the model again, or "fresh". */
export function sourceName(source: WeightsSource): string {
  switch (source.kind) {
    case "gguf":
      return source.path
    case "fresh":
      return "fresh"
    default:
      return source.directory
  }
}

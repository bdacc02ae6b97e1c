/** A model by its path, whatever is there. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { ModelConfig } from "./config.ts"
import { loadModelFolder } from "./folder.ts"
import type { GenerationDefaults } from "./generation-config.ts"
import type { Tokenizer } from "./tokenizer.ts"
import type { Weights } from "./weights.ts"
import type { WeightsSource } from "./weights-source.ts"

/** A model whose headers were read and checked; the weights are read when they are asked for. */
export interface OpenModel {
  /** For another thread, which reads the weights itself. */
  readonly source: WeightsSource
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  /** Reads every parameter into float32. */
  readWeights(): Promise<Weights>
}

/** Whether a path holds what `openModel` takes, as far as names of files tell. */
export function isModelPath(path: string): boolean {
  return existsSync(join(path, "config.json"))
}

/**
 * Opens a model folder; nothing but headers is read yet.
 * @throws ConfigError      when the model asks for what is not computed
 * @throws CheckpointError  when a file is missing or damaged, or parts do not fit together
 */
export async function openModel(path: string): Promise<OpenModel> {
  const { directory, config, tokenizer, generation, readWeights } = await loadModelFolder(path)
  return { source: { kind: "folder", directory }, config, tokenizer, generation, readWeights }
}

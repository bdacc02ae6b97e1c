/** A model by its path, whatever is there: a folder, a GGUF file, or adapters with their base. */
import { existsSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { CheckpointError } from "../errors.ts"
import { checkAdapterFolder, findAdapterBase, isAdapterFolder } from "./adapter-folder.ts"
import type { ModelConfig } from "./config.ts"
import { loadModelFolder } from "./folder.ts"
import type { GenerationDefaults } from "./generation-config.ts"
import { openGguf } from "./gguf/open-gguf.ts"
import { checkFitsMemory } from "./memory-limit.ts"
import type { Tokenizer } from "./tokenizer.ts"
import { loadTokenizer } from "./tokenizer.ts"
import type { Weights } from "./weights.ts"
import type { WeightsSource } from "./weights-source.ts"
import { readSourceWeights } from "./weights-source.ts"

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

export interface OpenModelOptions {
  /** Model that a folder of adapters belongs to, in place of the one that it names. */
  readonly base?: string | undefined
}

/** Whether a path may be what `openModel` takes: a file, or a folder with a config of a model or of adapters. */
export function isModelPath(path: string): boolean {
  return existsSync(join(path, "config.json")) || isAdapterFolder(path) || isFile(path)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/**
 * Opens a model folder, a GGUF file, or a folder of PEFT adapters with its base; nothing but headers is read yet.
 * @throws ConfigError      when the model asks for what is not computed
 * @throws CheckpointError  when a file is missing or damaged, parts do not fit together, or adapters have no base
 */
export function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  return open(path, options.base, [])
}

/** @param within  adapter folders that lie on top of this model */
async function open(path: string, base: string | undefined, within: readonly string[]): Promise<OpenModel> {
  if (isAdapterFolder(path)) return openAdapters(path, base, within)
  if (base !== undefined) {
    const expected = `expected a folder of adapters beside a base (${base}), got a whole model`
    throw new CheckpointError(`${path}: ${expected}. Leave the base out.`)
  }
  if (isFile(path) || path.endsWith(".gguf")) {
    const { config, tokenizer, generation, readWeights } = await openGguf(path)
    checkFitsMemory(config, path)
    return { source: { kind: "gguf", path }, config, tokenizer, generation, readWeights }
  }
  const { directory, config, tokenizer, generation, readWeights } = await loadModelFolder(path)
  checkFitsMemory(config, directory)
  return { source: { kind: "folder", directory }, config, tokenizer, generation, readWeights }
}

async function openAdapters(
  directory: string,
  base: string | undefined,
  within: readonly string[],
): Promise<OpenModel> {
  const basePath = await findAdapterBase(directory, base)
  const inside = [...within, resolve(directory)]
  if (inside.includes(resolve(basePath))) {
    const got = `${basePath}, whose own base these adapters are`
    throw new CheckpointError(`${directory}: expected a base that is a model, got ${got}. Name another by model.base.`)
  }
  const { source: baseSource, config, tokenizer, generation } = await open(basePath, undefined, inside)
  await checkAdapterFolder(directory, config)
  const source: WeightsSource = { kind: "adapter", directory, base: baseSource }
  const own = await adapterTokenizer(directory, config, tokenizer)
  return { source, config, tokenizer: own, generation, readWeights: () => readSourceWeights(source, config) }
}

/** The tokenizer that was saved beside the adapters, if any: it is the one that they were trained with. */
async function adapterTokenizer(directory: string, config: ModelConfig, ofBase: Tokenizer): Promise<Tokenizer> {
  if (!existsSync(join(directory, "tokenizer.json"))) return ofBase
  const own = await loadTokenizer(directory)
  if (own.vocabularySize <= config.vocabularySize) return own
  const expected = `expected a tokenizer of at most ${config.vocabularySize} ids (those of the base)`
  const remedy = "The embeddings were resized: merge the adapters by PEFT."
  throw new CheckpointError(`${directory}: ${expected}, got ${own.vocabularySize}. ${remedy}`)
}

/**
 * A model as a Hugging Face folder: config.json, generation_config.json, safetensors, tokenizer files.
 */
import { open } from "node:fs/promises"
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import { checkModelFolder, hashOf } from "../integrity/index.ts"
import type { FileHashes } from "../integrity/index.ts"
import type { ModelConfig, WeightType } from "./config.ts"
import { modelConfigToJson, parseModelConfig } from "./config.ts"
import type { GenerationDefaults } from "./generation-config.ts"
import { generationConfigToJson, parseGenerationConfig } from "./generation-config.ts"
import { parseJsonObject, readOptionalFile } from "./json-file.ts"
import type { TensorSource } from "./safetensors.ts"
import { writeSafetensors } from "./safetensors.ts"
import type { Tokenizer } from "./tokenizer.ts"
import { loadTokenizer } from "./tokenizer.ts"
import { planWeights, readPlannedWeights } from "./weight-files.ts"
import type { Weights } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

export interface ModelFolder {
  readonly directory: string
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  /** Reads every parameter into float32. Names, types and shapes were checked when the folder was loaded. */
  readWeights(): Promise<Weights>
}

/**
 * Opens a folder and checks that config, weights and tokenizer fit together; the weights themselves are not read yet,
 * unless the folder has a manifest of pirl: then its files are compared with that.
 * @throws ConfigError      when config.json asks for what is not computed
 * @throws CheckpointError  when a file is missing or damaged, or a parameter or the tokenizer does not fit
 */
export async function loadModelFolder(directory: string): Promise<ModelFolder> {
  checkModelFolder(directory)
  const configFile = join(directory, "config.json")
  const content = await readOptionalFile(configFile)
  if (content === undefined) {
    throw new CheckpointError(`${configFile}: expected the config of a model, got no such file. Give a folder in Hugging Face layout.`)
  }
  const config = parseModelConfig(parseJsonObject(Buffer.from(content).toString("utf8"), configFile), configFile)
  const generation = await parseGenerationConfig(join(directory, "generation_config.json"), config)
  const tokenizer = await loadTokenizer(directory)
  if (tokenizer.vocabularySize > config.vocabularySize) {
    throw new CheckpointError(
      `${directory}: expected a tokenizer of at most ${config.vocabularySize} ids (vocab_size of config.json), got ${tokenizer.vocabularySize}. Use the tokenizer that belongs to the model.`,
    )
  }
  const plan = await planWeights(directory, config)
  return { directory, config, tokenizer, generation, readWeights: () => readPlannedWeights(directory, plan) }
}

/** Weights by name, or a function that fetches one when its turn to be written comes. */
export type WeightSource = ReadonlyMap<string, Float32Array> | ((name: string) => Float32Array | Promise<Float32Array>)

export interface ModelToSave {
  readonly config: ModelConfig
  readonly weights: WeightSource
  readonly tokenizer: Tokenizer
  /** Storage type. Default f32, which keeps every bit. */
  readonly dtype?: WeightType | undefined
  /** Seed of the stochastic rounding to bf16. Default 0. */
  readonly roundingSeed?: number | undefined
  /** Default: the model's own end-of-sequence tokens. */
  readonly generation?: GenerationDefaults | undefined
}

/**
 * Writes a model into an existing folder, in the layout that transformers and vLLM load. Tokenizer files are written as
 * they were read. bf16 is rounded stochastically, f16 to nearest (docs/export.md has the measurements). Every file, and
 * the folder, is flushed to disk; renaming the folder into place is the caller's part.
 * @returns hash of each file
 * @throws CheckpointError  when weights are missing or left over, or a file cannot be written
 */
export async function saveModelFolder(directory: string, model: ModelToSave): Promise<FileHashes> {
  const { config, weights, dtype = "f32", roundingSeed = 0 } = model
  const tensors = tensorSources(directory, config, weights)
  const description = await saveModelDescription(directory, model)
  const file = "model.safetensors"
  const options = { dtype, roundingSeed, metadata: { format: "pt" } }
  const hash = await writeSafetensors(join(directory, file), tensors, options)
  await flushFolder(directory)
  return new Map([...description, [file, hash]])
}

/**
 * Writes all of a model but its weights: config.json, generation_config.json and the tokenizer files.
 * @param extra  further keys of config.json
 * @returns hash of each file
 */
export async function saveModelDescription(
  directory: string,
  { config, tokenizer, dtype = "f32", generation = { eosTokens: config.eosTokens } }: Omit<ModelToSave, "weights">,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<FileHashes> {
  const files = new Map([
    ...tokenizer.files,
    ["config.json", jsonBytes({ ...modelConfigToJson(config, dtype), ...extra })],
    ["generation_config.json", jsonBytes(generationConfigToJson(generation, config))],
  ])
  for (const [name, content] of files) await writeFlushed(join(directory, name), content)
  return new Map([...files].map(([name, content]) => [name, hashOf(content)]))
}

function tensorSources(directory: string, config: ModelConfig, weights: WeightSource): TensorSource[] {
  const specs = parameterSpecs(config)
  if (typeof weights === "function") {
    return specs.map(({ name, shape }) => ({ name, shape, values: () => weights(name) }))
  }
  const known = new Set(specs.map(({ name }) => name))
  const problems = [...weights.keys()].filter((name) => !known.has(name)).map((name) => `unexpected: ${name}`)
  const tensors: TensorSource[] = []
  for (const { name, shape } of specs) {
    const values = weights.get(name)
    if (values === undefined) problems.push(`missing: ${name}`)
    else tensors.push({ name, shape, values })
  }
  if (problems.length > 0) {
    throw new CheckpointError(`${directory}: expected the weights of the config, got ${problems.join(", ")}. Save config and weights of one model.`)
  }
  return tensors
}

function jsonBytes(json: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(json, null, 2)}\n`, "utf8")
}

/** @throws CheckpointError  when the file cannot be written */
export async function writeFlushed(path: string, content: Uint8Array): Promise<void> {
  try {
    const file = await open(path, "w")
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new CheckpointError(`${path}: expected a file that can be written, got ${String(cause)}. Check path, permissions and space.`, { cause })
  }
}

/** Flushes the folder's entries, where the platform lets a folder be opened. */
async function flushFolder(directory: string): Promise<void> {
  if (process.platform === "win32") return
  const folder = await open(directory, "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

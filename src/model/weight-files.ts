/**
 * The weight files of a Hugging Face folder: one model.safetensors, or shards named by an index. Names, types and shapes
 * are checked against the model before anything is read.
 */
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import type { ModelConfig } from "./config.ts"
import { isJsonObject, isMissingFile, parseJsonObject, readOptionalFile, showValue } from "./json-file.ts"
import type { TensorEntry } from "./safetensors.ts"
import { isReadableType, readSafetensorsHeader, readTensors } from "./safetensors.ts"
import type { Weights } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

/** Parameter names by the file that holds them. */
export type WeightPlan = ReadonlyMap<string, readonly string[]>

interface StoredTensor extends TensorEntry {
  readonly file: string
}

/** Listed in full up to here; a model of the wrong size differs in hundreds of tensors. */
const listedProblems = 40

/**
 * Finds every parameter of the model and checks it by name, type and shape.
 * @throws CheckpointError  listing all that is missing, unexpected or of a wrong shape
 */
export async function planWeights(directory: string, config: ModelConfig): Promise<WeightPlan> {
  const stored = await listTensors(directory)
  const problems: string[] = []
  const plan = new Map<string, string[]>()
  for (const { name, shape } of parameterSpecs(config)) {
    const tensor = stored.get(name)
    stored.delete(name)
    if (tensor === undefined) {
      problems.push(`missing: ${name} [${shape.join(", ")}]`)
    } else if (tensor.shape.join() !== shape.join()) {
      problems.push(`wrong shape: ${name}: expected [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`)
    } else if (!isReadableType(tensor.type)) {
      problems.push(`wrong type: ${name}: expected F32, BF16 or F16, got ${tensor.type}`)
    } else {
      const names = plan.get(tensor.file)
      if (names === undefined) plan.set(tensor.file, [name])
      else names.push(name)
    }
  }
  for (const [name, { shape }] of stored) {
    if (!isRedundant(name, config)) problems.push(`unexpected: ${name} [${shape.join(", ")}]`)
  }
  if (problems.length > 0) {
    const more = problems.length > listedProblems ? [`and ${problems.length - listedProblems} more`] : []
    throw new CheckpointError(
      `${directory}: expected the ${config.architecture} parameters that config.json describes, got ${problems.length} that differ:\n` +
        [...problems.slice(0, listedProblems), ...more].map((problem) => `  ${problem}`).join("\n") +
        "\nCheck that config.json and the weights belong together.",
    )
  }
  return plan
}

/** A tied head stored all the same, and the rotary tables that old versions of transformers stored. */
function isRedundant(name: string, config: ModelConfig): boolean {
  return (name === "lm_head.weight" && config.tiedEmbeddings) || name.endsWith(".rotary_emb.inv_freq")
}

/** Reads the planned files one after the other. */
export async function readPlannedWeights(directory: string, plan: WeightPlan): Promise<Weights> {
  const weights: Weights = new Map()
  for (const [file, names] of plan) {
    for (const [name, values] of await readTensors(join(directory, file), names)) weights.set(name, values)
  }
  return weights
}

async function listTensors(directory: string): Promise<Map<string, StoredTensor>> {
  const single = await listFile(directory, "model.safetensors")
  if (single !== undefined) return single
  const indexFile = "model.safetensors.index.json"
  const content = await readOptionalFile(join(directory, indexFile))
  if (content === undefined) {
    throw new CheckpointError(
      `${directory}: expected model.safetensors or ${indexFile}, got neither. Save the model with safe_serialization in transformers.`,
    )
  }
  const where = join(directory, indexFile)
  const weightMap = parseJsonObject(Buffer.from(content).toString("utf8"), where)["weight_map"]
  if (!isJsonObject(weightMap)) {
    throw new CheckpointError(`${where}: expected weight_map to be an object, got ${showValue(weightMap)}. Copy the file again.`)
  }
  const stored = new Map<string, StoredTensor>()
  for (const shard of new Set(Object.values(weightMap))) {
    // A shard is a file of this folder: an index must not point anywhere else.
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw new CheckpointError(`${where}: expected names of safetensors files in weight_map, got ${showValue(shard)}. Copy the file again.`)
    }
    const tensors = await listFile(directory, shard)
    if (tensors === undefined) {
      throw new CheckpointError(`${where}: expected the shard ${shard} beside it, got no such file. Copy it too.`)
    }
    for (const [name, tensor] of tensors) if (weightMap[name] === shard) stored.set(name, tensor)
    const lost = Object.keys(weightMap).find((name) => weightMap[name] === shard && !tensors.has(name))
    if (lost !== undefined) {
      throw new CheckpointError(`${where}: expected tensor ${lost} in ${shard}, got none of that name. The files do not belong together.`)
    }
  }
  return stored
}

async function listFile(directory: string, file: string): Promise<Map<string, StoredTensor> | undefined> {
  try {
    const { tensors } = await readSafetensorsHeader(join(directory, file))
    return new Map([...tensors].map(([name, entry]) => [name, { ...entry, file }]))
  } catch (error) {
    if (error instanceof CheckpointError && isMissingFile(error.cause)) return undefined
    throw error
  }
}

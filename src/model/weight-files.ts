/**
 * The weight files of a Hugging Face folder: one model.safetensors, or shards named by an index. Names, types and shapes
 * are checked against the model before anything is read.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import type { ModelConfig } from "./config.ts"
import { isJsonObject, isMissingFile, parseJsonObject, readOptionalFile, showValue } from "./json-file.ts"
import { isReadableType, readSafetensorsHeader, readTensors } from "./safetensors.ts"
import { checkFinite } from "./finite-weights.ts"
import { checkTiedHead } from "./tied-head.ts"
import type { PlacedTensor } from "./tied-head.ts"
import type { Weights } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

/** Parameter names by the file that holds them. */
export type WeightPlan = ReadonlyMap<string, readonly string[]>

interface StoredTensor extends PlacedTensor {
  readonly file: string
}

const EMBEDDING = "model.embed_tokens.weight"

/** What stands before every name of a state that was saved from inside a wrapper, and what to do about it. */
const WRAPPERS: readonly (readonly [prefix: string, got: string, remedy: string])[] = [
  ["_orig_mod.", "a state saved from inside torch.compile", "Save model._orig_mod, or take the prefix off the names."],
  [
    "module.",
    "a state saved from inside DistributedDataParallel",
    "Save model.module, or take the prefix off the names.",
  ],
  ["base_model.model.", "a state saved from inside PEFT", "Save model.merge_and_unload()."],
  ["language_model.", "the text part of a model of several kinds of input", "Save its language model by itself."],
]

/** Why there is no embedding of its name: names have a prefix, or lack one; undefined when it is neither. */
function misnamed(directory: string, stored: ReadonlySet<string>): CheckpointError | undefined {
  if (stored.has(EMBEDDING)) return undefined
  const isEmbedding = (rename: (name: string) => string): boolean =>
    [...stored].some((name) => rename(name) === EMBEDDING)
  const refused = (got: string, remedy: string): CheckpointError =>
    new CheckpointError(`${directory}: expected parameters such as ${EMBEDDING}, got ${got}. ${remedy}`)
  for (const [prefix, got, remedy] of WRAPPERS) {
    const inside = isEmbedding((name) => name.replaceAll(prefix, ""))
    if (inside) return refused(`${got}: the names have the prefix ${prefix}`, remedy)
  }
  if (!stored.has(EMBEDDING.slice("model.".length))) return undefined
  return refused(
    "a model without its head: the names lack the prefix model.",
    "Save AutoModelForCausalLM, not AutoModel.",
  )
}

/** Listed in full up to here; a model of the wrong size differs in hundreds of tensors. */
const listedProblems = 40

/**
 * Finds every parameter of the model and checks it by name, type and shape.
 * @throws CheckpointError  listing all that is missing, unexpected or of a wrong shape; when the names are those of a
 *   wrapper,
 *                          or a tied head differs from the embedding
 */
export async function planWeights(directory: string, config: ModelConfig): Promise<WeightPlan> {
  const stored = await listTensors(directory)
  const wrapped = misnamed(directory, new Set(stored.keys()))
  if (wrapped !== undefined) throw wrapped
  const [embedding, head] = [stored.get(EMBEDDING), stored.get("lm_head.weight")]
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
  if (config.tiedEmbeddings && embedding !== undefined && head !== undefined && isReadableType(head.type)) {
    await checkTiedHead(directory, embedding, head)
  }
  return plan
}

/** A tied head stored all the same, and the rotary tables that old versions of transformers stored. */
function isRedundant(name: string, config: ModelConfig): boolean {
  return (name === "lm_head.weight" && config.tiedEmbeddings) || name.endsWith(".rotary_emb.inv_freq")
}

/**
 * Reads the planned files one after the other.
 * @throws CheckpointError  when a weight is no finite number
 */
export async function readPlannedWeights(directory: string, plan: WeightPlan): Promise<Weights> {
  const weights: Weights = new Map()
  for (const [file, names] of plan) {
    const read = await readTensors(join(directory, file), names)
    checkFinite(read, join(directory, file))
    for (const [name, values] of read) weights.set(name, values)
  }
  return weights
}

async function listTensors(directory: string): Promise<Map<string, StoredTensor>> {
  const single = await listFile(directory, "model.safetensors")
  if (single !== undefined) return single
  const indexFile = "model.safetensors.index.json"
  const content = await readOptionalFile(join(directory, indexFile))
  if (content === undefined) {
    throw await withoutWeights(directory, indexFile)
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

/** What lies in a folder without weights where they are looked for. */
async function withoutWeights(directory: string, indexFile: string): Promise<CheckpointError> {
  const names = await readdir(directory)
  const shards = names.filter((name) => /-\d{5}-of-\d{5}\.safetensors$/.test(name))
  const others = names.filter((name) => name.endsWith(".safetensors") && !name.startsWith("adapter_model"))
  const pickles = names.filter((name) => /^(?:pytorch_model.*|consolidated.*)\.(?:bin|pth|pt)$/.test(name))
  const expected = `${directory}: expected model.safetensors or ${indexFile}, got`
  if (shards.length > 0) {
    const all = Number(/-of-(\d{5})/.exec(shards[0]!)![1])
    const got = `${shards.length} of ${all} shards (${shards[0]}) without their index`
    return new CheckpointError(`${expected} ${got}. Copy ${indexFile} beside them, from where they come from.`)
  }
  if (others.length > 0) {
    return new CheckpointError(
      `${expected} ${others.join(", ")}. Rename it to model.safetensors if it holds the whole model.`,
    )
  }
  const got = pickles.length > 0 ? `${pickles[0]}, which is a Python pickle` : "neither"
  return new CheckpointError(`${expected} ${got}. Save the model with safe_serialization in transformers.`)
}

async function listFile(directory: string, file: string): Promise<Map<string, StoredTensor> | undefined> {
  try {
    const path = join(directory, file)
    const { tensors, dataOffset } = await readSafetensorsHeader(path)
    return new Map([...tensors].map(([name, entry]) => [name, { ...entry, file, path, dataOffset }]))
  } catch (error) {
    if (error instanceof CheckpointError && isMissingFile(error.cause)) return undefined
    throw error
  }
}

/** LoRA adapters in the layout of PEFT: adapter_config.json and adapter_model.safetensors. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import { hashOf } from "../integrity/index.ts"
import type { FileHashes } from "../integrity/index.ts"
import type { ModelConfig } from "./config.ts"
import { parseJsonObject } from "./json-file.ts"
import { loraNames, loraSpecs, loraTargetSpecs, type LoraConfig } from "./lora.ts"
import { readTensors, writeSafetensors } from "./safetensors.ts"
import type { Weights } from "./weights.ts"
import { elementCount } from "./weights.ts"

/** Before the name of the module that carries an adapter. */
export const peftPrefix = "base_model.model."
export const adapterWeightFile = "adapter_model.safetensors"
export const adapterConfigFile = "adapter_config.json"

/**
 * Writes the adapter into an existing folder.
 * @param baseModel  name or path of the model that it belongs to
 * @returns hash of each file
 */
export async function saveAdapter(
  directory: string,
  config: ModelConfig,
  lora: LoraConfig,
  weights: Weights,
  baseModel: string,
): Promise<FileHashes> {
  const tensors = loraSpecs(config, lora).map(({ name, shape }) => ({ name: peftPrefix + name, shape, values: weights.get(name)! }))
  const hash = await writeSafetensors(join(directory, adapterWeightFile), tensors, { metadata: { format: "pt" } })
  const description = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    r: lora.rank,
    lora_alpha: lora.alpha,
    target_modules: [...lora.targets],
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
  }
  const text = `${JSON.stringify(description, null, 2)}\n`
  await writeFile(join(directory, adapterConfigFile), text)
  return new Map([
    [adapterWeightFile, hash],
    [adapterConfigFile, hashOf(text)],
  ])
}

/**
 * Reads an adapter's weights.
 * @throws CheckpointError when rank, alpha, targets or a tensor differ from `lora`
 */
export async function loadAdapter(directory: string, config: ModelConfig, lora: LoraConfig): Promise<Weights> {
  const path = join(directory, adapterConfigFile)
  const stored = parseJsonObject(await readFile(path, "utf8"), path)
  const targets = stored["target_modules"]
  const got = JSON.stringify([stored["r"], stored["lora_alpha"], Array.isArray(targets) ? targets.toSorted() : targets])
  const expected = JSON.stringify([lora.rank, lora.alpha, lora.targets.toSorted()])
  if (got !== expected) {
    throw new CheckpointError(`${path}: expected rank, alpha and targets ${expected}, got ${got}. Use the lora settings that the adapter was trained with.`)
  }
  const specs = loraSpecs(config, lora)
  const tensors = await readTensors(join(directory, adapterWeightFile), specs.map(({ name }) => peftPrefix + name))
  return new Map(
    specs.map(({ name, shape }) => {
      const values = tensors.get(peftPrefix + name)!
      if (values.length !== elementCount(shape)) {
        throw new CheckpointError(`${directory}: tensor ${name}: expected ${elementCount(shape)} values, got ${values.length}. Use the adapter of this model.`)
      }
      return [name, values]
    }),
  )
}

/** Base weights with the adapter added in: W + (alpha / rank) B A. Frozen weights are shared, targets are new arrays. */
export function mergeAdapter(config: ModelConfig, lora: LoraConfig, weights: Weights): Weights {
  const adapters = new Set(loraSpecs(config, lora).map(({ name }) => name))
  const merged: Weights = new Map([...weights].filter(([name]) => !adapters.has(name)))
  const scale = lora.alpha / lora.rank
  for (const { name, shape } of loraTargetSpecs(config, lora)) {
    const names = loraNames(name)
    const values = weights.get(name)!.slice()
    addLowRank(values, shape[1]!, { a: weights.get(names.a)!, b: weights.get(names.b)!, rank: lora.rank, scale })
    merged.set(name, values)
  }
  return merged
}

/** Two factors of a matrix: A [rank, columns] and B [rows, rank]. */
export interface LowRank {
  readonly a: Float32Array
  readonly b: Float32Array
  readonly rank: number
  readonly scale: number
}

/** Adds scale B A to a matrix [rows, columns] in place. */
export function addLowRank(values: Float32Array, columns: number, { a, b, rank, scale }: LowRank): void {
  for (let row = 0; row < values.length / columns; row++) {
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[row * rank + r]!
      for (let column = 0; column < columns; column++) values[row * columns + column]! += factor * a[r * columns + column]!
    }
  }
}

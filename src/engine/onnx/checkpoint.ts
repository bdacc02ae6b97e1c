/** What the embedded engine writes into a checkpoint folder: the model (or adapter) and the optimiser's state. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { loadAdapter, mergeAdapter, saveAdapter } from "../../model/adapter.ts"
import { saveModelFolder } from "../../model/folder.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "../../model/safetensors.ts"
import { createTokenizer, type Tokenizer } from "../../model/tokenizer.ts"
import type { GenerationDefaults } from "../../model/generation-config.ts"
import type { WeightType } from "../../model/config.ts"
import { planWeights, readPlannedWeights } from "../../model/weight-files.ts"
import type { Weights } from "../../model/weights.ts"
import type { PolicyState } from "./policy-state.ts"
import type { WorkerSettings } from "./protocol.ts"

const optimizerFile = "optimizer.safetensors"
const stateFile = "engine.json"

export function settingsTokenizer(settings: WorkerSettings): Tokenizer {
  return createTokenizer(settings.tokenizerFiles, "the model's tokenizer")
}

function baseName({ source }: WorkerSettings): string {
  return source.kind === "folder" ? source.directory : "fresh"
}

/** @param options.merge  write a LoRA policy as a whole model, adapters added in */
export async function savePolicy(
  directory: string,
  settings: WorkerSettings,
  weights: Weights,
  options: { readonly merge: boolean; readonly dtype: WeightType },
): Promise<void> {
  const { config, lora } = settings
  if (lora !== undefined && !options.merge) {
    await saveAdapter(directory, config, lora, weights, baseName(settings))
    return
  }
  await saveModelFolder(directory, {
    config,
    weights: lora === undefined ? weights : mergeAdapter(config, lora, weights),
    tokenizer: settingsTokenizer(settings),
    dtype: options.dtype,
    generation: settings.generation as GenerationDefaults | undefined,
  })
}

/** The policy and, when asked for, the optimiser's state. */
export async function saveCheckpoint(
  directory: string,
  settings: WorkerSettings,
  state: PolicyState,
  options: { readonly optimizer: boolean; readonly merge: boolean; readonly dtype: WeightType },
): Promise<void> {
  await savePolicy(directory, settings, state.weights, options)
  if (!options.optimizer) return
  const tensors = [...state.optimizerTensors()].map(([name, values]) => ({ name, shape: [values.length], values }))
  await writeSafetensors(join(directory, optimizerFile), tensors)
  await writeFile(join(directory, stateFile), `${JSON.stringify({ optimizerSteps: state.optimizerSteps })}\n`)
}

/** Trainable parameters of a folder that `saveCheckpoint` wrote. */
export async function readTrainable(directory: string, { config, lora }: WorkerSettings, trainable: readonly string[]): Promise<Weights> {
  const weights = lora === undefined ? await readPlannedWeights(directory, await planWeights(directory, config)) : await loadAdapter(directory, config, lora)
  return new Map(trainable.map((name) => [name, weights.get(name)!]))
}

/** @throws CheckpointError when a file is missing or does not fit the model */
export async function loadCheckpoint(directory: string, settings: WorkerSettings, state: PolicyState): Promise<void> {
  const weights = await readTrainable(directory, settings, state.trainable)
  const stored = JSON.parse(await readFile(join(directory, stateFile), "utf8")) as { readonly optimizerSteps: number }
  const path = join(directory, optimizerFile)
  const { tensors } = await readSafetensorsHeader(path)
  const moments = await readTensors(path, tensors.keys())
  for (const [name, values] of weights) state.weights.get(name)!.set(values)
  state.loadOptimizer(moments, stored.optimizerSteps)
  state.clearGradients()
}

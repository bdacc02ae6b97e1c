/** What the embedded engine writes into a checkpoint folder: the model (or adapter) and the optimiser's state. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { CheckpointError } from "../../errors.ts"
import { loadAdapter, mergeAdapter, saveAdapter } from "../../model/adapter.ts"
import { saveModelFolder } from "../../model/folder.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "../../model/safetensors.ts"
import { createTokenizer, type Tokenizer } from "../../model/tokenizer.ts"
import type { GenerationDefaults } from "../../model/generation-config.ts"
import { planWeights, readPlannedWeights } from "../../model/weight-files.ts"
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

/** @param merge  write a LoRA policy as a whole model, adapters added in */
export async function saveCheckpoint(
  directory: string,
  settings: WorkerSettings,
  state: PolicyState,
  options: { readonly optimizer: boolean; readonly merge: boolean },
): Promise<void> {
  const { config, lora } = settings
  if (lora !== undefined && !options.merge) await saveAdapter(directory, config, lora, state.weights, baseName(settings))
  else {
    await saveModelFolder(directory, {
      config,
      weights: lora === undefined ? state.weights : mergeAdapter(config, lora, state.weights),
      tokenizer: settingsTokenizer(settings),
      generation: settings.generation as GenerationDefaults | undefined,
    })
  }
  if (!options.optimizer) return
  const tensors = [...state.optimizerTensors()].map(([name, values]) => ({ name, shape: [values.length], values }))
  await writeSafetensors(join(directory, optimizerFile), tensors)
  await writeFile(join(directory, stateFile), `${JSON.stringify({ optimizerSteps: state.optimizerSteps })}\n`)
}

export async function loadCheckpoint(directory: string, settings: WorkerSettings, state: PolicyState): Promise<void> {
  const { config, lora } = settings
  const weights = lora === undefined ? await readPlannedWeights(directory, await planWeights(directory, config)) : await loadAdapter(directory, config, lora)
  for (const name of state.trainable) {
    const [from, to] = [weights.get(name), state.weights.get(name)!]
    if (from?.length !== to.length) {
      throw new CheckpointError(`${directory}: expected ${to.length} values of ${name}, got ${from?.length ?? "none"}. Load a checkpoint of this model.`)
    }
    to.set(from)
  }
  const stored = JSON.parse(await readFile(join(directory, stateFile), "utf8")) as { readonly optimizerSteps: number }
  const path = join(directory, optimizerFile)
  const { tensors } = await readSafetensorsHeader(path)
  state.loadOptimizer(await readTensors(path, tensors.keys()), stored.optimizerSteps)
  state.clearGradients()
}

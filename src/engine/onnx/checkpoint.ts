/** What the embedded engine writes into a checkpoint folder: the model (or adapter) and the optimiser's state. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { engineStateFile, hashOf, optimizerFile, valueHeadFile } from "../../integrity/index.ts"
import type { FileHashes } from "../../integrity/index.ts"
import { loadAdapter, mergeAdapter, saveAdapter } from "../../model/adapter.ts"
import { saveModelFolder } from "../../model/folder.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "../../model/safetensors.ts"
import { createTokenizer, type Tokenizer } from "../../model/tokenizer.ts"
import type { GenerationDefaults } from "../../model/generation-config.ts"
import type { WeightType } from "../../model/config.ts"
import { planWeights, readPlannedWeights } from "../../model/weight-files.ts"
import { sourceName } from "../../model/weights-source.ts"
import { valueHeadSpecs } from "../../model/value-head.ts"
import { elementCount, type Weights } from "../../model/weights.ts"
import { CheckpointError } from "../../errors.ts"
import type { PolicyState } from "./policy-state.ts"
import type { WorkerSettings } from "./protocol.ts"

export function settingsTokenizer(settings: WorkerSettings): Tokenizer {
  return createTokenizer(settings.tokenizerFiles, "the model's tokenizer")
}

/**
 * @param options.merge  write the policy as a whole model: adapters added in, no value head
 * @returns hash of each file
 */
export async function savePolicy(
  directory: string,
  settings: WorkerSettings,
  weights: Weights,
  options: { readonly merge: boolean; readonly dtype: WeightType },
): Promise<FileHashes> {
  const { config, lora, valueHead } = settings
  const hashes = new Map<string, string>()
  if (valueHead !== undefined && !options.merge) {
    const head = valueHeadSpecs(config).map(({ name, shape }) => ({ name, shape, values: weights.get(name)! }))
    hashes.set(valueHeadFile, await writeSafetensors(join(directory, valueHeadFile), head))
  }
  if (lora !== undefined && !options.merge) {
    const ofAdapter = await saveAdapter(directory, config, lora, weights, sourceName(settings.source))
    return new Map([...hashes, ...ofAdapter])
  }
  const ofModel = await saveModelFolder(directory, {
    config,
    weights: lora === undefined ? policyWeights(settings, weights) : mergeAdapter(config, lora, policyWeights(settings, weights)),
    tokenizer: settingsTokenizer(settings),
    dtype: options.dtype,
    roundingSeed: settings.seed,
    generation: settings.generation as GenerationDefaults | undefined,
  })
  return new Map([...hashes, ...ofModel])
}

/** The policy and, when asked for, the optimiser's state. @returns hash of each file */
export async function saveCheckpoint(
  directory: string,
  settings: WorkerSettings,
  state: PolicyState,
  options: { readonly optimizer: boolean; readonly merge: boolean; readonly dtype: WeightType },
): Promise<FileHashes> {
  const ofPolicy = await savePolicy(directory, settings, state.weights, options)
  if (!options.optimizer) return ofPolicy
  const tensors = [...state.optimizerTensors()].map(([name, values]) => ({ name, shape: [values.length], values }))
  const ofMoments = await writeSafetensors(join(directory, optimizerFile), tensors)
  const idle = state.idleSteps
  const counts = { optimizerSteps: state.optimizerSteps, ...(Object.keys(idle).length === 0 ? {} : { idleSteps: idle }) }
  const text = `${JSON.stringify(counts)}\n`
  await writeFile(join(directory, engineStateFile), text)
  return new Map([...ofPolicy, [optimizerFile, ofMoments], [engineStateFile, hashOf(text)]])
}

/** Without the value head. */
function policyWeights({ config, valueHead }: WorkerSettings, weights: Weights): Weights {
  const own = new Set((valueHead === undefined ? [] : valueHeadSpecs(config)).map(({ name }) => name))
  return own.size === 0 ? weights : new Map([...weights].filter(([name]) => !own.has(name)))
}

/** @throws CheckpointError when the folder has no value head, or one of another model */
async function readValueHead(directory: string, { config, valueHead }: WorkerSettings): Promise<Weights> {
  if (valueHead === undefined) return new Map()
  const specs = valueHeadSpecs(config)
  const tensors = await readTensors(join(directory, valueHeadFile), specs.map(({ name }) => name))
  for (const { name, shape } of specs) {
    const [expected, got] = [elementCount(shape), tensors.get(name)!.length]
    if (got !== expected) throw new CheckpointError(`${directory}: tensor ${name}: expected ${expected} values, got ${got}. Use the checkpoint of this model.`)
  }
  return tensors
}

/** Trainable parameters of a folder that `saveCheckpoint` wrote. */
export async function readTrainable(directory: string, settings: WorkerSettings, trainable: readonly string[]): Promise<Weights> {
  const { config, lora } = settings
  const policy = lora === undefined ? await readPlannedWeights(directory, await planWeights(directory, config)) : await loadAdapter(directory, config, lora)
  const weights = new Map([...policy, ...(await readValueHead(directory, settings))])
  return new Map(trainable.map((name) => [name, weights.get(name)!]))
}

/** @throws CheckpointError when a file is missing or does not fit the model */
export async function loadCheckpoint(directory: string, settings: WorkerSettings, state: PolicyState): Promise<void> {
  const weights = await readTrainable(directory, settings, state.trainable)
  const { optimizerSteps, idleSteps } = await readCounts(join(directory, engineStateFile))
  const path = join(directory, optimizerFile)
  const { tensors } = await readSafetensorsHeader(path)
  const moments = await readTensors(path, tensors.keys())
  state.weightsChanged()
  for (const [name, values] of weights) state.weights.get(name)!.set(values)
  state.loadOptimizer(moments, optimizerSteps, idleSteps ?? {})
  state.clearGradients()
}

const countsSchema = z.object({ optimizerSteps: z.int(), idleSteps: z.record(z.string(), z.int()).optional() })

async function readCounts(path: string): Promise<z.infer<typeof countsSchema>> {
  try {
    return countsSchema.parse(JSON.parse(await readFile(path, "utf8")))
  } catch (cause) {
    const message = `${path}: expected the optimiser's counts, got a file without them. Resume from another checkpoint.`
    throw new CheckpointError(message, { cause })
  }
}

/** The model that a run leaves behind, measured as it lies on the disk. */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { EvaluationPoint } from "../analysis/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import { evaluateHeldOut, type HeldOutOptions, type HeldOutResult } from "../evaluation/held-out.ts"
import { modelManifest, writeModelManifest } from "../integrity/index.ts"
import type { WeightType } from "../model/config.ts"
import { compareSaved, savedWarning, type EvaluationLine, type RunSummary } from "../runs/index.ts"
import { shellWord } from "../shell-word.ts"
import { openPolicy } from "./open-policy.ts"
import { VERIFIER_TIMEOUT_MS } from "./run-parts.ts"
import type { TrainRun } from "./train.ts"

/** The config that measures a saved model by a run's task and evaluation. */
export function savedModelConfig(config: ResolvedConfig, path: string): ResolvedConfig {
  return { ...config, model: { path, dtype: config.model.dtype }, lora: { ...config.lora, enabled: false }, engine: { ...config.engine, kind: "onnx" } }
}

/**
 * Reads a saved model as anybody would, with an engine of its own, and measures it on the held-out problems.
 * @param path  a model folder or a GGUF file
 * @param options  with a signal that gives it up, once the model is open
 * @throws CheckpointError  when the model cannot be read
 */
export async function evaluateSavedModel(
  path: string,
  config: ResolvedConfig,
  task: Task,
  { signal, ...options }: HeldOutOptions & { readonly signal?: AbortSignal | undefined },
): Promise<HeldOutResult> {
  const { engine, tokenizer, eosTokens } = await openPolicy(savedModelConfig(config, path), task)
  const { stopStrings, maxResponseTokens } = config.rollout
  try {
    const sampling = { eosTokens, promptFormat: config.rollout, stopStrings, maxResponseTokens, verifierTimeoutMs: VERIFIER_TIMEOUT_MS }
    return await evaluateHeldOut({ engine, tokenizer, task, signal, ...sampling }, options)
  } finally {
    await engine.close()
  }
}

/** Writes the policy as a model folder, with a manifest where the engine tells the hashes of its files. */
export async function saveCheckedModel(engine: Engine, directory: string, dtype: WeightType): Promise<void> {
  // Until the new one is there, the folder may be half-written.
  rmSync(join(directory, modelManifest), { force: true })
  const hashes = await engine.saveModel(directory, dtype)
  if (hashes !== undefined) writeModelManifest(directory, hashes)
}

/** What `config.evaluation` measures. */
export function heldOutOptions({ greedy, expected, size }: ResolvedConfig["evaluation"]): HeldOutOptions {
  return { greedy, expected, ...(size === "all" ? {} : { size }) }
}

/**
 * Saves the model of a finished run and sums it up. Where its weights are not those of the policy, bit for bit, the saved model
 * is measured on the problems of the last evaluation; the summary is there before, and a failure of it is no failure of the run.
 * @param trained  evaluation of the policy that is saved
 * @returns the summary with what is known of the saved model, as summary.json has it; undefined when the run was
 * stopped meanwhile
 */
export async function saveTrainedModel(
  run: TrainRun,
  summary: RunSummary,
  trained: EvaluationLine | undefined,
): Promise<RunSummary | undefined> {
  const { config, engine, folder, observer } = run
  const { dtype } = config.model
  const model = join(folder.directory, "model")
  mkdirSync(model, { recursive: true })
  await saveCheckedModel(engine, model, dtype)
  if (config.engine.kind === "tinker") {
    // What a server keeps has its own format, and is not read here.
    folder.writeSummary(summary)
    return summary
  }
  // Adapters are added into the weights that they were computed beside.
  const evaluations = { dtype, trained, asTrained: dtype === "f32" && !config.lora.enabled }
  const unmeasured = { ...summary, saved: compareSaved({ ...evaluations, saved: undefined }) }
  folder.writeSummary(unmeasured)
  if (evaluations.asTrained || trained === undefined || trained.size === 0) return unmeasured
  const result = await measure(run, model, trained)
  if (run.stop?.aborted === true) return undefined
  if (result === undefined) return unmeasured
  const saved = compareSaved({ ...evaluations, saved: result })
  const warning = savedWarning(saved)
  if (warning !== undefined) {
    folder.logEvent("alarm", warning, { step: trained.step })
    observer.onNote(warning)
  }
  const measured = { ...summary, saved }
  folder.writeSummary(measured)
  return measured
}

async function measure(
  { config, task, folder, observer, stop }: TrainRun,
  model: string,
  { step, size }: EvaluationLine,
): Promise<EvaluationPoint | undefined> {
  const { dtype } = config.model
  observer.onNote(`measuring the saved model (${dtype}) on ${size} held-out problems`)
  try {
    const started = performance.now()
    const onProgress: HeldOutOptions["onProgress"] = (progress, total) => {
      observer.onEvaluationProgress?.({ ...progress, step, total, seconds: (performance.now() - started) / 1000 })
    }
    const options = { ...heldOutOptions(config.evaluation), onProgress, signal: stop }
    const result = await evaluateSavedModel(model, config, task, options)
    folder.logEvent("saved", `the saved model (${dtype}) was measured on ${result.size} held-out problems`, {
      step,
      dtype,
      ...result,
    })
    return { step, ...result }
  } catch (error) {
    if (stop?.aborted === true) return undefined
    const message = `the saved model (${dtype}) could not be measured: ${error instanceof Error ? error.message : String(error)}`
    folder.logEvent("failure", message, { step })
    observer.onNote(`${message}. Measure it by: pirl eval ${shellWord(folder.directory)}`)
    return undefined
  }
}

/**
 * `MODEL_OR_RUN`: a Hugging Face folder, a GGUF file, a folder of adapters, or the run whose newest checkpoint is meant.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { resolveSavedConfig } from "../config/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import { CheckpointError, ConfigError } from "../errors.ts"
import { hubNameIn } from "../hub/repository.ts"
import { isModelPath } from "../model/open-model.ts"
import { checkModelOf, isRunFolder, listCheckpoints, selectCheckpoint, type CheckpointInfo } from "../runs/index.ts"
import { withKeptDate } from "./prompt-date.ts"

/** A model on disk. */
export interface ModelSource {
  /** A model folder, a GGUF file, a folder of adapters, or a checkpoint of a run. */
  readonly path: string
  /** Config of the run that trained it; undefined for a model that is no run's. */
  readonly config: ResolvedConfig | undefined
  /** Step of the checkpoint; undefined for a model that is no run's. */
  readonly step: number | undefined
  /** What a person should know: newer checkpoints that are damaged. */
  readonly notes?: readonly string[]
}

/**
 * Finds the model that a path means.
 * @param step  checkpoint of a run; the newest when undefined
 * @throws ConfigError      when there is none
 * @throws CheckpointError  when the one that is asked for, or every one, is damaged
 */
export function resolveModelSource(path: string, step?: number): ModelSource {
  if (isRunFolder(path)) return checkpointOf(path, step)
  if (isModelPath(path)) {
    if (step === undefined) return { path, config: undefined, step: undefined }
    throw noModel(`expected a run, whose checkpoints have steps, got the model ${path}. Leave --checkpoint out.`)
  }
  throw noModel(`expected a model folder (config.json), a .gguf file, a folder of adapters (adapter_config.json) or a run (config.yaml), got ${path}, ${existsSync(path) ? "which is none of them" : "which is not there"}. ${adviceFor(path)}`)
}

function adviceFor(path: string): string {
  const name = hubNameIn(path)
  return name === undefined ? "Check the path." : `Check the path; for the model of that name on the Hugging Face hub write hub:${name}.`
}

function checkpointOf(run: string, step: number | undefined): ModelSource {
  const { complete, damaged } = listCheckpoints(join(run, "checkpoints"))
  const all: readonly CheckpointInfo[] = [...complete, ...damaged]
  const candidates = step === undefined ? all : all.filter((candidate) => candidate.step === step)
  if (candidates.length === 0) {
    const steps = complete.map((candidate) => candidate.step).join(", ")
    const got = complete.length === 0 ? "none" : `those of step ${steps}`
    const wanted = step === undefined ? "a checkpoint" : `a checkpoint of step ${step}`
    throw noModel(`expected ${wanted} in the run ${run}, got ${got}.${complete.length === 0 ? " Resume the run: it writes the first before its first step." : " Name one of these."}`)
  }
  const selection = selectCheckpoint(candidates, (info) => {
    checkModelOf(info)
    return info
  })
  const found = selection.damaged.map(({ step: of, reason }) => `the checkpoint of step ${of} is damaged: ${reason}`)
  if (selection.sound === undefined) {
    const remedy = step === undefined ? "Restore one from a copy." : "Restore it from a copy, or name another step."
    const expected = `MODEL_OR_RUN: expected a sound checkpoint in the run ${run}`
    throw new CheckpointError(`${expected}, got none: ${found.join("; ")}. ${remedy}`)
  }
  const config = withKeptDate(resolveSavedConfig(join(run, "config.yaml")), run)
  const { sound } = selection
  const notes = found.map((text) => `${text}. Taking step ${sound.step}`)
  return { path: sound.path, config, step: sound.step, ...(notes.length === 0 ? {} : { notes }) }
}

function noModel(message: string): ConfigError {
  return new ConfigError([{ path: "", message: `MODEL_OR_RUN: ${message}` }])
}

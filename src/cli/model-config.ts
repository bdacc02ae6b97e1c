/**
 * The config of a model that is on disk: that of its run, or one for a folder; settings of the command line on top.
 */
import { applyOverrides, parseConfig } from "../config/index.ts"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { DATASET_NAME } from "../data/registry.ts"
import { ConfigError } from "../errors.ts"
import type { ModelSource } from "../trainer/model-source.ts"

/** What the command line says about the config of a model that is on disk. */
export interface ConfigRequest {
  /** Task in place of the run's own. */
  readonly task: string | undefined
  /** Settings, `a.b=c`. */
  readonly sets: readonly string[]
  /** File of questions of one's own, in place of any task's. */
  readonly data?: string
  /** False when no problem of a task is looked at. */
  readonly taskNeeded: boolean
}

/**
 * The config of the run, or one of the model and the task named; settings on top.
 * @throws ConfigError  when a task is needed and not known, or the settings are wrong
 */
export function configFor(model: ModelSource, request: ConfigRequest, checks: readonly ConfigCheck[]): ResolvedConfig {
  const { task, data, sets, taskNeeded } = request
  if (model.config === undefined && task === undefined && data === undefined && taskNeeded) {
    const message =
      "pirl: expected --task NAME with a model that is no run, got none. Only a run knows its task; pirl eval takes " +
      "questions of your own by --data FILE."
    throw new ConfigError([{ path: "", message }])
  }
  const base = model.config ?? { model: { path: model.path }, task: { name: "none" } }
  // Another task does not take the options of the run's own.
  if (data !== undefined) {
    return parseConfig(applyOverrides({ ...base, task: questionsTask(model, data) }, sets), checks)
  }
  const raw = task === undefined || task === model.config?.task.name ? base : { ...base, task: { name: task } }
  return parseConfig(applyOverrides(raw, sets), taskNeeded || task !== undefined ? checks : [])
}

/** What a run that was trained on a data set says of its rows holds for other files too. */
function questionsTask(
  { config }: ModelSource,
  path: string,
): { readonly name: string; readonly [option: string]: unknown } {
  const trained: Readonly<Record<string, unknown>> = config?.task.name === DATASET_NAME ? config.task : {}
  const kept = ["columns", "template", "verifier"].filter((option) => trained[option] !== undefined)
  return { name: DATASET_NAME, path, ...Object.fromEntries(kept.map((option) => [option, trained[option]])) }
}

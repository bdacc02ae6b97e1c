/** A task from what a config says: procedural, a data set, a mixture of them, or made by a module of one's own. */
import { createDatasetTask } from "./dataset.ts"
import { parseDatasetOptions } from "./dataset-options.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { checkMixtureOptions, createMixtureTask } from "./mixture.ts"
import { DATASET_NAME, createTask } from "./registry.ts"
import type { Task } from "./task.ts"
import { checkTaskModule, isTaskModule, openTaskModule } from "./task-module.ts"
import type { TaskOptions } from "./task-options.ts"

/**
 * The task of a config's `task` section: `name` chooses it, the rest are its options. A `dataset` with `sources` is a
 * mixture; with `module`, the module's export is the task.
 * @throws ConfigError  for an unknown name or wrong options
 * @throws DataError    when the files of a data set cannot be used
 */
export async function openTask(settings: { readonly name: string } & TaskOptions): Promise<Task> {
  const { name, ...options } = settings
  if (isTaskModule(options)) return openTaskModule(options)
  if (name !== DATASET_NAME) return createTask(name, options)
  if ("sources" in options) return createMixtureTask(options)
  // What a config holds is not typed; createDatasetTask checks every option.
  return createDatasetTask(options as unknown as DatasetOptions)
}

/**
 * Checks a config's `task` section as far as that needs no file: so that its problems are told with those of the rest.
 * @throws ConfigError  for an unknown name or wrong options
 */
export function checkTaskSettings(settings: { readonly name: string } & TaskOptions): void {
  const { name, ...options } = settings
  if (isTaskModule(options)) checkTaskModule(options)
  else if (name !== DATASET_NAME) createTask(name, options)
  else if ("sources" in options) checkMixtureOptions(options)
  else parseDatasetOptions(options)
}

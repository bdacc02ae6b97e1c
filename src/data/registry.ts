/** Procedural tasks by name: what a config may say under `task.name`. A new one is a line in `definitions`. */
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import type { ProceduralTask } from "./procedural-task.ts"
import type { TaskDefinition } from "./task-definition.ts"
import type { TaskOptions } from "./task-options.ts"
import { add2 } from "./tasks/add2.ts"
import { arithmetic } from "./tasks/arithmetic.ts"
import { chain } from "./tasks/chain.ts"
import { countdown } from "./tasks/countdown.ts"
import { mentalArithmetic } from "./tasks/mental-arithmetic.ts"
import { modular } from "./tasks/modular.ts"
import { parentheses } from "./tasks/parentheses.ts"
import { sort } from "./tasks/sort.ts"
import { steps } from "./tasks/steps.ts"

const definitions: readonly TaskDefinition[] = [add2, ...arithmetic, modular, countdown, sort, parentheses, steps, mentalArithmetic, chain]

/** Under this name a config asks for files (`createDatasetTask`). */
export const DATASET_NAME = "dataset"

/** Names that `createTask` knows. */
export const taskNames: readonly string[] = definitions.map((definition) => definition.name)

/** Name, one line and options of every procedural task. */
export function describeTasks(): readonly Omit<TaskDefinition, "create">[] {
  return definitions.map(({ name, description, options }) => ({ name, description, options }))
}

/**
 * A procedural task.
 * @throws ConfigError  at `task.name` when there is none of that name; at `task.<option>` for options it does not take
 */
export function createTask(name: string, options: TaskOptions = {}): ProceduralTask {
  const definition = definitions.find((candidate) => candidate.name === name)
  if (definition !== undefined) return definition.create(options)
  const names = [...taskNames, DATASET_NAME]
  const nearest = nearestName(name, names)
  const ofOnesOwn = "For a task made in code, name its module: --set task.module=FILE --set task.export=NAME."
  const hint = nearest === undefined ? ` ${ofOnesOwn}` : ` Did you mean ${nearest}?`
  throw new ConfigError([
    { path: "task.name", message: `task: expected one of ${names.join(", ")}, got ${JSON.stringify(name)}.${hint}` },
  ])
}

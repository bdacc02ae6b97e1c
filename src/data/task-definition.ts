/** A procedural task as the registry knows it. */
import type { z } from "zod"
import type { ProceduralTask } from "./procedural-task.ts"
import { describeOptions, parseOptions } from "./task-options.ts"
import type { OptionDescription, TaskOptions } from "./task-options.ts"

export interface TaskDefinition {
  readonly name: string
  /** One line. */
  readonly description: string
  readonly options: readonly OptionDescription[]
  /** @throws ConfigError  for unknown or wrong options */
  create(options: TaskOptions): ProceduralTask
}

/** A task from its schema and the function that builds it from checked options. */
export function defineTask<Schema extends z.ZodObject>(definition: {
  readonly name: string
  readonly description: string
  readonly schema: Schema
  build(options: z.output<Schema>): ProceduralTask
}): TaskDefinition {
  const { name, description, schema } = definition
  return {
    name,
    description,
    options: describeOptions(schema),
    create: (options) => definition.build(parseOptions(schema, options, `task ${JSON.stringify(name)}`)),
  }
}

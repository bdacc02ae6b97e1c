/** A task that a module of one's own makes: `task.module`, as a config or a run names it. */
import { pathToFileURL } from "node:url"
import { ConfigError, PirlError } from "../errors.ts"
import { moduleFile } from "../verifiers/combine/function.ts"
import type { Task } from "./task.ts"

/** What a config says of it. */
export interface TaskModule {
  /** Path of a JavaScript or TypeScript module, from the working directory. */
  readonly module: string
  /** Name of the export: a task, or a function that makes one. Default `default`. */
  readonly export?: string
  /** Given to the function. */
  readonly [option: string]: unknown
}

/** True for options of a task that name a module. */
export function isTaskModule(options: Readonly<Record<string, unknown>>): options is TaskModule {
  return options["module"] !== undefined
}

/**
 * Checks what needs no code of the module to run.
 * @returns the file
 * @throws ConfigError  when module or export are no texts, there is no such file, or this Node cannot load it
 */
export function checkTaskModule({ module, export: name = "default" }: TaskModule): string {
  for (const [option, value] of Object.entries({ module, export: name })) {
    if (typeof value === "string" && value !== "") continue
    const message = `task: expected ${option} to be a text, got ${JSON.stringify(value)}. Correct it.`
    throw new ConfigError([{ path: `task.${option}`, message }])
  }
  return moduleFile(module, "task", "task.module")
}

/**
 * Runs the module and takes its task.
 * @throws ConfigError  when the module or its function throw, or the export is no task
 */
export async function openTaskModule(options: TaskModule): Promise<Task> {
  const file = checkTaskModule(options)
  const { module, export: name = "default", ...others } = options
  const exports = await attempt(
    module,
    "a module that can be loaded",
    () => import(pathToFileURL(file).href) as Promise<Record<string, unknown>>,
  )
  const exported = exports[name]
  if (exported === undefined) {
    const known = Object.keys(exports).join(", ") || "none"
    throw refused("task.export", `${module}: expected an export ${name}, got none. The exports are ${known}.`)
  }
  const make = exported as (options: Readonly<Record<string, unknown>>) => unknown
  const task = await attempt(module, `a task from ${name}()`, async () =>
    typeof exported === "function" ? make(others) : exported,
  )
  if (isTask(task)) return task
  throw refused(
    "task.export",
    `${module}: expected ${name} to be a task, or a function that returns one, got ${describe(task)}. ` +
      "Export what tasks.fromRows, indexedTask or drawnTask returned.",
  )
}

async function attempt<T>(module: string, expected: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof PirlError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw refused(
      "task.module",
      `${module}: expected ${expected}, got an error: ${reason.split("\n")[0]}. Mend the module.`,
      cause,
    )
  }
}

function refused(path: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ path, message: `task: ${message}` }], { cause })
}

function isTask(value: unknown): value is Task {
  if (typeof value !== "object" || value === null) return false
  const { heldOut, trainProblem, verifierFor, name } = value as Partial<Task>
  return (
    Array.isArray(heldOut) &&
    typeof trainProblem === "function" &&
    typeof verifierFor === "function" &&
    typeof name === "string"
  )
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value
  return `an object with ${Object.keys(value).join(", ") || "nothing in it"}`
}

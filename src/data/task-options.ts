/** Options of tasks: checked with a schema, reported with their place in the config, described for people. */
import { z } from "zod"
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"

/** Options that most tasks know, and those of one task. */
export interface TaskOptions {
  /** Chooses the held-out problems. Default 0. */
  readonly seed?: number
  /** Number of held-out problems. */
  readonly heldOutSize?: number
  /** What it counts is the task's own matter: digits, numbers, steps. */
  readonly difficulty?: number
  readonly [option: string]: unknown
}

/** One option, for help texts and tables. */
export interface OptionDescription {
  readonly name: string
  readonly description: string
  /** Absent where the default depends on other options; the description then says how. */
  readonly default?: unknown
}

/** Held-out problems when nothing is said. */
export const DEFAULT_HELD_OUT_SIZE = 500

/** Options every task has. */
export const splitOptions: { seed: z.ZodDefault<z.ZodInt>; heldOutSize: z.ZodOptional<z.ZodInt> } = {
  seed: z.int().default(0).describe("chooses the held-out problems"),
  heldOutSize: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe(`number of held-out problems; ${DEFAULT_HELD_OUT_SIZE}, or a tenth of all problems when that is less`),
}

/** A whole number of a task's own kind with bounds and a default. */
export function difficultyOption(minimum: number, maximum: number, preset: number, meaning: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(minimum).max(maximum).default(preset).describe(`${meaning}, ${minimum} to ${maximum}`)
}

function shownValue(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value)
}

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = options
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  return value
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int" ? "a whole number" : `a ${issue.expected}`
    case "too_small":
      return `at least ${issue.minimum}`
    case "too_big":
      return `at most ${issue.maximum}`
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`
    default:
      return issue.message.toLowerCase()
  }
}

/**
 * Options checked against a schema, with its defaults filled in.
 * @param who   for messages, e.g. `task "add2"`
 * @param path  place of the options in the config
 * @throws ConfigError  with every problem found
 */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  options: unknown,
  who: string,
  path: string = "task",
): z.output<Schema> {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const known = Object.keys(schema.shape)
  const issues: ConfigIssue[] = []
  for (const issue of parsed.error.issues) {
    const place = [path, ...issue.path.map(String)].join(".")
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        const nearest = nearestName(key, known)
        const names = issue.path.length === 0 ? ` Known options: ${known.join(", ")}.` : ""
        const hint = nearest === undefined || issue.path.length > 0 ? "" : ` Did you mean ${nearest}?`
        issues.push({ path: `${place}.${key}`, message: `${who}: expected a known option, got ${key}.${hint}${names}` })
      }
    } else {
      const got = shownValue(valueAt(options, issue.path))
      issues.push({ path: place, message: `${who}: expected ${expectation(issue)}, got ${got}. Change ${place}.` })
    }
  }
  throw new ConfigError(issues)
}

/** The options of a schema with descriptions and defaults. */
export function describeOptions(schema: z.ZodObject): readonly OptionDescription[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })
  return Object.entries(properties).map(([name, property]) => {
    if (typeof property === "boolean") return { name, description: "" }
    const { description = "", default: preset } = property
    return preset === undefined ? { name, description } : { name, description, default: preset }
  })
}

/**
 * From an unknown value to a configuration that can be trained, or to all that is wrong with it.
 */
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { crossCheck } from "./cross-checks.ts"
import { describeSchemaIssues, describeValue } from "./issues.ts"
import { nullIsAbsent } from "./json-schema.ts"
import { configSchema } from "./schema.ts"
import type { ResolvedConfig } from "./schema.ts"

/** A check of a layer above, e.g. that the task and the objective exist. Reports and does not throw. */
export type ConfigCheck = (config: ResolvedConfig) => readonly ConfigIssue[]

/**
 * Checks a configuration and fills in its defaults. A setting of null or undefined
 * counts as absent, but for options of tasks and objectives, to which null may be a value.
 * @param value  what a YAML file or a program gave
 * @param checks  further checks, whose issues are reported with those found here
 * @throws ConfigError  with every problem found: path, what was expected, what was there, what to do
 */
export function parseConfig(value: unknown, checks: readonly ConfigCheck[] = []): ResolvedConfig {
  const raw = withoutAbsent(value) ?? {}
  if (!isSection(raw)) {
    throw new ConfigError([
      { path: "", message: `config: expected a section with settings, got ${describeValue(raw)}. See \`pirl init\`.` },
    ])
  }
  const parsed = configSchema.safeParse(raw)
  if (parsed.success) {
    const issues: ConfigIssue[] = [...crossCheck(parsed.data), ...checks.flatMap((check) => check(parsed.data))]
    if (issues.length > 0) throw new ConfigError(plain(issues))
    return parsed.data
  }
  const schemaIssues = describeSchemaIssues(parsed.error.issues, raw)
  throw new ConfigError([...schemaIssues, ...plain(checkTheRest(raw, schemaIssues, checks))])
}

/** Checks between settings, as far as they concern only settings that are right by themselves. */
function checkTheRest(
  raw: Readonly<Record<string, unknown>>,
  broken: readonly ConfigIssue[],
  checks: readonly ConfigCheck[],
): ConfigIssue[] {
  const repaired = withoutAbsent(raw) as Record<string, unknown>
  for (const issue of broken) removeAt(repaired, issue.path.split("."))
  const task = repaired["task"] ?? {}
  repaired["task"] = isSection(task) ? { name: "unknown", ...task } : task
  const parsed = configSchema.safeParse(repaired)
  if (!parsed.success) return []
  const within = (path: string, section: string): boolean => path === section || path.startsWith(`${section}.`)
  const concerned = (path: string): boolean =>
    broken.some((issue) => within(path, issue.path) || within(issue.path, path))
  const cross = crossCheck(parsed.data).filter((issue) => !issue.with.some(concerned))
  const further = checks.flatMap((check) => check(parsed.data))
  return [...cross, ...further].filter((issue) => !broken.some((other) => other.path === issue.path))
}

function plain(issues: readonly ConfigIssue[]): ConfigIssue[] {
  return issues.map(({ path, message }) => ({ path, message }))
}

function removeAt(target: Record<string, unknown>, path: readonly string[]): void {
  let section = target
  for (const [i, key] of path.entries()) {
    const child = section[key]
    if (i === path.length - 1 || !isSection(child)) {
      delete section[key]
      return
    }
    section = child
  }
}

/** True for a plain object. */
export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The value without keys that hold undefined, or null where null is no value. */
function withoutAbsent(value: unknown, path: readonly string[] = []): unknown {
  if (!isSection(value)) return path.length === 0 && value === null ? undefined : value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, child]) => child !== undefined && !(child === null && nullIsAbsent([...path, key])))
      .map(([key, child]) => [key, withoutAbsent(child, [...path, key])]),
  )
}

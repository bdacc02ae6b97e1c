/**
 * What a schema found wrong, said to a person: `path: expected X, got Y. Do Z.`
 */
import type { ConfigIssue } from "../errors.ts"
import { configJsonSchema, knownKeys, settingPaths } from "./json-schema.ts"
import type { JsonSchemaNode } from "./json-schema.ts"
import { nearestName } from "./nearest-name.ts"

/** The part of a zod issue that is read here. */
export interface SchemaIssue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly keys?: readonly string[]
}

/** Every schema issue as a sentence, one per place, in the order of the config. */
export function describeSchemaIssues(issues: readonly SchemaIssue[], raw: unknown): ConfigIssue[] {
  const described = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? (issue.keys ?? []).map((key) => unknownKey(issue.path, key))
      : [wrongValue(issue.path, raw)],
  )
  return described.filter((issue, i) => described.findIndex((other) => other.path === issue.path) === i)
}

function unknownKey(section: readonly PropertyKey[], key: string): ConfigIssue {
  const path = [...section, key].map(String).join(".")
  const siblings = knownKeys(section) ?? []
  const near = nearestName(key, siblings)
  const elsewhere = settingPaths().filter((known) => known.split(".").at(-1) === key)
  let fix = `Remove it; known here: ${siblings.join(", ")}.`
  if (key.includes(".")) {
    fix = `Write it nested: ${key.replaceAll(".", ": { ")}: ...${" }".repeat(key.split(".").length - 1)}`
  } else if (near !== undefined) fix = `Did you mean \`${[...section, near].map(String).join(".")}\`?`
  else if (elsewhere.length > 0) fix = `Did you mean \`${elsewhere.join("` or `")}\`?`
  return { path, message: `expected a known setting, got the unknown key "${key}". ${fix}` }
}

function wrongValue(path: readonly PropertyKey[], raw: unknown): ConfigIssue {
  const dotted = path.map(String).join(".")
  const node = nodeAt(path)
  const value = valueAt(raw, path)
  const expected = describeExpected(node)
  const choices = node?.["enum"]
  const near =
    Array.isArray(choices) && typeof value === "string" ? nearestName(value, choices.map(String)) : undefined
  let fix = value === undefined ? `Add \`${dotted}\`${meaning(node)}.` : `Set \`${dotted}\` to ${expected}.`
  if (near !== undefined) fix = `Did you mean "${near}"?`
  else if (value !== undefined && node?.default !== undefined && node.properties === undefined) {
    fix = `Correct it, or leave it out for the default ${JSON.stringify(node.default)}.`
  }
  return { path: dotted, message: `expected ${expected}, got ${describeValue(value)}. ${fix}` }
}

function meaning(node: JsonSchemaNode | undefined): string {
  return node?.description === undefined ? "" : ` (${node.description})`
}

function nodeAt(path: readonly PropertyKey[]): JsonSchemaNode | undefined {
  let node: JsonSchemaNode | undefined = configJsonSchema()
  for (const key of path) {
    node = typeof key === "number" ? (node?.["items"] as JsonSchemaNode | undefined) : node?.properties?.[String(key)]
  }
  return node
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

/** What a JSON Schema node admits, in words: "an integer of at least 1". */
function describeExpected(node: JsonSchemaNode | undefined): string {
  if (node === undefined) return "another value"
  const options = node["anyOf"]
  if (Array.isArray(options)) return options.map((option) => describeExpected(option as JsonSchemaNode)).join(" or ")
  if (node["const"] !== undefined) return JSON.stringify(node["const"])
  if (Array.isArray(node["enum"])) return `one of ${node["enum"].map((choice) => JSON.stringify(choice)).join(", ")}`
  switch (node["type"]) {
    case "integer":
      return `an integer${bounds(node)}`
    case "number":
      return `a number${bounds(node)}`
    case "boolean":
      return "true or false"
    case "string":
      return typeof node["minLength"] === "number" ? "a text that is not empty" : "a text"
    case "array":
      return `a list of ${describeItems(node["items"] as JsonSchemaNode | undefined)}`
    case "null":
      return "null"
    default:
      return "a section with settings"
  }
}

function describeItems(node: JsonSchemaNode | undefined): string {
  return Array.isArray(node?.["enum"]) ? node["enum"].map((choice) => JSON.stringify(choice)).join(", ") : "texts"
}

function bounds(node: JsonSchemaNode): string {
  const low = node["minimum"] ?? undefined
  const above = node["exclusiveMinimum"] ?? undefined
  const high = node["maximum"] === Number.MAX_SAFE_INTEGER ? undefined : node["maximum"]
  const below = node["exclusiveMaximum"] ?? undefined
  const parts: string[] = []
  if (typeof low === "number" && low !== Number.MIN_SAFE_INTEGER) parts.push(`of at least ${low}`)
  if (typeof above === "number") parts.push(`above ${above}`)
  if (typeof high === "number") parts.push(`of at most ${high}`)
  if (typeof below === "number") parts.push(`below ${below}`)
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`
}

/** A value as it stands in a config, cut short. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing"
  if (typeof value === "number" && !Number.isFinite(value)) return String(value)
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`
  if (typeof value === "object") return "a section"
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

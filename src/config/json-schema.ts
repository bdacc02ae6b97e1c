/**
 * The JSON Schema of a configuration file, for editors, and what the error messages know of it.
 */
import { z } from "zod"
import { configSchema } from "./schema.ts"

/** A node of the JSON Schema, as far as this project reads it. */
export interface JsonSchemaNode {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>
  readonly additionalProperties?: unknown
  readonly [keyword: string]: unknown
}

let cached: JsonSchemaNode | undefined

/** JSON Schema (draft 2020-12) of what a config file may hold: for editors that complete and check YAML. */
export function configJsonSchema(): JsonSchemaNode {
  cached ??= { title: "pirl configuration", ...(z.toJSONSchema(configSchema, { io: "input" }) as JsonSchemaNode) }
  return cached
}

/** The keys known under a path of the config; undefined where there is no section. */
export function knownKeys(path: readonly PropertyKey[]): string[] | undefined {
  let node: JsonSchemaNode | undefined = configJsonSchema()
  for (const key of path) node = node?.properties?.[String(key)]
  return node?.properties === undefined ? undefined : Object.keys(node.properties)
}

/** True for a known setting that has no use for null; of unknown ones null is left for the checks to judge. */
export function nullIsAbsent(path: readonly string[]): boolean {
  let node: JsonSchemaNode | undefined = configJsonSchema()
  for (const key of path) node = node?.properties?.[key]
  const options = node?.["anyOf"]
  const takesNull = Array.isArray(options) && options.some((option: JsonSchemaNode) => option["type"] === "null")
  return node !== undefined && !takesNull
}

/** Dotted paths of all settings that are not sections, e.g. `pipo.window`. */
export function settingPaths(): string[] {
  const paths: string[] = []
  const visit = (node: JsonSchemaNode, prefix: string): void => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const path = prefix === "" ? key : `${prefix}.${key}`
      if (child.properties === undefined) paths.push(path)
      else visit(child, path)
    }
  }
  visit(configJsonSchema(), "")
  return paths
}

/** JSON Schema by ajv, loaded at the first use. */
import { VerifierError } from "../../errors.ts"

/** The first problems of a value in words; empty for a valid one. */
export type SchemaValidator = (value: unknown) => readonly string[]

const MAXIMUM_KEPT = 500
const MAXIMUM_PROBLEMS = 3
const validators = new Map<string, SchemaValidator>()

/** BFCL and Python tool descriptions use Python's names of types. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  dict: "object",
  float: "number",
  int: "integer",
  str: "string",
  bool: "boolean",
  list: "array",
  tuple: "array",
}

/** A schema with JSON Schema's names of types, in which unknown ones (`any`) are left out. */
export function standardTypes(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(standardTypes)
  if (typeof schema !== "object" || schema === null) return schema
  const entries = Object.entries(schema).flatMap(([key, value]): [string, unknown][] => {
    if (key !== "type" || typeof value !== "string") return [[key, standardTypes(value)]]
    return value.toLowerCase() === "any" ? [] : [[key, TYPE_NAMES[value] ?? value]]
  })
  return Object.fromEntries(entries)
}

/**
 * A validator of a schema: draft 2020-12 where `$schema` says so or 2019-09, else draft 7. Formats are not checked and
 * nothing is fetched.
 * @throws VerifierError  when the schema is not valid
 */
export async function schemaValidator(schema: unknown): Promise<SchemaValidator> {
  const key = JSON.stringify(schema)
  const known = validators.get(key)
  if (known !== undefined) return known
  if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))) {
    throw new VerifierError(`JSON schema: expected an object, got ${key.slice(0, 80)}. Correct the schema.`)
  }
  const draft = typeof schema === "object" ? String((schema as { $schema?: unknown }).$schema ?? "") : ""
  const options = { strict: false, validateFormats: false, allErrors: false, logger: false } as const
  let validate
  try {
    if (draft.includes("2020-12")) validate = new (await import("ajv/dist/2020.js")).Ajv2020(options).compile(schema)
    else if (draft.includes("2019-09"))
      validate = new (await import("ajv/dist/2019.js")).Ajv2019(options).compile(schema)
    else validate = new (await import("ajv")).Ajv(options).compile(withoutDraft(schema))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new VerifierError(`JSON schema: expected a valid schema, got an error: ${reason}. Correct the schema.`, {
      cause,
    })
  }
  const validator: SchemaValidator = (value) => {
    if (validate(value) === true) return []
    return (validate.errors ?? [])
      .slice(0, MAXIMUM_PROBLEMS)
      .map(
        ({ instancePath, message }) =>
          `${instancePath === "" ? "the value" : instancePath} ${message ?? "is not valid"}`,
      )
  }
  if (validators.size >= MAXIMUM_KEPT) validators.clear()
  validators.set(key, validator)
  return validator
}

/** ajv refuses drafts it has no meta-schema for (draft 4 and 6); what they share with draft 7 is checked. */
function withoutDraft(schema: object | boolean): object | boolean {
  if (typeof schema === "boolean") return schema
  const { $schema: _draft, ...rest } = schema as Record<string, unknown>
  return rest
}

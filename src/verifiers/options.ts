/** Options of verifiers: checked with a schema, reported with their place in the config. */
import type { z } from "zod"
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"

/** Of a type with optional properties, the one without `undefined` as a value. */
export type Defined<Options> = { [Key in keyof Options]: Exclude<Options[Key], undefined> }

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = options
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  return value
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int"
        ? "a whole number"
        : `${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`
    case "too_small":
      return `at least ${issue.minimum}`
    case "too_big":
      return `at most ${issue.maximum}`
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`
    default:
      return issue.message
  }
}

function issueOf(
  issue: z.core.$ZodIssue,
  options: unknown,
  who: string,
  path: string,
  known: readonly string[],
): ConfigIssue[] {
  const place = [path, ...issue.path.map(String)].join(".")
  if (issue.code !== "unrecognized_keys") {
    const value = valueAt(options, issue.path)
    const got = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value)
    return [{ path: place, message: `${who}: expected ${expectation(issue)}, got ${got}. Change ${place}.` }]
  }
  return issue.keys.map((key) => {
    const nearest = nearestName(key, known)
    const fix = nearest === undefined ? `Known options: ${known.join(", ") || "none"}.` : `Did you mean ${nearest}?`
    return { path: `${place}.${key}`, message: `${who}: expected a known option, got ${key}. ${fix}` }
  })
}

/**
 * Options checked against a schema, with its defaults filled in.
 * @param who   for messages: the verifier's name
 * @param path  place of the options in the config
 * @throws ConfigError  with every problem found
 */
export function parseVerifierOptions<Schema extends z.ZodObject>(
  schema: Schema,
  options: unknown,
  who: string,
  path: string,
): Defined<z.output<Schema>> {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data as Defined<z.output<Schema>>
  const known = Object.keys(schema.shape)
  throw new ConfigError(parsed.error.issues.flatMap((issue) => issueOf(issue, options, who, path, known)))
}

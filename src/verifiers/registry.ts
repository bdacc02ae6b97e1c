/** Verifiers by name: what a config may say under `verifier`, a name or `{ name, ...options }`. */
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import { catalogue } from "./catalogue.ts"
import type { Verifier, VerifierSpec } from "./verifier.ts"

/** Names that `createVerifier` knows. */
export const verifierNames: readonly string[] = [...catalogue.keys()]

/** One line on each verifier, for help texts. */
export const verifierSummaries: readonly (readonly [name: string, summary: string])[] = [...catalogue].map(
  ([name, { summary }]) => [name, summary],
)

/** Verifiers whose gold describes right responses and is none itself. */
const DESCRIBED: ReadonlySet<string> = new Set([
  "countdown",
  "countdown-all",
  "regex",
  "json-schema",
  "instructions",
  "code-python",
  "code-javascript",
  "format",
  "function",
  "weighted",
])

/** False where the gold of a verifier cannot be given as an answer: tests, schemas, patterns. */
export function goldIsAnswer(name: string): boolean {
  return !DESCRIBED.has(name)
}

/** True for an object that names a verifier and its options, false for one that maps sources to verifiers. */
export function isVerifierSpec(value: unknown): value is VerifierSpec {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    typeof (value as { name?: unknown }).name === "string" &&
    !("verify" in value)
  )
}

/**
 * The verifier of a name or of a name with options.
 * @param path  place in the config that problems are reported at
 * @throws ConfigError  when there is none of that name (lists those there are), or with every wrong option
 */
export function createVerifier(spec: string | VerifierSpec, path: string = "verifier"): Verifier {
  const { name, ...options } = typeof spec === "string" ? { name: spec } : spec
  const entry = catalogue.get(name)
  if (entry === undefined) {
    const nearest = nearestName(name, verifierNames)
    const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
    throw new ConfigError([
      { path, message: `verifier: expected one of ${verifierNames.join(", ")}, got ${JSON.stringify(name)}.${hint}` },
    ])
  }
  const verifier = entry.create(options, path, createVerifier)
  return { ...verifier, spec: { name, ...options }, place: entry.place }
}

/** Verifiers by name: what a config may say under `verifier`. A new one is a line in `factories`. */
import { nearestName } from "../config/nearest-name.ts"
import { ConfigError } from "../errors.ts"
import { countdownVerifier } from "./procedural/countdown.ts"
import { exactMatchVerifier } from "./procedural/exact-match.ts"
import { numericAnswerVerifier } from "./procedural/numeric-answer.ts"
import type { Verifier } from "./verifier.ts"

const factories: Readonly<Record<string, () => Verifier>> = {
  exact: () => exactMatchVerifier(),
  integer: () => numericAnswerVerifier({ name: "integer", place: "last", integer: true }),
  numeric: () => numericAnswerVerifier({ name: "numeric", place: "last" }),
  "boxed-integer": () => numericAnswerVerifier({ name: "boxed-integer", place: "boxed", integer: true }),
  countdown: () => countdownVerifier(),
  "countdown-all": () => countdownVerifier({ useAll: true }),
}

/** Names that `createVerifier` knows. */
export const verifierNames: readonly string[] = Object.keys(factories)

/**
 * The verifier of a name.
 * @param path  place in the config that an unknown name is reported at
 * @throws ConfigError  when there is none of that name; lists those there are
 */
export function createVerifier(name: string, path: string = "verifier"): Verifier {
  if (Object.hasOwn(factories, name)) return factories[name]()
  const nearest = nearestName(name, verifierNames)
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
  throw new ConfigError([
    { path, message: `verifier: expected one of ${verifierNames.join(", ")}, got ${JSON.stringify(name)}.${hint}` },
  ])
}

/** Errors of GGUF files in the house's form: what was expected, what is there, what to do. */
import { CheckpointError, ConfigError } from "../../errors.ts"

/** A file that is damaged, cut short, or whose parts do not fit together. */
export function unreadable(
  where: string,
  expected: string,
  got: string,
  remedy: string,
  cause?: unknown,
): CheckpointError {
  const message = `${where}: expected ${expected}, got ${got}. ${remedy}`
  return new CheckpointError(message, cause === undefined ? {} : { cause })
}

/** A sound file that asks for what is not computed. @param key  of the metadata */
export function uncomputed(path: string, key: string, expected: string, got: string, remedy: string): ConfigError {
  return new ConfigError([{ path: `${path}: ${key}`, message: `expected ${expected}, got ${got}. ${remedy}` }])
}

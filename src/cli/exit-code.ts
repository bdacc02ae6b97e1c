/**
 * How a command ends: exit codes, and errors as a person reads them.
 */
import { ConfigError, DataError, PirlError } from "../errors.ts"

/** Exit codes of the command line. */
export const exitCodes: {
  readonly ok: 0
  readonly failure: 1
  readonly badInput: 2
  readonly interrupted: 130
} = { ok: 0, failure: 1, badInput: 2, interrupted: 130 }

/** 2 for what the user can correct in config, arguments or data; 1 for all other errors. */
export function exitCodeOf(error: unknown): number {
  return error instanceof ConfigError || error instanceof DataError ? exitCodes.badInput : exitCodes.failure
}

/**
 * An error as lines for the terminal, without a stack.
 * @param debug  add the stack, with the causes
 */
export function describeError(error: unknown, debug: boolean): string {
  const stack = debug ? `\n${stackOf(error)}` : ""
  if (error instanceof ConfigError) {
    const lines = error.message.split("\n")
    const head = lines.length === 1 ? "" : `${lines.length} problems, nothing was started:\n`
    return `pirl: ${head}${lines.map((line) => (lines.length === 1 ? line : `  ${line}`)).join("\n")}${stack}\n`
  }
  if (error instanceof PirlError) return `pirl: ${error.message}${stack}\n`
  const message = error instanceof Error ? error.message : String(error)
  const hint = debug ? "" : "\nThis is a bug of pirl. Run it again with PIRL_DEBUG=1 and report what it prints."
  return `pirl: ${message}${hint}${stack}\n`
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? "" : `\ncaused by: ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

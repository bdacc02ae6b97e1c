/**
 * How a command ends: exit codes, and errors as a person reads them.
 */
import { ConfigError, DataError, PirlError } from "../errors.ts"
import { withoutSecrets } from "../secrets.ts"

/** Exit codes of the command line. */
export const exitCodes: {
  readonly ok: 0
  readonly failure: 1
  readonly badInput: 2
  readonly interrupted: 130
  readonly terminated: 143
} = { ok: 0, failure: 1, badInput: 2, interrupted: 130, terminated: 143 }

/** 2 for what the user can correct in config, arguments or data; 1 for all other errors. */
export function exitCodeOf(error: unknown): number {
  return error instanceof ConfigError || error instanceof DataError ? exitCodes.badInput : exitCodes.failure
}

/** What a person can do about an error of the operating system; by Node's names of them. */
const systemErrors: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full: make room, then run the command again.",
  EDQUOT: "Your share of the disk is used up: make room, then run the command again.",
  EACCES: "Correct its permissions, or take another place.",
  EPERM: "Correct its permissions, or take another place.",
  EROFS: "The file system can only be read: take another place.",
  ENOENT: "Check the path.",
  ENOTDIR: "Check the path: something on it is no folder.",
  EISDIR: "Check the path: it is a folder.",
  ELOOP: "Check the path: its links lead in a circle.",
  ENAMETOOLONG: "Take a shorter name.",
  EMFILE: "Too many files are open: raise the limit (ulimit -n).",
  ENFILE: "Too many files are open on this machine.",
  EIO: "The disk does not work as it should: look at the system's log.",
  EFBIG: "The file is larger than the system allows (ulimit -f).",
}

/** An error of the operating system in words; undefined for any other. */
function describeSystemError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined
  const advice = systemErrors[String(error.code)]
  return advice === undefined ? undefined : `the system refused: ${error.message}. ${advice}`
}

/** What the runtime says where something is larger than it can hold. */
const TOO_LARGE = new RegExp(
  [
    "Invalid (?:string|array|typed array) length",
    "Array buffer allocation failed",
    "longer than 0x[0-9a-f]+ characters",
    "Cannot create a (?:string|Buffer) larger",
  ].join("|"),
  "i",
)

/** Something that is too large for the runtime, in words; undefined for any other error. */
function describeSize(error: unknown): string | undefined {
  if (!(error instanceof Error) || !TOO_LARGE.test(error.message)) return undefined
  const advice = "Use smaller files, or a machine with more memory."
  return `expected files and settings that fit into memory, got: ${error.message}. ${advice}`
}

/** What a message of ours begins with: the program, and the command where the message names it. */
const ownName = /^pirl(?: [a-z]+)?: /

/** Before every message of ours, but for those that begin with it. */
function named(message: string): string {
  return ownName.test(message) ? message : `pirl: ${message}`
}

/**
 * An error as lines for the terminal, without a stack. Errors that are not ours may quote a secret, which is taken out.
 * @param debug  add the stack, with the causes
 */
export function describeError(error: unknown, debug: boolean): string {
  return withoutSecrets(describe(error, debug))
}

function describe(error: unknown, debug: boolean): string {
  const stack = debug ? `\n${stackOf(error)}` : ""
  if (error instanceof ConfigError) {
    const lines = error.message.split("\n")
    if (lines.length === 1) return `${named(lines[0]!)}${stack}\n`
    // Named once, at the head of the list.
    const name = lines.map((line) => ownName.exec(line)?.[0]).find((own) => own !== undefined) ?? "pirl: "
    const list = lines.map((line) => `  ${line.replace(ownName, "")}`).join("\n")
    return `${name}${lines.length} problems, nothing was started:\n${list}${stack}\n`
  }
  if (error instanceof PirlError) return `${named(error.message)}${stack}\n`
  const system = describeSystemError(error)
  const size = describeSize(error)
  if (size !== undefined) return `pirl: ${size}${stack}\n`
  if (system !== undefined) return `pirl: ${system}${stack}\n`
  const message = error instanceof Error ? error.message : String(error)
  const hint = debug ? "" : "\nThis is a bug of pirl. Run it again with PIRL_DEBUG=1 and report what it prints."
  return `pirl: ${message}${hint}${stack}\n`
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? "" : `\ncaused by: ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

/**
 * How long each log was at a checkpoint, and the hash of it so far. Logs are only appended to, so that the beginning of
 * a log stays what it was: where it does not, the log was cut, deleted or changed, or is that of another run.
 */
import { statSync } from "node:fs"
import { join } from "node:path"
import { addFile, newHash } from "../integrity/index.ts"
import { reasonOf } from "./durable-files.ts"

/** A log as far as it was written. */
export interface LogMark {
  readonly bytes: number
  /** Of those bytes. */
  readonly sha256: string
}

/** Marks by the path of the log below the run's folder, with forward slashes. */
export type LogMarks = Readonly<Record<string, LogMark>>

/** A log that does not begin as it did at a checkpoint. */
export interface LogProblem {
  /** Path below the run's folder. */
  readonly file: string
  /** What is wrong with it, after its name. */
  readonly reason: string
}

/** The mark of a whole file. @throws the error of the file system */
export function markOf(path: string): LogMark {
  const hash = newHash()
  const bytes = addFile(hash, path)
  return { bytes, sha256: hash.digest("hex") }
}

/** Logs of a run that do not begin as their marks say. */
export function logProblems(runDirectory: string, marks: LogMarks): LogProblem[] {
  return Object.entries(marks).flatMap(([file, mark]) => {
    const reason = problemOf(join(runDirectory, file), mark)
    return reason === undefined ? [] : [{ file, reason }]
  })
}

function problemOf(path: string, { bytes, sha256 }: LogMark): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return bytes === 0 ? undefined : "was deleted"
    if (found.size < bytes) return `was cut: it has ${found.size} bytes, and had ${bytes}`
    const hash = newHash()
    addFile(hash, path, bytes)
    return hash.digest("hex") === sha256 ? undefined : "was changed, or is that of another run"
  } catch (error) {
    return `cannot be read (${reasonOf(error)})`
  }
}

/** The marks that a checkpoint holds; undefined when it holds none, or something else. */
export function marksIn(value: unknown): LogMarks | undefined {
  if (typeof value !== "object" || value === null) return undefined
  const isMark = (mark: unknown): mark is LogMark =>
    typeof mark === "object" &&
    mark !== null &&
    "bytes" in mark &&
    Number.isSafeInteger(mark.bytes) &&
    "sha256" in mark &&
    typeof mark.sha256 === "string"
  const entries = Object.entries(value)
  return entries.every((entry): entry is [string, LogMark] => isMark(entry[1]))
    ? Object.fromEntries(entries)
    : undefined
}

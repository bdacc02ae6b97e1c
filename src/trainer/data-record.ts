/** The data that a run was begun with, so that it goes on with the same: data.json in its folder. */
import { existsSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { z } from "zod"
import type { DataFile, Task } from "../data/task.ts"
import { CheckpointError, DataError } from "../errors.ts"
import { writeFileAtomic } from "../runs/index.ts"

const NAME = "data.json"

const recordSchema = z.object({ files: z.array(z.object({ path: z.string(), sha256: z.string() })) })

function readRecord(path: string): readonly DataFile[] {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, "utf8"))).files
  } catch (cause) {
    const message =
      `${path}: expected the files of the run's data, got what is no such record. Remove it to go ` +
      "on unchecked."
    throw new CheckpointError(message, { cause })
  }
}

function difference(before: readonly DataFile[], now: readonly DataFile[]): string | undefined {
  if (before.length !== now.length) return `${now.length} files in place of ${before.length}`
  const at = now.findIndex(({ sha256 }, i) => sha256 !== before[i]!.sha256)
  if (at < 0) return undefined
  const [was, is] = [before[at]!, now[at]!]
  return basename(was.path) === basename(is.path)
    ? `another content in ${is.path}`
    : `${is.path} in place of ${was.path}`
}

/**
 * Keeps the hashes of the data with a new run, and compares a resumed one's with them. Files may have moved.
 * @param directory  folder of the run
 * @param step       where a resumed run goes on; undefined for a new one, and for one that has no step yet
 * @returns a note, where the run has no record to compare with
 * @throws DataError        when the data is not what the run was begun with
 * @throws CheckpointError  when the record is damaged
 */
export function keepData(directory: string, { files }: Task, step: number | undefined): string | undefined {
  if (files === undefined) return undefined
  const path = join(directory, NAME)
  const isKnown = existsSync(path)
  if (step !== undefined && isKnown) {
    const changed = difference(readRecord(path), files)
    if (changed === undefined) return undefined
    throw new DataError(
      `train: expected the data that the run was begun with (${path} has its hashes), got ${changed}. ` +
        "Put the data back, or start a new run in another folder.",
    )
  }
  writeFileAtomic(path, `${JSON.stringify({ files }, null, 2)}\n`)
  if (step === undefined || isKnown) return undefined
  return (
    "the run has no hashes of the data that it was begun with: whether this is the same is not " +
    "known. From now on it has"
  )
}

/** The data that a run was begun with, so that it goes on with the same: data.json in its folder. */
import { existsSync, readFileSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { z } from "zod"
import type { DataFile, Task } from "../data/task.ts"
import { CheckpointError, DataError } from "../errors.ts"
import { hashFile } from "../integrity/index.ts"
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

function changedData(directory: string, changed: string): DataError {
  return new DataError(
    `train: expected the data that the run was begun with (${join(directory, NAME)} has its hashes), got ${changed}. ` +
      "Put the data back, or start a new run in another folder.",
  )
}

/**
 * Compares the files of a run's data with its record, where they still lie where they did: before anything of the run
 * is changed. What has moved is compared when it is read (`keepData`).
 * @throws DataError        when one has changed
 * @throws CheckpointError  when the record is damaged
 */
export function checkDataInPlace(directory: string): void {
  const path = join(directory, NAME)
  if (!existsSync(path)) return
  for (const file of readRecord(path)) {
    const found = statSync(file.path, { throwIfNoEntry: false })
    if (found?.isFile() === true && hashFile(file.path) !== file.sha256)
      throw changedData(directory, `another content in ${file.path}`)
  }
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
    throw changedData(directory, changed)
  }
  writeFileAtomic(path, `${JSON.stringify({ files }, null, 2)}\n`)
  if (step === undefined || isKnown) return undefined
  return (
    "the run has no hashes of the data that it was begun with: whether this is the same is not " +
    "known. From now on it has"
  )
}

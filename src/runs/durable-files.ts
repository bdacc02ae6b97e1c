/**
 * Files that are whole or not there, also after a power cut.
 */
import { closeSync, fsyncSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { DataError } from "../errors.ts"

/** Forces a file's content to the disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, "r+")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Forces a folder's entries to the disk: a rename within it then survives a power cut. */
export function syncDirectory(path: string): void {
  // Windows cannot open a folder, and journals renames itself.
  if (process.platform === "win32") return
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Forces every file and folder below a folder to the disk, and the folder itself. */
export function syncTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) syncTree(child)
    else if (entry.isFile()) syncFile(child)
  }
  syncDirectory(path)
}

/** `syncTree` while this thread goes on: gigabytes take seconds, in which Ctrl-C must be heard. */
export async function syncTreeMeanwhile(path: string): Promise<void> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) await syncTreeMeanwhile(child)
    else if (entry.isFile()) await syncMeanwhile(child, "r+")
  }
  if (process.platform !== "win32") await syncMeanwhile(path, "r")
}

async function syncMeanwhile(path: string, flags: string): Promise<void> {
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Replaces a file so that readers see the old content or the new, never a part. When writing fails the old content
 * stays and no other file is left behind.
 * @throws the error of the file system
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    writeFileSync(temporary, data)
    syncFile(temporary)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

/**
 * The text of a file of a run.
 * @throws DataError  when it is not there or cannot be read
 */
export function readTextFile(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new DataError(`${path}: expected a file that can be read, got ${reasonOf(cause)}. Check that it is there, and its permissions.`, { cause })
  }
}

/** The file system's own short reason, e.g. `ENOSPC`, for error messages. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return (error as NodeJS.ErrnoException).code ?? error.message
  return String(error)
}

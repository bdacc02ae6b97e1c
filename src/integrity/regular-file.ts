/**
 * Files that others made are opened here: what is no file never answers (a named pipe) or never ends (a device), and
 * what is too large is refused by its size before a byte of it is read.
 */
import { constants, readFileSync, statSync } from "node:fs"
import type { Stats } from "node:fs"
import { open } from "node:fs/promises"
import type { FileHandle } from "node:fs/promises"
import type { PirlError } from "../errors.ts"

/** A class of error to refuse a file with. */
export type Refusal = new (message: string, options?: ErrorOptions) => PirlError

/** A pipe without a writer is opened at once, instead of waiting for one. Windows has neither. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** What stands where a file should be, in words; undefined for a file. */
function otherThanFile(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined
  if (stats.isDirectory()) return "a folder"
  if (stats.isFIFO()) return "a named pipe"
  if (stats.isSocket()) return "a socket"
  return "a device"
}

function check(path: string, stats: Stats, Refused: Refusal): void {
  const got = otherThanFile(stats)
  if (got !== undefined) throw new Refused(`${path}: expected a file, got ${got}. Put the file itself there.`)
}

/**
 * Opens a file to be read.
 * @throws Refusal  when it is a folder, a pipe, a socket or a device
 * @throws the error of the file system
 */
export async function openFile(path: string, Refused: Refusal): Promise<FileHandle> {
  const file = await open(path, READ_AT_ONCE)
  try {
    check(path, await file.stat(), Refused)
  } catch (error) {
    await file.close()
    throw error
  }
  return file
}

/**
 * The content of a file that is read whole.
 * @param maximumBytes  of the file
 * @throws Refusal  when it is no file, or a larger one
 * @throws the error of the file system
 */
export async function readBounded(path: string, maximumBytes: number, Refused: Refusal): Promise<Uint8Array> {
  const file = await openFile(path, Refused)
  try {
    const { size } = await file.stat()
    if (size > maximumBytes) {
      const expected = `${path}: expected a file of at most ${maximumBytes} bytes`
      throw new Refused(`${expected}, got ${size}. It is no file of its kind, or a damaged one.`)
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/**
 * The same at once, for text.
 * @throws as `readBounded`
 */
export function readBoundedText(path: string, maximumBytes: number, Refused: Refusal): string {
  const stats = statSync(path)
  check(path, stats, Refused)
  if (stats.size > maximumBytes) {
    const expected = `${path}: expected a file of at most ${maximumBytes} bytes`
    throw new Refused(`${expected}, got ${stats.size}. It is no file of its kind, or a damaged one.`)
  }
  return readFileSync(path, "utf8")
}

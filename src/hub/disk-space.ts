/** Whether what is to be fetched fits on the disk. */
import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { DataError } from "../errors.ts"
import { formatSize } from "../amounts.ts"

/** Bytes that may be written where a folder is or will be; undefined where the system does not tell. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT"
      if (!missing || dirname(path) === path) return undefined
    }
  }
}

/**
 * @param what    e.g. "the model owner/name"
 * @param needed  bytes still to come
 */
export function noSpace(what: string, folder: string, needed: number, free: number | undefined, cause?: unknown): DataError {
  const shown = free === undefined ? "less" : `${formatSize(free)} (${free} bytes)`
  const fix = "Make room, or set HF_HOME to a folder on another disk."
  return new DataError(`hub: expected ${formatSize(needed)} (${needed} bytes) of free space in ${folder} for ${what}, got ${shown}. ${fix}`, { cause })
}

/** True for the error of a write to a full disk, or beyond one's share of it. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")
}

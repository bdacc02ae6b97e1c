/** SHA-256 of files: made while they are written, compared when they are read. */
import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import { closeSync, openSync, readSync } from "node:fs"

/** SHA-256 in hexadecimal by the path of a file below some folder, with forward slashes. */
export type FileHashes = ReadonlyMap<string, string>

const CHUNK_BYTES = 4 * 1024 * 1024

/** A hash to which content is added piece by piece. */
export function newHash(): Hash {
  return createHash("sha256")
}

export function hashOf(content: string | Uint8Array): string {
  return newHash().update(content).digest("hex")
}

/** Hashes with their paths below a folder that holds theirs; none for a writer that does not tell them. */
export function hashesBelow(folder: string, hashes: FileHashes | void): FileHashes {
  return new Map([...(hashes ?? [])].map(([path, hash]) => [`${folder}/${path}`, hash]))
}

/**
 * Adds the first bytes of a file to a hash.
 * @param bytes  the whole file when it is undefined
 * @returns bytes that were read: fewer when the file ends before
 * @throws the error of the file system
 */
export function addFile(hash: Hash, path: string, bytes: number = Number.POSITIVE_INFINITY): number {
  const descriptor = openSync(path, "r")
  try {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, bytes)))
    let done = 0
    while (done < bytes) {
      const read = readSync(descriptor, chunk, 0, Math.min(chunk.length, bytes - done), null)
      if (read === 0) break
      hash.update(chunk.subarray(0, read))
      done += read
    }
    return done
  } finally {
    closeSync(descriptor)
  }
}

/** @throws the error of the file system */
export function hashFile(path: string): string {
  const hash = newHash()
  addFile(hash, path)
  return hash.digest("hex")
}

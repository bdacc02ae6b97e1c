/** Files by their content. */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import type { DataFile } from "./task.ts"

/** @throws Error  of the file system, when it cannot be read */
export async function hashFile(path: string): Promise<DataFile> {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash)
  return { path, sha256: hash.digest("hex") }
}

import { CheckpointError, PirlError } from "../errors.ts"
import { standInBytes, standInFor } from "../hub/stand-in.ts"
import { readBounded } from "../integrity/index.ts"

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** A value as it is shown in an error message: short, on one line. */
export function showValue(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/**
 * Parses JSON text that must be an object.
 * @throws CheckpointError  when it is not JSON, or not an object; a Git LFS pointer and a web page are told apart from damage
 */
export function parseJsonObject(text: string, file: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const standIn = standInFor(Buffer.from(text.slice(0, standInBytes)))
    if (standIn !== undefined) throw new CheckpointError(`${file}: expected JSON, got ${standIn.what}. ${standIn.fix}`, { cause })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError(`${file}: expected JSON, got a syntax error (${reason}). Copy the file again.`, { cause })
  }
  if (!isJsonObject(value)) {
    throw new CheckpointError(`${file}: expected a JSON object, got ${showValue(value)}. Copy the file again.`)
  }
  return value
}

/** Bytes of a file that is read whole; the tokenizer.json of Gemma 3 has 33 million. */
export const maximumFileBytes: number = 2 ** 26

/**
 * Reads a file of a folder that may lack it; undefined when there is none.
 * @throws CheckpointError  when it is no file, has more than `maximumFileBytes`, or cannot be read
 */
export async function readOptionalFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readBounded(path, maximumFileBytes, CheckpointError)
  } catch (cause) {
    if (cause instanceof PirlError) throw cause
    if (isMissingFile(cause)) return undefined
    throw new CheckpointError(`${path}: expected a readable file, got ${String(cause)}. Check its permissions.`, { cause })
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissingFile(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
}

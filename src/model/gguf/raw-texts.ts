/** Lists of texts as a file holds them. `@huggingface/gguf` drops byte order marks, which some tokens start with. */
import { open } from "node:fs/promises"
import { unreadable } from "./errors.ts"
import type { GgufFile } from "./reader.ts"

/** Types of values: a list, and a text in it. */
const [listType, textType] = [9, 8]

/**
 * @returns undefined when the header has no such key
 * @throws CheckpointError  when its value is no list of texts
 */
export async function readRawTexts({ path, headerBytes }: GgufFile, key: string): Promise<string[] | undefined> {
  const bytes = Buffer.alloc(headerBytes)
  const file = await open(path, "r")
  try {
    await file.read(bytes, 0, headerBytes, 0)
  } finally {
    await file.close()
  }
  const name = Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(key.length)).buffer), Buffer.from(key, "latin1")])
  const found = bytes.indexOf(name)
  if (found < 0) return undefined
  let at = found + name.length
  const length = (): number => {
    at += 8
    return Number(bytes.readBigUInt64LE(at - 8))
  }
  if (bytes.readUInt32LE(at) !== listType || bytes.readUInt32LE(at + 4) !== textType) {
    throw unreadable(`${path}: ${key}`, "a list of texts", "another value", "Convert the model again.")
  }
  at += 8
  const count = length()
  const texts: string[] = []
  for (let i = 0; i < count; i++) {
    const size = length()
    texts.push(bytes.toString("utf8", at, at + size))
    at += size
  }
  return texts
}

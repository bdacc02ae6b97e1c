/**
 * Walks the header of a GGUF file before it is parsed. Every count in it may claim anything: each is held against a
 * limit and against the bytes that the file has left, so that parsing makes nothing that the file does not hold.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import type { FileHandle } from "node:fs/promises"
import { unreadable } from "./errors.ts"

/** Bytes of a header. That of Gemma 3, with 262,144 tokens, has 14 million. */
const MAXIMUM_HEADER_BYTES = 2 ** 28
const MAXIMUM_KEYS = 65_536
const MAXIMUM_TENSORS = 65_536
/** Items of all lists together. A vocabulary has one of texts, one of types, one of scores and one of merges. */
const MAXIMUM_ITEMS = 2 ** 24
/** The limit of the format, bytes. */
const MAXIMUM_KEY_BYTES = 65_535
const MAXIMUM_NAME_BYTES = 1024
const MAXIMUM_TEXT_BYTES = 2 ** 24
/** The limit of ggml is 4. */
const MAXIMUM_DIMENSIONS = 8
/** Items of a tensor: beyond it no machine holds one. */
const MAXIMUM_ELEMENTS = 2n ** 40n

/** Bytes of the values of fixed size, by the number of their type. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
}
const [TEXT, LIST] = [8, 9]

const PART_BYTES = 2 ** 20

/** Reads a file forwards, in parts. */
class Walk {
  readonly #file: FileHandle
  readonly #path: string
  readonly #size: number
  #part = Buffer.alloc(0)
  #start = 0
  #at = 0

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file
    this.#path = path
    this.#size = size
  }

  fail(where: string, expected: string, got: string): never {
    throw unreadable(`${this.#path}: ${where}`, expected, got, "It is damaged or cut short: download it again.")
  }

  get left(): number {
    return this.#size - this.#at
  }

  skip(bytes: number, where: string): void {
    if (bytes > this.left) this.fail(where, `${bytes} more bytes`, `${this.left}`)
    this.#at += bytes
    if (this.#at > MAXIMUM_HEADER_BYTES) {
      this.fail(where, `a header of at most ${MAXIMUM_HEADER_BYTES} bytes`, "a longer one")
    }
  }

  /** A whole number of `bytes` bytes. */
  async number(bytes: 4 | 8, where: string): Promise<bigint> {
    const at = await this.#have(bytes, where)
    return bytes === 4 ? BigInt(this.#part.readUInt32LE(at)) : this.#part.readBigUInt64LE(at)
  }

  /** A number that must not be more than `most`. */
  async count(bytes: 4 | 8, most: number, where: string): Promise<number> {
    const value = await this.number(bytes, where)
    if (value > BigInt(most)) this.fail(where, `at most ${most}`, String(value))
    return Number(value)
  }

  /** A text of at most so many bytes; its length stands before it. */
  async text(most: number, where: string): Promise<string> {
    const length = await this.count(8, most, `${where}: length`)
    if (length > this.left) this.fail(where, `a text within the file`, `one of ${length} bytes with ${this.left} left`)
    if (length > PART_BYTES / 2) {
      this.skip(length, where)
      return ""
    }
    const at = await this.#have(length, where)
    return this.#part.toString("utf8", at, at + length)
  }

  /** Moves past so many bytes, and says where they stand in the part that is in memory. */
  async #have(bytes: number, where: string): Promise<number> {
    const at = this.#at
    this.skip(bytes, where)
    if (at < this.#start || at + bytes > this.#start + this.#part.length) {
      const part = Buffer.alloc(Math.min(PART_BYTES, this.#size - at))
      const { bytesRead } = await this.#file.read(part, 0, part.length, at)
      if (bytesRead < bytes) this.fail(where, `${bytes} more bytes`, `${bytesRead}`)
      this.#part = part.subarray(0, bytesRead)
      this.#start = at
    }
    return at - this.#start
  }
}

/**
 * @param size  of the file, bytes
 * @throws CheckpointError  naming the key or tensor whose count is beyond its limit or the file's end
 */
export async function checkHeader(file: FileHandle, path: string, size: number): Promise<void> {
  const walk = new Walk(file, path, size)
  walk.skip(8, "header")
  const tensors = await walk.count(8, MAXIMUM_TENSORS, "number of tensors")
  const keys = await walk.count(8, MAXIMUM_KEYS, "number of keys")
  let items = 0
  for (let i = 0; i < keys; i++) {
    const key = await walk.text(MAXIMUM_KEY_BYTES, `key ${i + 1}`)
    const type = Number(await walk.number(4, key))
    if (type === TEXT) await walk.text(MAXIMUM_TEXT_BYTES, key)
    else if (type === LIST) items += await checkList(walk, key, MAXIMUM_ITEMS - items)
    else walk.skip(bytesOf(walk, type, key), key)
  }
  for (let i = 0; i < tensors; i++) await checkTensor(walk, `tensor ${i + 1}`)
}

function bytesOf(walk: Walk, type: number, where: string): number {
  return VALUE_BYTES[type] ?? walk.fail(where, "a value of a known type", `type ${type}`)
}

/** @returns its number of items */
async function checkList(walk: Walk, key: string, most: number): Promise<number> {
  const type = Number(await walk.number(4, key))
  const count = await walk.count(8, most, `${key}: items of all lists`)
  if (type === LIST) walk.fail(key, "a list of values", "a list of lists")
  // A text takes its length at least.
  const least = type === TEXT ? 8 : bytesOf(walk, type, key)
  if (count * least > walk.left) {
    walk.fail(key, "a list within the file", `one of ${count} items with ${walk.left} bytes left`)
  }
  if (type !== TEXT) walk.skip(count * least, key)
  else for (let i = 0; i < count; i++) await walk.text(MAXIMUM_TEXT_BYTES, key)
  return count
}

async function checkTensor(walk: Walk, place: string): Promise<void> {
  const name = (await walk.text(MAXIMUM_NAME_BYTES, place)) || place
  const where = `tensor ${name}`
  const dimensions = await walk.count(4, MAXIMUM_DIMENSIONS, `${where}: dimensions`)
  let elements = 1n
  for (let i = 0; i < dimensions; i++) {
    elements *= await walk.number(8, where)
    if (elements > MAXIMUM_ELEMENTS) walk.fail(where, `at most ${MAXIMUM_ELEMENTS} elements`, "more")
  }
  // Its type and its place, which are checked where they are read.
  walk.skip(12, where)
}

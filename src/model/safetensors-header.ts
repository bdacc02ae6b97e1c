/**
 * The header of a safetensors file: 8 bytes little-endian length, that many bytes of JSON, then the data. Every tensor
 * names its element type, shape and byte range; the ranges must cover the data without gap or overlap.
 * Format: https://github.com/huggingface/safetensors#format
 */
import type { FileHandle } from "node:fs/promises"
import { CheckpointError } from "../errors.ts"
import { standInBytes, standInFor } from "../hub/stand-in.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject, parseJsonObject, showValue } from "./json-file.ts"
import { elementCount } from "./weights.ts"

export interface TensorEntry {
  /** Element type as the file names it: F32, BF16, I64, ... */
  readonly type: string
  readonly shape: readonly number[]
  /** Byte range, counted from the start of the data. */
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
  /** Where the data starts in the file, bytes. */
  readonly dataOffset: number
}

/** The limit of the reference implementation, bytes. */
const maximumHeaderLength = 100_000_000

/** Bits per element of every type the format knows; those under a byte are left out. */
const elementBytes: Readonly<Record<string, number>> = {
  BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, U16: 2, I16: 2, F16: 2, BF16: 2, U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8,
}

/**
 * Reads and checks the header of an open file.
 * @throws CheckpointError  naming the file and, where one is at fault, the tensor
 */
export async function readHeader(file: FileHandle, path: string): Promise<SafetensorsHeader> {
  const { size } = await file.stat()
  const prefix = Buffer.alloc(standInBytes)
  const { bytesRead } = await file.read(prefix, 0, standInBytes, 0)
  const standIn = standInFor(prefix.subarray(0, bytesRead))
  if (standIn !== undefined) throw new CheckpointError(`${path}: expected a safetensors file, got ${standIn.what}. ${standIn.fix}`)
  if (bytesRead < 8) {
    throw new CheckpointError(`${path}: expected a safetensors file, got ${size} bytes. The file is cut short: copy it again.`)
  }
  const length = prefix.readBigUInt64LE(0)
  if (length > BigInt(maximumHeaderLength)) {
    throw new CheckpointError(
      `${path}: expected a header of at most ${maximumHeaderLength} bytes, got ${length}. This is no safetensors file, or a damaged one.`,
    )
  }
  const headerLength = Number(length)
  const dataOffset = 8 + headerLength
  if (dataOffset > size) {
    throw new CheckpointError(
      `${path}: expected a header of ${headerLength} bytes, got a file of ${size} bytes. The file is cut short: copy it again.`,
    )
  }
  const text = Buffer.alloc(headerLength)
  await file.read(text, 0, headerLength, 8)
  const json = parseJsonObject(text.toString("utf8"), `${path} (header)`)
  const tensors = parseEntries(json, path)
  checkCoverage(tensors, size - dataOffset, path)
  return { tensors, metadata: parseMetadata(json, path), dataOffset }
}

function parseMetadata(json: JsonObject, path: string): Record<string, string> {
  const value = json["__metadata__"] ?? {}
  if (isJsonObject(value)) {
    const entries = Object.entries(value)
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === "string")) return Object.fromEntries(entries)
  }
  throw new CheckpointError(`${path}: expected __metadata__ to hold texts, got ${showValue(value)}. Write the file again.`)
}

function parseEntries(json: JsonObject, path: string): Map<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>()
  for (const [name, value] of Object.entries(json)) {
    if (name !== "__metadata__") tensors.set(name, parseEntry(value, name, path))
  }
  return tensors
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number" && Number.isSafeInteger(item) && item >= 0)
}

function parseEntry(value: unknown, name: string, path: string): TensorEntry {
  const fail = (expected: string, got: unknown): never => {
    throw new CheckpointError(`${path}: tensor ${name}: expected ${expected}, got ${showValue(got)}. The header is damaged: copy the file again.`)
  }
  if (!isJsonObject(value)) return fail("an object", value)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== "string") return fail("dtype to be a text", dtype)
  if (!isCountList(shape)) return fail("shape to be a list of sizes", shape)
  if (!isCountList(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) return fail("data_offsets [begin, end]", offsets)
  const [begin, end] = offsets
  const width = elementBytes[dtype]
  if (width !== undefined && elementCount(shape) * width !== end - begin) {
    return fail(`${elementCount(shape) * width} bytes for ${dtype} ${JSON.stringify(shape)}`, end - begin)
  }
  return { type: dtype, shape, begin, end }
}

function checkCoverage(tensors: ReadonlyMap<string, TensorEntry>, dataLength: number, path: string): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let position = 0
  let previous = "the start of the data"
  for (const [name, { begin, end }] of ordered) {
    if (begin !== position) {
      const what = begin < position ? "an overlap" : "a gap"
      throw new CheckpointError(
        `${path}: tensor ${name}: expected data from byte ${position}, after ${previous}, got ${begin}: ${what}. The header is damaged: copy the file again.`,
      )
    }
    if (end > dataLength) {
      throw new CheckpointError(
        `${path}: tensor ${name}: expected data up to byte ${end}, got a file that ends at ${dataLength}. The file is cut short: copy it again.`,
      )
    }
    position = end
    previous = name
  }
  if (position !== dataLength) {
    throw new CheckpointError(
      `${path}: expected ${position} bytes of data, got ${dataLength}. Bytes that belong to no tensor: write the file again.`,
    )
  }
}

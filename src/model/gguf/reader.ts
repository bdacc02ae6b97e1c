/**
 * GGUF files: header, metadata and tensors. The header is read by `@huggingface/gguf`, which pads what is cut short
 * with zeros and takes every version; what surrounds it here refuses such files.
 */
import type { FileHandle } from "node:fs/promises"
import { stat } from "node:fs/promises"
import type { GGUFParseOutput } from "@huggingface/gguf"
import { gguf } from "@huggingface/gguf"
import { CheckpointError, PirlError } from "../../errors.ts"
import { openFile } from "../../integrity/index.ts"
import { isMissingFile } from "../json-file.ts"
import { elementCount } from "../weights.ts"
import { dequantise } from "./dequantise.ts"
import { unreadable } from "./errors.ts"
import { checkHeader } from "./header-limits.ts"
import { GgufMetadata } from "./metadata.ts"
import { describeTensorType, tensorLayouts, tensorTypeNames, tensorTypeOf } from "./tensor-types.ts"

export interface GgufTensor {
  readonly name: string
  /** Outermost first, as everywhere here; the file lists the innermost first. */
  readonly shape: readonly number[]
  /** Number of the element type, which may be one that is not read here. */
  readonly typeId: number
  /** First byte in the file. */
  readonly begin: number
}

export interface GgufFile {
  readonly path: string
  readonly metadata: GgufMetadata
  readonly tensors: ReadonlyMap<string, GgufTensor>
  /** First byte after the header. */
  readonly headerBytes: number
}

/** Elements read at a time. A multiple of every block. */
const chunkElements = 4 * 1024 * 1024

/** Magic, version, and the numbers of tensors and keys. */
const smallestFile = 24

const cutShort = "It is cut short: download it again."

/**
 * Reads the header and checks that the file holds all that it describes.
 * @throws CheckpointError  when there is no such file, it is no GGUF file, of another version, damaged or cut short
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const size = await checkStart(path)
  await withFile(path, (file) => checkHeader(file, path, size))
  const { metadata, tensorInfos, tensorDataOffset, tensorInfoByteRange } = await parseHeader(path)
  const headerBytes = tensorInfoByteRange[1]
  if (headerBytes > size) {
    throw unreadable(path, `a header of ${headerBytes} bytes or more`, `a file of ${size}`, cutShort)
  }
  const tensors = new Map<string, GgufTensor>()
  for (const { name, shape, dtype, offset } of tensorInfos) {
    const begin = Number(tensorDataOffset + offset)
    const tensor = { name, shape: shape.map(Number).reverse(), typeId: Number(dtype), begin }
    if (tensors.has(name)) throw unreadable(path, `one tensor ${name}`, "two", "It is damaged: download it again.")
    checkExtent(path, size, tensor)
    tensors.set(name, tensor)
  }
  const values = new GgufMetadata({ ...metadata }, path)
  const parts = values.number("split.count") ?? 1
  if (parts > 1) {
    const remedy = "Put them together by llama.cpp's llama-gguf-split --merge."
    throw unreadable(path, "a whole model", `one of ${parts} parts`, remedy)
  }
  return { path, metadata: values, tensors, headerBytes }
}

/**
 * @returns size of the file, bytes
 * @throws CheckpointError  when it does not start as a GGUF file of a version that is read
 */
async function checkStart(path: string): Promise<number> {
  const start = Buffer.alloc(smallestFile)
  const size = await withFile(path, async (file) => {
    await file.read(start, 0, smallestFile, 0)
    return (await file.stat()).size
  })
  if (!"GGUF".startsWith(start.toString("latin1", 0, Math.min(4, size))) || size === 0) {
    throw unreadable(path, "a GGUF file", ...describeStart(start, size))
  }
  if (size < smallestFile) {
    throw unreadable(path, `a header of ${smallestFile} bytes or more`, `a file of ${size}`, cutShort)
  }
  const version = start.readUInt32LE(4)
  if (version !== 2 && version !== 3) {
    const swapped = start.readUInt32BE(4)
    const got = swapped <= 3 ? `version ${swapped} in the byte order of big-endian machines` : `version ${version}`
    throw unreadable(path, "GGUF version 2 or 3, little-endian", got, "Convert the model by a current llama.cpp.")
  }
  return size
}

/** What a file is instead, and what to do. */
function describeStart(start: Buffer, size: number): [got: string, remedy: string] {
  if (size === 0) return ["an empty file", "Download it again."]
  const text = start.toString("latin1")
  if (text.startsWith("version https://git-lfs")) {
    return ["the pointer that Git LFS leaves in its place", "Fetch the file itself: git lfs pull."]
  }
  if (/^\s*<[!a-z]/i.test(text)) return ["a web page", "Download the file itself, not the page about it."]
  if (text.startsWith("PK")) return ["a zip archive", "Unpack it, or give the folder of the model."]
  // JSON, or the length that safetensors start with.
  if (text.startsWith('{"') || start.readBigUInt64LE(0) < 100_000_000n) {
    return ["another kind of file", "Give the folder of a model, not one of its files."]
  }
  return [`a file that starts with ${JSON.stringify(text.slice(0, 4))}`, "Give a .gguf file or the folder of a model."]
}

async function parseHeader(path: string): Promise<GGUFParseOutput> {
  try {
    return await gguf(path, { allowLocalFile: true })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw unreadable(path, "the header of a GGUF file", reason, "It is damaged or cut short: download it again.", cause)
  }
}

/** @throws CheckpointError when the tensor ends outside the file; of a type that is not read the size is not known */
function checkExtent(path: string, size: number, tensor: GgufTensor): void {
  const type = tensorTypeOf(tensor.typeId)
  const end = tensor.begin + (type === undefined ? 0 : tensorBytes(path, tensor))
  if (Number.isSafeInteger(end) && end <= size) return
  throw unreadable(`${path}: tensor ${tensor.name}`, `a file of ${end} bytes or more`, String(size), cutShort)
}

function tensorBytes(path: string, { name, shape, typeId }: GgufTensor): number {
  const type = tensorTypeOf(typeId)
  if (type === undefined) {
    const known = `a quantisation among ${tensorTypeNames().join(", ")}`
    const remedy = "Use a file of the model in one of these, e.g. Q8_0."
    throw unreadable(`${path}: tensor ${name}`, known, describeTensorType(typeId), remedy)
  }
  const { elements, bytes } = tensorLayouts[type]
  const row = shape.at(-1) ?? 1
  if (row % elements !== 0) {
    const expected = `rows of whole blocks of ${elements} (${type})`
    throw unreadable(`${path}: tensor ${name}`, expected, `rows of ${row}`, "The file is damaged: download it again.")
  }
  return (elementCount(shape) / elements) * bytes
}

/**
 * Reads tensors into float32, dequantised, in the order of the file.
 * @param wanted  names; each must be in the file
 * @throws CheckpointError  naming the file and the tensor, also for a quantisation that is not computed
 */
export function readGgufTensors(file: GgufFile, wanted: Iterable<string>): Promise<Map<string, Float32Array>> {
  const tensors = [...wanted].map((name) => {
    const tensor = file.tensors.get(name)
    if (tensor === undefined) {
      throw unreadable(file.path, `a tensor ${name}`, "none of that name", "Check that the file belongs to the model.")
    }
    return tensor
  })
  tensors.sort((a, b) => a.begin - b.begin)
  return withFile(file.path, async (handle) => {
    const values = new Map<string, Float32Array>()
    for (const tensor of tensors) values.set(tensor.name, await readTensor(handle, file.path, tensor))
    return values
  })
}

async function readTensor(file: FileHandle, path: string, tensor: GgufTensor): Promise<Float32Array> {
  const total = tensorBytes(path, tensor)
  const type = tensorTypeOf(tensor.typeId)!
  const { elements, bytes } = tensorLayouts[type]
  const values = new Float32Array(elementCount(tensor.shape))
  const staging = new Uint8Array(Math.min((chunkElements / elements) * bytes, total))
  for (let done = 0, start = 0; done < total; done += staging.length, start += chunkElements) {
    const chunk = staging.subarray(0, Math.min(staging.length, total - done))
    const { bytesRead } = await file.read(chunk, 0, chunk.length, tensor.begin + done)
    if (bytesRead !== chunk.length) {
      throw unreadable(`${path}: tensor ${tensor.name}`, `${total} bytes`, "the end of the file", "Copy it again.")
    }
    dequantise(type, chunk, values, start)
  }
  return values
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    if ((await stat(path)).isDirectory()) throw unreadable(path, "a GGUF file", "a folder", "Name the file in it.")
    const file = await openFile(path, CheckpointError)
    try {
      return await work(file)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof PirlError) throw cause
    if (isMissingFile(cause)) throw unreadable(path, "a GGUF file", "no such file", "Check the path.", cause)
    throw unreadable(path, "a file that can be read", String(cause), "Check its permissions.", cause)
  }
}

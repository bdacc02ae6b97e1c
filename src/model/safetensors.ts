/**
 * Weight files in the safetensors format, read and written tensor by tensor, so that a model needs no second copy in
 * memory and files may be larger than 2 GiB. In memory every tensor is float32, row-major.
 */
import type { Hash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { open } from "node:fs/promises"
import { CheckpointError, PirlError, ShapeError } from "../errors.ts"
import { newHash, openFile } from "../integrity/index.ts"
import { deriveSeed } from "../random.ts"
import type { WeightType } from "./config.ts"
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeBfloat16Stochastic, encodeFloat16 } from "./float-formats.ts"
import type { SafetensorsHeader, TensorEntry } from "./safetensors-header.ts"
import { readHeader } from "./safetensors-header.ts"
import type { Weights } from "./weights.ts"
import { elementCount } from "./weights.ts"

export type { SafetensorsHeader, TensorEntry } from "./safetensors-header.ts"

/** Elements converted or moved at a time: 16 MiB of float32. */
export const chunkElements: number = 4 * 1024 * 1024

const typeNames: Readonly<Record<WeightType, string>> = { f32: "F32", bf16: "BF16", f16: "F16" }

/** Whether tensors of a file's element type can be read. */
export function isReadableType(type: string): boolean {
  return type === "F32" || type === "BF16" || type === "F16"
}

/**
 * Opens a file for as long as `work` takes.
 * @throws CheckpointError  on a failed read or write, a full disk included
 */
export async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    const file = await (flags === "r" ? openFile(path, CheckpointError) : open(path, flags))
    try {
      return await work(file)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof PirlError) throw cause
    const verb = flags === "r" ? "read" : "written"
    throw new CheckpointError(`${path}: expected a file that can be ${verb}, got ${String(cause)}. Check path, permissions and space.`, { cause })
  }
}

/**
 * Names, types, shapes and places of a file's tensors.
 * @throws CheckpointError  when the file is missing, cut short, or its header does not describe its data exactly
 */
export function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, "r", (file) => readHeader(file, path))
}

/**
 * Reads tensors into float32, in the order of the file.
 * @param wanted  names; each must be in the file as F32, BF16 or F16
 * @throws CheckpointError  naming the file and the tensor
 */
export function readTensors(path: string, wanted: Iterable<string>): Promise<Weights> {
  return withFile(path, "r", async (file) => {
    const header = await readHeader(file, path)
    const entries = [...wanted].map((name): [string, TensorEntry] => {
      const entry = header.tensors.get(name)
      if (entry === undefined) {
        throw new CheckpointError(`${path}: expected a tensor ${name}, got none of that name. Check that the file belongs to the model.`)
      }
      if (!isReadableType(entry.type)) {
        throw new CheckpointError(`${path}: tensor ${name}: expected F32, BF16 or F16, got ${entry.type}. Convert the checkpoint.`)
      }
      return [name, entry]
    })
    entries.sort(([, a], [, b]) => a.begin - b.begin)
    const weights: Weights = new Map()
    for (const [name, entry] of entries) weights.set(name, await readTensor(file, path, header.dataOffset, name, entry))
    return weights
  })
}

async function readTensor(file: FileHandle, path: string, dataOffset: number, name: string, entry: TensorEntry): Promise<Float32Array> {
  const values = new Float32Array(elementCount(entry.shape))
  const decode = entry.type === "BF16" ? decodeBfloat16 : entry.type === "F16" ? decodeFloat16 : undefined
  const staging = decode === undefined ? undefined : new Uint16Array(Math.min(chunkElements, values.length))
  const width = decode === undefined ? 4 : 2
  for (let start = 0; start < values.length; start += chunkElements) {
    const count = Math.min(chunkElements, values.length - start)
    const chunk = staging === undefined ? values.subarray(start, start + count) : staging.subarray(0, count)
    const position = dataOffset + entry.begin + start * width
    if (!(await readFully(file, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), position))) {
      throw new CheckpointError(`${path}: tensor ${name}: expected ${entry.end - entry.begin} bytes, got the end of the file. Copy it again.`)
    }
    if (decode !== undefined && chunk instanceof Uint16Array) decode(chunk, values, start)
  }
  return values
}

/**
 * Some elements of a tensor, in float32.
 * @param entry  of the file's header, with a type that can be read
 * @throws CheckpointError  when the file ends before them
 */
export async function readTensorChunk(
  file: FileHandle,
  entry: TensorEntry & { readonly path: string; readonly dataOffset: number },
  start: number,
  count: number,
): Promise<Float32Array> {
  const values = new Float32Array(count)
  const decode = entry.type === "BF16" ? decodeBfloat16 : entry.type === "F16" ? decodeFloat16 : undefined
  const raw = decode === undefined ? values : new Uint16Array(count)
  const position = entry.dataOffset + entry.begin + start * raw.BYTES_PER_ELEMENT
  if (!(await readFully(file, new Uint8Array(raw.buffer), position))) {
    throw new CheckpointError(`${entry.path}: expected ${count} more values, got the end of the file. Copy it again.`)
  }
  if (decode !== undefined && raw instanceof Uint16Array) decode(raw, values, 0)
  return values
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<boolean> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

/** A tensor to be written; the values may be fetched only when their turn comes. */
export interface TensorSource {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array | (() => Float32Array | Promise<Float32Array>)
}

export interface WriteOptions {
  /** Default f32. */
  readonly dtype?: WeightType
  /** With bf16: rounds stochastically, by bits of this seed and the tensor's name. Without it to nearest. */
  readonly roundingSeed?: number | undefined
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Writes a file and flushes it to disk. What fails midway leaves an incomplete file behind: write under a temporary
 * name, or into a folder that is renamed when complete.
 * @returns SHA-256 of the file, made of what was to be written while it was
 * @throws ShapeError       when values and shape of a tensor do not match
 * @throws CheckpointError  on a failed write, a name given twice, or a finite value that f16 cannot hold
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  options: WriteOptions = {},
): Promise<string> {
  const dtype = options.dtype ?? "f32"
  const header = encodeHeader(path, tensors, dtype, options.metadata)
  return withFile(path, "w", async (file) => {
    const hash = newHash()
    await writeHashed(file, header, hash)
    for (const tensor of tensors) {
      const values = typeof tensor.values === "function" ? await tensor.values() : tensor.values
      if (values.length !== elementCount(tensor.shape)) {
        throw new ShapeError(
          `${path}: tensor ${tensor.name}: expected ${elementCount(tensor.shape)} values for [${tensor.shape.join(", ")}], got ${values.length}. Check the model's config.`,
        )
      }
      await writeTensor(file, path, tensor.name, values, dtype, options.roundingSeed, hash)
    }
    await file.sync()
    return hash.digest("hex")
  })
}

function encodeHeader(path: string, tensors: readonly TensorSource[], dtype: WeightType, metadata: WriteOptions["metadata"]): Uint8Array {
  const width = dtype === "f32" ? 4 : 2
  const entries = new Map<string, unknown>()
  if (metadata !== undefined) entries.set("__metadata__", metadata)
  let position = 0
  for (const { name, shape } of tensors) {
    if (entries.has(name) || name === "__metadata__") {
      throw new CheckpointError(`${path}: expected every tensor name once, got ${name} again. Rename one of them.`)
    }
    const end = position + elementCount(shape) * width
    entries.set(name, { dtype: typeNames[dtype], shape, data_offsets: [position, end] })
    position = end
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)), "utf8")
  // Padded with spaces so that the data starts at a multiple of 8 and can be mapped into memory.
  const padded = Math.ceil(json.length / 8) * 8
  const header = Buffer.alloc(8 + padded, " ")
  header.writeBigUInt64LE(BigInt(padded), 0)
  json.copy(header, 8)
  return header
}

async function writeTensor(
  file: FileHandle,
  path: string,
  name: string,
  values: Float32Array,
  dtype: WeightType,
  roundingSeed: number | undefined,
  hash: Hash,
): Promise<void> {
  const key = roundingSeed === undefined ? undefined : deriveSeed(roundingSeed, `bf16 ${name}`)
  const staging = dtype === "f32" ? undefined : new Uint16Array(Math.min(chunkElements, values.length))
  for (let start = 0; start < values.length; start += chunkElements) {
    const chunk = values.subarray(start, start + chunkElements)
    let encoded: Float32Array | Uint16Array = chunk
    if (staging !== undefined) {
      encoded = staging.subarray(0, chunk.length)
      if (dtype === "bf16") {
        if (key === undefined) encodeBfloat16(chunk, encoded)
        else encodeBfloat16Stochastic(chunk, encoded, key, start)
      } else {
        const overflow = encodeFloat16(chunk, encoded)
        if (overflow >= 0) {
          throw new CheckpointError(
            `${path}: tensor ${name}: expected values up to 65504 for f16, got ${chunk[overflow]} at ${start + overflow}. Save as f32 or bf16.`,
          )
        }
      }
    }
    await writeHashed(file, new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength), hash)
  }
}

/** Hashes the bytes while another thread writes them: the disk is the slower of the two. */
async function writeHashed(file: FileHandle, bytes: Uint8Array, hash: Hash): Promise<void> {
  const written = writeFully(file, bytes)
  hash.update(bytes)
  await written
}

/** Writes all of the bytes where the file stands. */
export async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

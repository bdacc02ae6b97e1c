/**
 * A GGUF file, version 3, little-endian: magic, counts, keys with values, names and places of the tensors, their data.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import type { FileHandle } from "node:fs/promises"
import { CheckpointError, ShapeError } from "../../errors.ts"
import { encodeFloat16 } from "../float-formats.ts"
import type { TensorSource } from "../safetensors.ts"
import { chunkElements, withFile, writeFully } from "../safetensors.ts"
import { elementCount } from "../weights.ts"
import { encodeQ8 } from "./quantise.ts"
import { tensorLayouts } from "./tensor-types.ts"

/** A value of the metadata, with the type that it is stored as. */
export type GgufValue =
  | { readonly type: "u32" | "i32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "texts"; readonly value: readonly string[] }
  | { readonly type: "i32s" | "f32s"; readonly value: readonly number[] }

/** Element types that are written. */
export type WrittenTensorType = "F32" | "F16" | "Q8_0"

/** A tensor to be written; dimensions outermost first, as everywhere here (the file has them the other way round). */
export interface GgufTensor extends TensorSource {
  readonly type: WrittenTensorType
}

const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9 } as const

/** Data of every tensor begins at a multiple of this. */
const alignment = 32

/** Bytes of a tensor. */
function tensorBytes({ type, shape }: GgufTensor): number {
  const { elements, bytes } = tensorLayouts[type]
  return (elementCount(shape) / elements) * bytes
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

/**
 * Writes a file and flushes it to disk. What fails midway leaves an incomplete file behind: write under a temporary
 * name, or into a folder that is renamed when complete.
 * @throws ShapeError       when values and shape of a tensor do not match, or rows of Q8_0 are no whole blocks
 * @throws CheckpointError  on a failed write, or a value that the element type cannot hold
 */
export async function writeGguf(path: string, metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Promise<void> {
  const header = encodeHeader(path, metadata, tensors)
  await withFile(path, "w", async (file) => {
    await writeFully(file, header)
    for (const tensor of tensors) {
      const values = typeof tensor.values === "function" ? await tensor.values() : tensor.values
      if (values.length !== elementCount(tensor.shape)) {
        throw new ShapeError(
          `${path}: tensor ${tensor.name}: expected ${elementCount(tensor.shape)} values for [${tensor.shape.join(", ")}], got ${values.length}. Check the model's config.`,
        )
      }
      await writeTensor(file, path, tensor, values)
      const bytes = tensorBytes(tensor)
      await writeFully(file, new Uint8Array(padded(bytes) - bytes))
    }
    await file.sync()
  })
}

function encodeHeader(path: string, metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const out = new HeaderBytes()
  out.bytes(Buffer.from("GGUF", "latin1"))
  out.u32(3)
  out.u64(tensors.length)
  out.u64(metadata.size)
  for (const [key, value] of metadata) {
    out.text(key)
    encodeValue(out, value)
  }
  let offset = 0
  for (const tensor of tensors) {
    const { name, shape, type } = tensor
    if (shape.at(-1)! % tensorLayouts[type].elements !== 0) {
      throw new ShapeError(`${path}: tensor ${name}: expected rows of a multiple of ${tensorLayouts[type].elements} elements for ${type}, got ${shape.at(-1)}. Store it as F16.`)
    }
    out.text(name)
    out.u32(shape.length)
    for (const size of shape.toReversed()) out.u64(size)
    out.u32(tensorLayouts[type].id)
    out.u64(offset)
    offset += padded(tensorBytes(tensor))
  }
  return out.whole(alignment)
}

function encodeValue(out: HeaderBytes, entry: GgufValue): void {
  switch (entry.type) {
    case "u32":
    case "i32":
    case "f32":
      out.u32(valueTypes[entry.type])
      out[entry.type](entry.value)
      break
    case "bool":
      out.u32(valueTypes.bool)
      out.bytes(Uint8Array.of(Number(entry.value)))
      break
    case "text":
      out.u32(valueTypes.text)
      out.text(entry.value)
      break
    case "texts":
      out.array(valueTypes.text, entry.value.length)
      for (const text of entry.value) out.text(text)
      break
    case "i32s":
    case "f32s": {
      const item = entry.type === "i32s" ? "i32" : "f32"
      out.array(valueTypes[item], entry.value.length)
      for (const value of entry.value) out[item](value)
    }
  }
}

async function writeTensor(file: FileHandle, path: string, { name, type }: GgufTensor, values: Float32Array): Promise<void> {
  const { elements, bytes } = tensorLayouts[type]
  const staging = type === "F32" ? undefined : new Uint8Array((Math.min(chunkElements, values.length) / elements) * bytes)
  for (let start = 0; start < values.length; start += chunkElements) {
    const chunk = values.subarray(start, start + chunkElements)
    if (staging === undefined) {
      await writeFully(file, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      continue
    }
    const encoded = staging.subarray(0, (chunk.length / elements) * bytes)
    const unfit = type === "Q8_0" ? encodeQ8(chunk, encoded) : encodeFloat16(chunk, new Uint16Array(encoded.buffer, 0, chunk.length))
    if (unfit >= 0) {
      throw new CheckpointError(`${path}: tensor ${name}: expected values that ${type} holds, got ${chunk[unfit]} at ${start + unfit}. Save as f32.`)
    }
    await writeFully(file, encoded)
  }
}

/** Bytes that grow; a vocabulary makes some megabytes of them. */
class HeaderBytes {
  #buffer = Buffer.alloc(1 << 16)
  #length = 0

  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(2 * this.#length)
      this.#buffer.copy(larger)
      this.#buffer = larger
    }
    return at
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#buffer.set(bytes, at)
  }

  u32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeUInt32LE(value, at)
  }

  i32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeInt32LE(value, at)
  }

  f32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeFloatLE(value, at)
  }

  u64(value: number): void {
    const at = this.#room(8)
    this.#buffer.writeBigUInt64LE(BigInt(value), at)
  }

  text(text: string): void {
    const bytes = Buffer.from(text, "utf8")
    this.u64(bytes.length)
    this.bytes(bytes)
  }

  array(itemType: number, length: number): void {
    this.u32(valueTypes.array)
    this.u32(itemType)
    this.u64(length)
  }

  /** All of it, with zeros up to a multiple. */
  whole(multiple: number): Uint8Array {
    this.#room(Math.ceil(this.#length / multiple) * multiple - this.#length)
    return this.#buffer.subarray(0, this.#length)
  }
}

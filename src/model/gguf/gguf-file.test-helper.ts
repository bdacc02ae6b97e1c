/** Writes small GGUF files for tests: metadata as given, tensors of zeros. */
import { writeFileSync } from "node:fs"

/** A value with its type in the file. */
export type TestValue = string | boolean | readonly string[] | { readonly u32: number } | { readonly f32: number } | { readonly i32s: readonly number[] }

export interface TestTensor {
  readonly name: string
  /** Outermost first. */
  readonly shape: readonly number[]
  /** Number of the element type; default 0, F32. */
  readonly type?: number
  /** Default: zeros. */
  readonly values?: Float32Array
}

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

function encode(value: TestValue): Buffer {
  if (typeof value === "string") return Buffer.concat([u32(8), text(value)])
  if (typeof value === "boolean") return Buffer.concat([u32(7), Buffer.from([value ? 1 : 0])])
  if ("u32" in value) return Buffer.concat([u32(4), u32(value.u32)])
  if ("f32" in value) return Buffer.concat([u32(6), Buffer.from(Float32Array.of(value.f32).buffer)])
  if ("i32s" in value) return Buffer.concat([u32(9), u32(5), u64(value.i32s.length), Buffer.from(Int32Array.from(value.i32s).buffer)])
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)])
}

/** @param version  of the format */
export function writeTestGguf(path: string, metadata: Readonly<Record<string, TestValue>>, tensors: readonly TestTensor[], version = 3): void {
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)])
  const data: Buffer[] = []
  const infos = tensors.map(({ name, shape, type = 0, values }) => {
    const offset = data.reduce((total, { length }) => total + length, 0)
    const zeros = new Float32Array(shape.reduce((product, size) => product * size, 1))
    data.push(pad(Buffer.from((values ?? zeros).buffer)))
    return Buffer.concat([text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(offset)])
  })
  const entries = Object.entries(metadata)
  const header = [Buffer.from("GGUF"), u32(version), u64(tensors.length), u64(entries.length), ...entries.flatMap(([key, value]) => [text(key), encode(value)]), ...infos]
  writeFileSync(path, Buffer.concat([pad(Buffer.concat(header)), ...data]))
}

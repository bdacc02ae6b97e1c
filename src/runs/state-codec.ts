/**
 * State as text, bit for bit: JSON in which what JSON cannot say is written as `{"$": kind, ...}`.
 *
 * Plain values stay plain JSON, so that a checkpoint's state can be read with any tool. Typed arrays are base64 of
 * their little-endian bytes.
 */
import { endianness } from "node:os"
import { CheckpointError } from "../errors.ts"

type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer): TypedArray
}

const typedArrays: ReadonlyMap<string, TypedArrayConstructor> = new Map<string, TypedArrayConstructor>([
  ["f32", Float32Array],
  ["f64", Float64Array],
  ["i32", Int32Array],
  ["u32", Uint32Array],
  ["u8", Uint8Array],
])

const littleEndian = endianness() === "LE"

/**
 * Text of a value made of plain objects, arrays, strings, booleans, null, undefined, numbers (NaN, infinities and -0
 * included), bigints and Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array.
 * @throws CheckpointError  with the path of anything else (a Map, a class instance, a function, a cycle)
 */
export function encodeState(value: unknown): string {
  return JSON.stringify(toJson(value, "state", new Set()))
}

function toJson(value: unknown, path: string, above: Set<object>): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "undefined":
      return { $: "undefined" }
    case "bigint":
      return { $: "bigint", value: value.toString() }
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $: "number", value: numberName(value) }
    case "object":
      return value === null ? null : objectToJson(value, path, above)
    default:
      throw unsupported(path, `a ${typeof value}`)
  }
}

function objectToJson(value: object, path: string, above: Set<object>): unknown {
  if (above.has(value)) throw unsupported(path, "a cycle")
  above.add(value)
  try {
    if (Array.isArray(value)) return Array.from(value, (item, i) => toJson(item, `${path}[${i}]`, above))
    for (const [kind, constructor] of typedArrays) {
      if (value instanceof constructor) return { $: kind, data: bytesOf(value) }
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) {
      throw unsupported(path, `an instance of ${value.constructor?.name ?? "a class"}`)
    }
    const entries = Object.entries(value).map(([key, child]) => [key, toJson(child, `${path}.${key}`, above)] as const)
    // An object that has the key of our own marks is written as its entries.
    return Object.hasOwn(value, "$") ? { $: "object", entries } : Object.fromEntries(entries)
  } finally {
    above.delete(value)
  }
}

function unsupported(path: string, got: string): CheckpointError {
  return new CheckpointError(
    `state codec: expected plain data at ${path}, got ${got}. Turn it into objects, arrays and typed arrays first.`,
  )
}

function numberName(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value)
}

function bytesOf(array: TypedArray): string {
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  return littleEndian ? bytes.toString("base64") : swapped(bytes, array.BYTES_PER_ELEMENT).toString("base64")
}

function swapped(bytes: Uint8Array, width: number): Buffer {
  const result = Buffer.from(bytes)
  for (let at = 0; at < result.length; at += width) result.subarray(at, at + width).reverse()
  return result
}

/**
 * The value that `encodeState` wrote.
 * @throws CheckpointError  when the text is not what `encodeState` writes
 */
export function decodeState(text: string): unknown {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    const hint = "The file is damaged; use an older checkpoint."
    throw new CheckpointError(`state codec: expected JSON, got text that does not parse. ${hint}`, { cause })
  }
  return fromJson(json)
}

function fromJson(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) return json.map(fromJson)
  const record = json as Record<string, unknown>
  if (Object.hasOwn(record, "$")) return marked(record)
  return Object.fromEntries(Object.entries(record).map(([key, child]) => [key, fromJson(child)]))
}

function marked(record: Readonly<Record<string, unknown>>): unknown {
  const { $: kind, value, data, entries } = record
  if (kind === "undefined") return undefined
  if (kind === "number" && typeof value === "string") return Number(value)
  if (kind === "bigint" && typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value)
  if (kind === "object" && Array.isArray(entries)) {
    return Object.fromEntries((entries as [string, unknown][]).map(([key, child]) => [key, fromJson(child)]))
  }
  const constructor = typeof kind === "string" ? typedArrays.get(kind) : undefined
  if (constructor !== undefined && typeof data === "string") {
    const decoded = Buffer.from(data, "base64")
    const width = constructor.BYTES_PER_ELEMENT
    if (decoded.length % width === 0) {
      const bytes = new Uint8Array(decoded.length)
      bytes.set(littleEndian ? decoded : swapped(decoded, width))
      return new constructor(bytes.buffer)
    }
  }
  throw new CheckpointError(
    `state codec: expected a value this version writes, got the mark ${JSON.stringify(kind)}. ` +
      "The file is damaged or from a newer version; use the version that wrote it.",
  )
}

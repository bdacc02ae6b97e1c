import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as fc from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError, ShapeError } from "../errors.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "./safetensors.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-safetensors-"))
const fixture = fileURLToPath(new URL("fixtures/types.safetensors", import.meta.url))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function temporaryPath(): string {
  return join(folder, `${files++}.safetensors`)
}

/** A file with the given header text and data, whatever they say. */
function craft(header: unknown, data: Uint8Array, length?: bigint): string {
  const path = temporaryPath()
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length ?? BigInt(text.length))
  writeFileSync(path, Buffer.concat([prefix, text, data]))
  return path
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error("nothing was thrown"),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CheckpointError)
  return error instanceof Error ? error.message : ""
}

function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)]
}

describe("reading", () => {
  test("a file written by PyTorch gives the same float32, float16 and bfloat16 values", async () => {
    const rounding = JSON.parse(readFileSync(new URL("fixtures/rounding.json", import.meta.url), "utf8")) as Record<string, number[]>
    const header = await readSafetensorsHeader(fixture)
    expect(header.metadata).toEqual({ format: "pt" })
    expect(header.tensors.get("half")?.shape).toEqual([3, 4, 5])
    const tensors = await readTensors(fixture, ["single", "half", "bfloat", "scalar"])
    const [single, half, bfloat] = ["single", "half", "bfloat"].map((name) => tensors.get(name) ?? new Float32Array())
    expect(bitsOf(single)).toEqual(rounding["float32"].slice(0, 60))
    expect(bitsOf(bfloat).map((bits) => bits >>> 16)).toEqual(rounding["bfloat16"].slice(0, 60))
    // Independent of the decoder: a half is sign x fraction x 2^exponent.
    const expected = rounding["float16"].slice(0, 60).map((bits) => {
      const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
      if (exponent === 31) return sign * Infinity
      return sign * (exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
    })
    expect([...half]).toEqual(expected)
    expect([...(tensors.get("scalar") ?? [])]).toEqual([1.5])
  })

  test("an integer tensor, a tensor that is not there and a file that is not there are named", async () => {
    expect(await messageOf(readTensors(fixture, ["integers"]))).toMatch(/types\.safetensors: tensor integers: expected F32, BF16 or F16, got I64/)
    expect(await messageOf(readTensors(fixture, ["absent"]))).toMatch(/types\.safetensors: expected a tensor absent/)
    expect(await messageOf(readSafetensorsHeader(join(folder, "none")))).toMatch(/none: expected a file that can be read, got .*ENOENT/)
  })

  test("a file cut short anywhere is refused, and the tensor is named where the cut is in the data", async () => {
    const whole = readFileSync(fixture)
    const dataOffset = 8 + Number(whole.readBigUInt64LE(0))
    for (let length = 0; length < whole.length; length += 7) {
      const path = temporaryPath()
      writeFileSync(path, whole.subarray(0, length))
      const message = await messageOf(readSafetensorsHeader(path))
      expect(message).toContain(path)
      expect(message).toMatch(/cut short/)
      if (length >= dataOffset) expect(message).toMatch(/tensor (half|bfloat|single|scalar|integers): expected data up to/)
    }
  })

  test("a header length past any real header is refused without allocating it", async () => {
    expect(await messageOf(readSafetensorsHeader(craft("{}", Buffer.alloc(0), 2n ** 63n)))).toMatch(/header of at most 100000000 bytes/)
    expect(await messageOf(readSafetensorsHeader(craft("{}", Buffer.alloc(0), 50_000_000n)))).toMatch(/expected a header of 50000000 bytes/)
  })

  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]): unknown => ({ dtype: "F32", shape, data_offsets: [begin, end] })
  test.each([
    ["JSON that does not parse", "{", 0, /syntax error/],
    ["a list for a header", "[]", 0, /expected a JSON object/],
    ["a range past the end", { a: f32(0, 8), b: f32(8, 16) }, 12, /tensor b: expected data up to byte 16.*ends at 12/],
    ["overlapping ranges", { a: f32(0, 8), b: f32(4, 12) }, 12, /tensor b: expected data from byte 8, after a, got 4: an overlap/],
    ["a gap between ranges", { a: f32(0, 4), b: f32(8, 12) }, 12, /tensor b: expected data from byte 4, after a, got 8: a gap/],
    ["data that belongs to no tensor", { a: f32(0, 4) }, 12, /expected 4 bytes of data, got 12/],
    ["a shape that does not fill its range", { a: f32(0, 8, [3]) }, 8, /tensor a: expected 12 bytes for F32 \[3\], got 8/],
    ["a negative size", { a: f32(0, 8, [-2]) }, 8, /tensor a: expected shape/],
    ["a range that runs backwards", { a: f32(8, 0, [2]) }, 8, /tensor a: expected data_offsets/],
    ["an entry without a type", { a: { shape: [2], data_offsets: [0, 8] } }, 8, /tensor a: expected dtype/],
    ["an entry that is no object", { a: 3 }, 0, /tensor a: expected an object, got 3/],
    ["metadata that is no text", { __metadata__: { format: 1 } }, 0, /__metadata__/],
  ])("%s is refused", async (_, header, bytes, expected) => {
    expect(await messageOf(readSafetensorsHeader(craft(header, Buffer.alloc(bytes))))).toMatch(expected)
  })

  test("bytes at random give a named error or a header, never another kind of failure", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 64 }), async (bytes, length) => {
        const path = join(folder, "random.safetensors")
        const prefix = Buffer.alloc(8)
        prefix.writeBigUInt64LE(BigInt(length))
        writeFileSync(path, Buffer.concat([prefix, bytes]))
        const outcome: unknown = await readSafetensorsHeader(path).catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CheckpointError)
      }),
      { numRuns: 60 },
    )
  })
})

describe("writing", () => {
  test("float32 comes back bit for bit, NaN payloads and negative zero included", async () => {
    const path = temporaryPath()
    const values = new Float32Array(Uint32Array.of(0x7fc12345, 0x80000000, 0x00000001, 0x3f800000, 0xff800000, 0x12345678).buffer)
    await writeSafetensors(path, [{ name: "a", shape: [2, 3], values }, { name: "empty", shape: [0, 3], values: new Float32Array() }])
    const tensors = await readTensors(path, ["empty", "a"])
    expect(bitsOf(tensors.get("a") ?? new Float32Array())).toEqual(bitsOf(values))
    expect(tensors.get("empty")?.length).toBe(0)
  })

  test("bfloat16 and float16 files hold the patterns PyTorch rounds to", async () => {
    const rounding = JSON.parse(readFileSync(new URL("fixtures/rounding.json", import.meta.url), "utf8")) as Record<string, number[]>
    for (const [dtype, key] of [["bf16", "bfloat16"], ["f16", "float16"]] as const) {
      // Without what overflows to infinity, which is refused.
      const kept = rounding["float32"].map((_, i) => i).filter((i) => dtype === "bf16" || (rounding[key][i] & 0x7fff) < 0x7c00)
      const values = new Float32Array(Uint32Array.from(kept, (i) => rounding["float32"][i]).buffer)
      const path = temporaryPath()
      await writeSafetensors(path, [{ name: "a", shape: [kept.length], values }], { dtype, metadata: { format: "pt" } })
      const { dataOffset, metadata } = await readSafetensorsHeader(path)
      const bytes = readFileSync(path).subarray(dataOffset)
      const halves = kept.map((_, i) => bytes.readUInt16LE(2 * i))
      expect(halves).toEqual(kept.map((i) => rounding[key][i]))
      expect(metadata).toEqual({ format: "pt" })
      expect(dataOffset % 8).toBe(0)
    }
  })

  test("a tensor larger than one chunk comes back whole", async () => {
    const length = 4 * 1024 * 1024 + 3
    const values = Float32Array.from({ length }, (_, i) => (i % 251) - 125)
    for (const dtype of ["f32", "bf16"] as const) {
      const path = temporaryPath()
      await writeSafetensors(path, [{ name: "first", shape: [1], values: Float32Array.of(7) }, { name: "large", shape: [length], values: () => values }], { dtype })
      const read = (await readTensors(path, ["large"])).get("large") ?? new Float32Array()
      expect(read.length).toBe(length)
      expect(read.findIndex((value, i) => value !== values[i])).toBe(-1)
      rmSync(path)
    }
  })

  test("values are fetched one tensor at a time, in the order of the file", async () => {
    const path = temporaryPath()
    const log: string[] = []
    const tensor = (name: string): { name: string; shape: number[]; values: () => Promise<Float32Array> } => ({
      name,
      shape: [2],
      values: async () => {
        log.push(`${name} after ${statSync(path).size > 0 ? "header" : "nothing"}`)
        return Float32Array.of(1, 2)
      },
    })
    await writeSafetensors(path, [tensor("b"), tensor("a")])
    expect(log).toEqual(["b after header", "a after header"])
  })

  test("shared memory can be written from", async () => {
    const values = new Float32Array(new SharedArrayBuffer(12))
    values.set([1, -2, 3])
    for (const dtype of ["f32", "bf16", "f16"] as const) {
      const path = temporaryPath()
      await writeSafetensors(path, [{ name: "a", shape: [3], values }], { dtype })
      expect([...((await readTensors(path, ["a"])).get("a") ?? [])]).toEqual([1, -2, 3])
    }
  })

  test("a wrong length, a name given twice, a value past float16 and a folder that is not there are refused", async () => {
    const values = Float32Array.of(1, 70_000)
    await expect(writeSafetensors(temporaryPath(), [{ name: "a", shape: [3], values }])).rejects.toThrow(ShapeError)
    const twice = [{ name: "a", shape: [2], values }, { name: "a", shape: [2], values }]
    expect(await messageOf(writeSafetensors(temporaryPath(), twice))).toMatch(/got a again/)
    expect(await messageOf(writeSafetensors(temporaryPath(), [{ name: "a", shape: [2], values }], { dtype: "f16" }))).toMatch(/tensor a: .*70000 at 1/)
    expect(await messageOf(writeSafetensors(join(folder, "none", "x"), []))).toMatch(/can be written, got .*ENOENT/)
  })
})

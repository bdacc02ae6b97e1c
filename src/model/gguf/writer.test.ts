import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import type { GgufTensor, GgufValue } from "./writer.ts"
import { writeGguf } from "./writer.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-gguf-writer-"))
afterAll(() => rmSync(root, { recursive: true }))

const recorded = JSON.parse(readFileSync(new URL("fixtures/written.json", import.meta.url), "utf8")) as { readonly file: string }

const metadata = new Map<string, GgufValue>([
  ["general.architecture", { type: "text", value: "llama" }],
  ["a.u32", { type: "u32", value: 4_000_000_000 }],
  ["a.i32", { type: "i32", value: -5 }],
  ["a.f32", { type: "f32", value: 1e-5 }],
  ["a.bool", { type: "bool", value: true }],
  ["a.text", { type: "text", value: "é\n" }],
  ["a.texts", { type: "texts", value: ["", "Ġ t", "雪"] }],
  ["a.i32s", { type: "i32s", value: [3, -1] }],
  ["a.f32s", { type: "f32s", value: [0.5, -2] }],
])
const values = Float32Array.from({ length: 96 }, (_, i) => Math.fround(Math.fround(i / 7) - 5))
const tensors: readonly GgufTensor[] = [
  { name: "f32", type: "F32", shape: [5], values: values.subarray(0, 5) },
  { name: "f16", type: "F16", shape: [3, 32], values },
  { name: "q8", type: "Q8_0", shape: [3, 32], values: () => values },
]

describe("a GGUF file", () => {
  test("has the bytes that the gguf package of llama.cpp writes, with every kind of value and of tensor", async () => {
    const path = join(root, "all.gguf")
    await writeGguf(path, metadata, tensors)
    expect(readFileSync(path).toString("base64")).toBe(recorded.file)
  })

  test("refuses values that do not fit their shape or type, by the name of the tensor", async () => {
    const write = (tensor: GgufTensor): Promise<void> => writeGguf(join(root, "bad.gguf"), metadata, [tensor])
    const short: GgufTensor = { name: "short", type: "F32", shape: [6], values: values.subarray(0, 5) }
    await expect(write(short)).rejects.toThrow(/tensor short: expected 6 values for \[6\], got 5/)
    const rows: GgufTensor = { name: "rows", type: "Q8_0", shape: [2, 40], values: new Float32Array(80) }
    await expect(write(rows)).rejects.toThrow(/tensor rows: expected rows of a multiple of 32 elements for Q8_0, got 40/)
    const large: GgufTensor = { name: "large", type: "F16", shape: [2], values: Float32Array.of(1, 70_000) }
    await expect(write(large)).rejects.toThrow(/tensor large: expected values that F16 holds, got 70000 at 1\. Save as f32/)
    await expect(writeGguf(join(root, "none", "x.gguf"), metadata, [])).rejects.toThrow(/expected a file that can be written/)
  })
})

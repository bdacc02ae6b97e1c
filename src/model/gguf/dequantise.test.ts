import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { dequantise } from "./dequantise.ts"
import { tensorLayouts, tensorTypeNames } from "./tensor-types.ts"

type Recorded = Readonly<Record<string, { readonly bytes: string; readonly float32: readonly number[] }>>

const recorded = JSON.parse(readFileSync(new URL("./fixtures/blocks.json", import.meta.url), "utf8")) as Recorded

test.each(tensorTypeNames())("%s is dequantised bit by bit as the gguf package does it", (type) => {
  const { bytes, float32 } = recorded[type]!
  const stored = Uint8Array.from(Buffer.from(bytes, "hex"))
  const out = new Float32Array(float32.length + 3)
  dequantise(type, stored, out, 2)
  expect([...new Uint32Array(out.buffer, 8, float32.length)]).toEqual(float32)
  expect([out[0], out[1], out.at(-1)]).toEqual([0, 0, 0])
  expect((stored.length / tensorLayouts[type].bytes) * tensorLayouts[type].elements).toBe(float32.length)
})

test("blocks are read wherever they lie in a buffer", () => {
  for (const type of tensorTypeNames()) {
    const { bytes, float32 } = recorded[type]!
    const buffer = Buffer.from(`ff${bytes}`, "hex")
    const out = new Float32Array(float32.length)
    dequantise(type, buffer.subarray(1), out, 0)
    expect([...new Uint32Array(out.buffer)]).toEqual(float32)
  }
})

test("a block of Q4_1 by hand: scale .5, minimum -1, first codes 0 and 15", () => {
  const block = new Uint8Array(tensorLayouts.Q4_1.bytes)
  block.set([0x00, 0x38, 0x00, 0xbc, 0xf0])
  const out = new Float32Array(32)
  dequantise("Q4_1", block, out, 0)
  expect([out[0], out[16], out[1]]).toEqual([-1, 6.5, -1])
})

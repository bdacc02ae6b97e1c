import { readFileSync } from "node:fs"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeFloat16 } from "../float-formats.ts"
import { encodeQ8 } from "./quantise.ts"

interface Recorded {
  readonly float32: string
  readonly q8_0: string
}

const recorded = JSON.parse(readFileSync(new URL("fixtures/q8_0.json", import.meta.url), "utf8")) as Recorded
const values = new Float32Array(new Uint8Array(Buffer.from(recorded.float32, "base64")).buffer)

function scaleOf(block: Uint8Array): number {
  const scale = new Float32Array(1)
  decodeFloat16(Uint16Array.of(block[0]! | (block[1]! << 8)), scale, 0)
  return scale[0]!
}

describe("q8_0", () => {
  test("has the bytes of the gguf package of llama.cpp, zeros, halves and scales below float16 included", () => {
    const target = new Uint8Array((values.length / 32) * 34)
    expect(encodeQ8(values, target)).toBe(-1)
    expect(Buffer.from(target).toString("base64")).toBe(recorded.q8_0)
  })

  test("of a block by hand: a largest value of 127 makes the scale 1, and halves go away from zero", () => {
    const block = new Float32Array(32)
    block.set([127, 0.5, -0.5, 1.4, -2.5])
    const target = new Uint8Array(34)
    encodeQ8(block, target)
    // 0x3c00 is 1 in float16.
    expect([...target.subarray(0, 7)]).toEqual([0x00, 0x3c, 127, 1, 255, 1, 256 - 3])
  })

  test("is within half a step of the value, and of the scale's own rounding", () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 32, maxLength: 32, noNaN: true, min: Math.fround(-1000), max: Math.fround(1000) }), (block) => {
        const target = new Uint8Array(34)
        expect(encodeQ8(block, target)).toBe(-1)
        const scale = scaleOf(target)
        const stored = new Int8Array(target.buffer, 2)
        // A scale in float16 is off by 2^-11 of itself, or by 2^-25 where it is subnormal, 127 times over.
        block.forEach((value, i) => expect(Math.abs(value - scale * stored[i]!)).toBeLessThanOrEqual(scale * (0.5001 + 127 * 2 ** -11) + 128 * 2 ** -25))
      }),
    )
  })

  test("points out what it cannot hold: not a number, infinity, a scale past float16", () => {
    const target = new Uint8Array(68)
    const at = (index: number, value: number): number => encodeQ8(Float32Array.from({ length: 64 }, (_, i) => (i === index ? value : 1)), target)
    expect([at(40, Number.NaN), at(40, Infinity), at(3, -Infinity), at(3, 127 * 65520), at(3, 127 * 65504)]).toEqual([40, 32, 0, 0, -1])
  })
})

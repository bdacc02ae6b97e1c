import { readFileSync } from "node:fs"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeBfloat16Stochastic, encodeFloat16 } from "./float-formats.ts"

interface Rounding {
  readonly float32: number[]
  readonly float16: number[]
  readonly bfloat16: number[]
}

const rounding = JSON.parse(readFileSync(new URL("fixtures/rounding.json", import.meta.url), "utf8")) as Rounding
const values = new Float32Array(Uint32Array.from(rounding.float32).buffer)
const everyPattern = Uint16Array.from({ length: 0x10000 }, (_, i) => i)

function isNaN16(bits: number, exponentMask: number): boolean {
  return (bits & 0x7fff) > exponentMask
}

describe("16-bit float formats", () => {
  test("float16 is rounded as PyTorch rounds it, ties, subnormals and overflow included", () => {
    const encoded = new Uint16Array(values.length)
    encodeFloat16(values, encoded)
    expect([...encoded]).toEqual(rounding.float16)
  })

  test("bfloat16 is rounded as PyTorch rounds it, ties included", () => {
    const encoded = new Uint16Array(values.length)
    encodeBfloat16(values, encoded)
    expect([...encoded]).toEqual(rounding.bfloat16)
  })

  test("every float16 that is a number survives decoding and encoding", () => {
    const decoded = new Float32Array(everyPattern.length)
    const encoded = new Uint16Array(everyPattern.length)
    decodeFloat16(everyPattern, decoded, 0)
    encodeFloat16(decoded, encoded)
    const changed = everyPattern.filter((bits, i) => (isNaN16(bits, 0x7c00) ? !Number.isNaN(decoded[i]) : encoded[i] !== bits))
    expect([...changed]).toEqual([])
    expect([decoded[0x3c00], decoded[0x0001], decoded[0x7bff], decoded[0xfc00]]).toEqual([1, 2 ** -24, 65504, -Infinity])
  })

  test("every bfloat16 that is a number survives decoding and encoding", () => {
    const decoded = new Float32Array(everyPattern.length)
    const encoded = new Uint16Array(everyPattern.length)
    decodeBfloat16(everyPattern, decoded, 0)
    encodeBfloat16(decoded, encoded)
    const changed = everyPattern.filter((bits, i) => (isNaN16(bits, 0x7f80) ? !Number.isNaN(decoded[i]) : encoded[i] !== bits))
    expect([...changed]).toEqual([])
    expect([decoded[0x3f80], decoded[0xc040]]).toEqual([1, -3])
  })

  test("NaN of any sign and payload stays NaN", () => {
    const nans = new Float32Array(Uint32Array.of(0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff, 0x7fc00000).buffer)
    const encoded = new Uint16Array(nans.length)
    const decoded = new Float32Array(nans.length)
    encodeBfloat16(nans, encoded)
    decodeBfloat16(encoded, decoded, 0)
    expect([...decoded].every(Number.isNaN)).toBe(true)
    encodeFloat16(nans, encoded)
    decodeFloat16(encoded, decoded, 0)
    expect([...decoded].every(Number.isNaN)).toBe(true)
  })

  test("bfloat16 is rounded up as often as the value lies above the lower neighbour, whatever its sign", () => {
    const count = 100_000
    const encoded = new Uint16Array(count)
    // Between 1 and 1 + 2^-7, at a quarter and at 7/8 of the step.
    for (const [value, share] of [[1 + 2 ** -9, 0.25], [-1 - 2 ** -9, 0.25], [1 + 7 * 2 ** -10, 0.875]] as const) {
      encodeBfloat16Stochastic(new Float32Array(count).fill(value), encoded, 2 ** 40 + 5, 0)
      const lower = value < 0 ? 0xbf80 : 0x3f80
      expect(new Set(encoded)).toEqual(new Set([lower, lower + 1]))
      const up = encoded.filter((bits) => bits === lower + 1).length / count
      // Four standard errors.
      expect(Math.abs(up - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / count))
      // Neighbours share a draw; their halves of it must not move together.
      const both = Array.from({ length: count / 2 }, (_, i) => encoded[2 * i]! > lower && encoded[2 * i + 1]! > lower).filter(Boolean).length / (count / 2)
      expect(Math.abs(both - share ** 2)).toBeLessThan(0.01)
    }
  })

  test("stochastic rounding to bfloat16 keeps every pattern of it, is the same in pieces, and makes nothing infinite", () => {
    const decoded = new Float32Array(everyPattern.length)
    const encoded = new Uint16Array(everyPattern.length)
    decodeBfloat16(everyPattern, decoded, 0)
    encodeBfloat16Stochastic(decoded, encoded, 99, 0)
    const changed = everyPattern.filter((bits, i) => (isNaN16(bits, 0x7f80) ? !isNaN16(encoded[i]!, 0x7f80) : encoded[i] !== bits))
    expect([...changed]).toEqual([])
    const largest = new Float32Array(1000).fill(3.4028234663852886e38)
    const few = new Uint16Array(1000)
    encodeBfloat16Stochastic(largest, few, 99, 0)
    expect(new Set(few)).toEqual(new Set([0x7f7f]))
    const whole = new Uint16Array(values.length)
    encodeBfloat16Stochastic(values, whole, 5, 0)
    for (const cut of [1, 2, 17]) {
      const pieces = new Uint16Array(values.length)
      encodeBfloat16Stochastic(values.subarray(0, cut), pieces.subarray(0, cut), 5, 0)
      encodeBfloat16Stochastic(values.subarray(cut), pieces.subarray(cut), 5, cut)
      expect(pieces).toEqual(whole)
    }
  })

  test("no other float16 is nearer than the one chosen", () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const encoded = new Uint16Array(1)
        encodeFloat16(Float32Array.of(value), encoded)
        const decoded = new Float32Array(3)
        const bits = encoded[0]
        decodeFloat16(Uint16Array.of(bits, (bits & 0x7fff) === 0 ? bits : bits - 1, bits + 1), decoded, 0)
        const [error, below, above] = [...decoded].map((other) => Math.abs(other - value))
        expect(error).toBeLessThanOrEqual(Math.min(below, above))
      }),
    )
  })

  test("a finite value past the largest float16 is pointed out, infinity is not", () => {
    const encoded = new Uint16Array(3)
    expect(encodeFloat16(Float32Array.of(Infinity, 65519, 65520), encoded)).toBe(2)
    expect(encodeFloat16(Float32Array.of(Infinity, 65519, -Infinity), encoded)).toBe(-1)
    expect([...encoded]).toEqual([0x7c00, 0x7bff, 0xfc00])
  })
})

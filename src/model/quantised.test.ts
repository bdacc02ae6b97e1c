import * as fc from "fast-check"
import { expect, test } from "vitest"
import { largestInt8, quantise } from "./quantised.ts"

test("each row is rounded to nearest on its own scale, and stored transposed", () => {
  const { weight, scale } = quantise(Float32Array.of(1, -2, 0.5, 0, 0, 0), [2, 3], largestInt8.exact)
  expect([...scale]).toEqual([Math.fround(2 / 127), 0])
  // Row 0: 63.5 rounds up, -127, 31.75; row 1 is zero.
  expect([...weight]).toEqual([64, 0, -127, 0, 32, 0])
})

test("what is read back differs by half a step at most, in any shape", () => {
  const matrix = fc.tuple(
    fc.integer({ min: 1, max: 130 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 0, max: 1e6 }),
  )
  fc.assert(
    fc.property(matrix, fc.constantFrom(largestInt8.exact, largestInt8.pairwise), ([O, D, seed], largest) => {
      const values = Float32Array.from({ length: O * D }, (_, i) => Math.sin(seed + i * 12.9898) * 3)
      const { weight, scale } = quantise(values, [O, D], largest)
      for (let o = 0; o < O; o++) {
        for (let d = 0; d < D; d++) {
          const integer = weight[d * O + o]!
          expect(Math.abs(integer)).toBeLessThanOrEqual(largest)
          expect(Math.abs(integer * scale[o]! - values[o * D + d]!)).toBeLessThanOrEqual(scale[o]! * 0.501)
        }
      }
    }),
    { numRuns: 50 },
  )
})

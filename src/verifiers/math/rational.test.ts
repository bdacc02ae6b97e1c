import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { add, bitLength, divide, exactRoot, integer, maxBits, parseDecimal, power, rational, toNumber } from "./rational.ts"

const half = { numerator: 1n, denominator: 2n }

describe("rationals", () => {
  test("are kept in lowest terms with a positive denominator", () => {
    expect(rational(2n, -4n)).toEqual({ numerator: -1n, denominator: 2n })
    expect(add(half, half)).toEqual(integer(1))
  })

  test("division by zero has no value", () => {
    expect(divide(half, integer(0))).toBeUndefined()
    expect(power(integer(0), -1n)).toBeUndefined()
  })

  test("powers stop at the size cap and not before it", () => {
    expect(power(integer(2), 10_000n)?.numerator).toBe(2n ** 10_000n)
    expect(power(integer(2), BigInt(maxBits) * 2n)).toBeUndefined()
    expect(power(integer(-1), 10n ** 40n)).toEqual(integer(1))
    expect(power(half, -3n)).toEqual(integer(8))
    expect(power(integer(-2), -3n)).toEqual({ numerator: -1n, denominator: 8n })
  })

  test("literals are exact", () => {
    expect(parseDecimal("1", "77", -6)).toEqual({ numerator: 177n, denominator: 100_000_000n })
    expect(parseDecimal("6", "02", 23)).toEqual(integer(602n * 10n ** 21n))
    expect(parseDecimal("1", "", 10 ** 9)).toBeUndefined()
  })

  test("become doubles even when their parts do not fit", () => {
    expect(toNumber({ numerator: 3n * 10n ** 400n, denominator: 10n ** 400n + 1n })).toBeCloseTo(3, 12)
  })

  test("exact roots are found and only those", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.integer({ min: 2, max: 7 }), (root, index) => {
        const value = root ** BigInt(index)
        expect(exactRoot(value, index)).toBe(root)
        if (root > 1n) expect(exactRoot(value + 1n, index)).toBeUndefined()
      }),
      { seed: 3, numRuns: 100 },
    )
    expect(exactRoot(-27n, 3)).toBe(-3n)
    expect(exactRoot(-4n, 2)).toBeUndefined()
  })

  test("bit length is never too small", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 60n }), (value) => {
        expect(value < 1n << BigInt(bitLength(value))).toBe(true)
      }),
      { seed: 4, numRuns: 100 },
    )
  })
})

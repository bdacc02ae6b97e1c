import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { bitsAt, deriveSeed, hashText, integerBelow, permutationIndex, randomStream, uniform } from "./random.ts"

/** Pearson's statistic of counts against equal shares. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe("uniform", () => {
  test("the same seed and counters give the same number, and these numbers stay what they are", () => {
    expect(uniform(1, 2, 3)).toBe(uniform(1, 2, 3))
    expect([uniform(0), uniform(1, 2), hashText(7, "a"), deriveSeed(7, "split")]).toMatchInlineSnapshot(`
      [
        0.14345785550543466,
        0.8218729568440415,
        0.022499145667556508,
        6577015533542710,
      ]
    `)
  })

  test("lies in [0, 1) for every seed and counter", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.array(fc.maxSafeInteger(), { maxLength: 4 }), (seed, counters) => {
        const value = uniform(seed, ...counters)
        return value >= 0 && value < 1
      }),
    )
  })

  test.each([
    ["the counter", (i: number) => uniform(3, i)],
    ["the seed", (i: number) => uniform(i, 3)],
    ["the first of two counters", (i: number) => uniform(3, i, 9)],
    ["a counter beyond 32 bits", (i: number) => uniform(3, i * 2 ** 32)],
    ["negative seeds", (i: number) => uniform(-i, 1)],
    ["a text", (i: number) => hashText(3, `id/${i}`)],
  ])("is flat in value and in successive pairs over %s", (_, draw) => {
    const values = Array.from({ length: 20_000 }, (_, i) => draw(i))
    const singles = Array.from({ length: 64 }, () => 0)
    const pairs = Array.from({ length: 64 }, () => 0)
    const lowBits = Array.from({ length: 64 }, () => 0)
    values.forEach((value, i) => {
      singles[Math.floor(value * 64)]++
      lowBits[Math.floor((value * 2 ** 24) % 1 * 64)]++
      if (i > 0) pairs[Math.floor(values[i - 1] * 8) * 8 + Math.floor(value * 8)]++
    })
    // 63 degrees of freedom: 123 is passed by chance about once in 10^5.
    for (const counts of [singles, pairs, lowBits]) expect(chiSquare(counts)).toBeLessThan(123)
  })

  test("the number of counters matters, not only their values", () => {
    expect(new Set([uniform(1), uniform(1, 0), uniform(1, 0, 0), uniform(0, 1), uniform(1, 1)]).size).toBe(5)
  })

  test("a counter that is not a whole number is refused", () => {
    expect(() => uniform(1, 0.5)).toThrow(/whole number.*0\.5/)
    expect(() => uniform(Number.NaN)).toThrow(RangeError)
  })
})

describe("permutationIndex", () => {
  test("is a bijection for every size, seed and epoch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.maxSafeInteger(), fc.nat(), (size, seed, epoch) => {
        const seen = new Set<number>()
        for (let i = 0; i < size; i++) seen.add(permutationIndex(seed, epoch, size, i))
        return seen.size === size && Math.min(...seen) === 0 && Math.max(...seen) === size - 1
      }),
      { numRuns: 60 },
    )
  })

  test.each([5, 40, 1000])("each of %d elements comes first in about the same share of epochs", (size) => {
    const counts = Array.from({ length: size }, () => 0)
    for (let epoch = 0; epoch < size * 20; epoch++) counts[permutationIndex(11, epoch, size, 0)]++
    // Mean of the statistic is size - 1, deviation sqrt(2 (size - 1)).
    expect(chiSquare(counts)).toBeLessThan(size - 1 + 5 * Math.sqrt(2 * (size - 1)))
  })

  test("neighbours do not stay neighbours", () => {
    let close = 0
    for (let i = 1; i < 5000; i++) {
      if (Math.abs(permutationIndex(1, 0, 10_000, i) - permutationIndex(1, 0, 10_000, i - 1)) <= 50) close++
    }
    // A random pair is that close with probability 0.01.
    expect(close).toBeLessThan(90)
  })

  test("distinct indices of a domain of 2^52 stay distinct and inside", () => {
    const size = 2 ** 52
    const values = Array.from({ length: 2000 }, (_, i) => permutationIndex(5, 1, size, size - 1 - i))
    expect(new Set(values).size).toBe(2000)
    expect(values.every((value) => value >= 0 && value < size)).toBe(true)
  })

  test("an index outside the domain is refused", () => {
    expect(() => permutationIndex(0, 0, 10, 10)).toThrow(/0 to 9, got 10/)
    expect(() => permutationIndex(0, 0, 0, 0)).toThrow(/size/)
  })
})

describe("randomStream", () => {
  test("starts afresh for the same seed and counters, and differs for others", () => {
    const draw = (seed: number, counter: number): number[] => {
      const random = randomStream(seed, counter)
      return [random.uniform(), random.below(1000), random.between(-5, 5), random.pick([1, 2, 3])]
    }
    expect(draw(1, 2)).toEqual(draw(1, 2))
    expect(draw(1, 2)[0]).not.toBe(draw(1, 3)[0])
  })

  test("between includes both ends", () => {
    const random = randomStream(0)
    const seen = new Set(Array.from({ length: 200 }, () => random.between(2, 4)))
    expect([...seen].sort()).toEqual([2, 3, 4])
  })
})

test("integerBelow hits every value below the bound and none other", () => {
  const seen = new Set(Array.from({ length: 300 }, (_, i) => integerBelow(6, 4, i)))
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5])
})

describe("bitsAt", () => {
  test("gives the same bits for a key and counter, other ones for others, and these stay what they are", () => {
    expect([bitsAt(0, 0), bitsAt(1, 0), bitsAt(2 ** 40, 0), bitsAt(0, 1)]).toEqual([0, 804215951, 1164980575, 3144930883])
  })

  test("each of its bits is set half of the time, in neighbours and for neighbouring keys independently", () => {
    const count = 20_000
    const ones = Array.from<number>({ length: 32 }).fill(0)
    const changes = Array.from<number>({ length: 64 }).fill(0)
    for (let i = 0; i < count; i++) {
      const bits = bitsAt(12345, i)
      const [next, other] = [bits ^ bitsAt(12345, i + 1), bits ^ bitsAt(12346, i)]
      for (let bit = 0; bit < 32; bit++) {
        ones[bit]! += (bits >>> bit) & 1
        changes[bit]! += (next >>> bit) & 1
        changes[32 + bit]! += (other >>> bit) & 1
      }
    }
    // Five standard errors of a share of one half.
    const bound = 5 * Math.sqrt(0.25 / count)
    for (const sum of [...ones, ...changes]) expect(Math.abs(sum / count - 0.5)).toBeLessThan(bound)
  })
})

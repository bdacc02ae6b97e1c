import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { attemptCounts, bootstrapMean, majorityAtK, passAtK } from "./statistics.ts"
import type { Vote } from "./statistics.ts"

/** Every way to choose k of n positions. */
function subsets(n: number, k: number): number[][] {
  if (k === 0) return [[]]
  if (n < k) return []
  return [...subsets(n - 1, k), ...subsets(n - 1, k - 1).map((rest) => rest.concat(n - 1))]
}

describe("pass@k", () => {
  test("is the share of all choices of k attempts that hold a right one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(8), fc.integer({ min: 1, max: 8 }), (n, right, k) => {
        const c = Math.min(right, n)
        fc.pre(k <= n)
        const all = subsets(n, k)
        const passed = all.filter((chosen) => chosen.some((i) => i < c)).length
        expect(passAtK(n, c, k)).toBeCloseTo(passed / all.length, 12)
      }),
    )
  })

  test("of one attempt is the mean, of all attempts whether one is right", () => {
    expect(passAtK(16, 5, 1)).toBeCloseTo(5 / 16, 15)
    expect([passAtK(16, 0, 16), passAtK(16, 1, 16), passAtK(4, 4, 2)]).toEqual([0, 1, 1])
  })

  test("of more attempts than there are is not a number", () => {
    expect(passAtK(4, 2, 5)).toBeNaN()
  })

  test("of hundreds of attempts neither overflows nor leaves [0, 1]", () => {
    const value = passAtK(2000, 3, 1000)
    expect(value).toBeCloseTo(1 - (1000 * 999 * 998) / (2000 * 1999 * 1998), 10)
  })
})

const votes = (text: string): Vote[] =>
  [...text].map((one) => ({ answer: one === "-" ? undefined : one.charCodeAt(0), correct: one === "R" }))

describe("maj@k", () => {
  test.each([
    ["RRx", 1],
    ["Rxx", 0],
    ["RRxx", 0.5],
    ["RRxxyy", 1 / 3],
    ["R---", 1],
    ["----", 0],
    ["xxyyz", 0],
  ])("of all of %j is %d", (text, expected) => {
    expect(majorityAtK(votes(text), text.length, 0)).toBeCloseTo(expected, 12)
  })

  test("of one attempt is the share of right ones; of some it lies near the mean over all choices", () => {
    const all = votes("RRRxxyz-")
    expect(majorityAtK(all, 1, 0)).toBe(3 / 8)
    const exact = subsets(8, 4).map((chosen) =>
      majorityAtK(
        chosen.map((i) => all[i]),
        4,
        0,
      ),
    )
    const mean = exact.reduce((a, b) => a + b, 0) / exact.length
    expect(Math.abs(majorityAtK(all, 4, 1) - mean)).toBeLessThan(0.1)
    expect(majorityAtK(all, 4, 1)).toBe(majorityAtK(all, 4, 1))
  })
})

describe("the bootstrap", () => {
  test("gives the mean inside its interval, the same for the same seed", () => {
    const scores = Array.from({ length: 50 }, (_, i) => Number(i % 5 === 0))
    const estimate = bootstrapMean(scores, 3)!
    expect(estimate.value).toBe(0.2)
    expect(bootstrapMean(scores, 3)).toEqual(estimate)
    const uneven = scores.map((score, i) => score + Math.sqrt(i))
    expect(bootstrapMean(uneven, 4)).not.toEqual(bootstrapMean(uneven, 3))
    // Binomial: 0.2 +- 1.96 sqrt(0.2 * 0.8 / 50) is 0.089 to 0.311.
    expect(estimate.low).toBeGreaterThan(0.06)
    expect(estimate.low).toBeLessThan(0.13)
    expect(estimate.high).toBeGreaterThan(0.27)
    expect(estimate.high).toBeLessThan(0.35)
  })

  test("of equal scores has no width, and leaves NaN out", () => {
    expect(bootstrapMean([1, Number.NaN, 1], 0)).toEqual({ value: 1, low: 1, high: 1 })
    expect(bootstrapMean([Number.NaN], 0)).toBeUndefined()
  })
})

test("attempts are counted by powers of two, and all", () => {
  expect([attemptCounts(1), attemptCounts(6), attemptCounts(8)]).toEqual([[1], [1, 2, 4, 6], [1, 2, 4, 8]])
})

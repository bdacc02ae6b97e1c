import { array, assert, constantFrom, double, integer, property } from "fast-check"
import { describe, expect, test } from "vitest"
import { randomStream } from "../random.ts"
import { agreementOf } from "./agreement.ts"
import { agreementByShifts, overlapByChance } from "./chance.ts"

/** Every number in a value, however deep. */
function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

const signs = (random: { uniform(): number }, n: number): number[] => Array.from({ length: n }, () => (random.uniform() < 0.5 ? -1 : 1))

describe("agreement", () => {
  test("counts verdicts against changes, and leaves out the undecided, the unchanged and the unmeasured", () => {
    const verdicts = [1, 1, 1, -1, -1, 0, 1, Number.NaN, 1]
    const changes = [0.1, 0.2, -0.1, -0.3, 0.1, 0.5, 0, 0.1, Number.NaN]
    const { counts, judged, undecided, unchanged, byChance, ...shares } = agreementOf(verdicts, changes)
    expect(counts).toEqual({ improvedHelped: 2, improvedHurt: 1, regressedHelped: 1, regressedHurt: 1 })
    expect({ judged, undecided, unchanged }).toEqual({ judged: 5, undecided: 2, unchanged: 1 })
    expect(shares.agreement!.value).toBe(3 / 5)
    expect(shares.precision!.value).toBe(2 / 3)
    expect(shares.recall!.value).toBe(2 / 3)
    expect(shares.baseRate!.value).toBe(3 / 5)
    // Three in five said "helped", three in five were helped: 9/25 + 4/25.
    expect(byChance).toBeCloseTo(13 / 25, 12)
    // At least 2 of 3 on 3 of 5: (3 x 2 + 1) / 10.
    expect(shares.pValue).toBeCloseTo(0.7, 12)
    expect(shares.pValueShifted).toBeNull()
  })

  test("of a signal with itself is 1, and hardly by chance", () => {
    const changes = signs(randomStream(1, 0), 200)
    const { agreement, precision, recall, pValue, pValueShifted } = agreementOf(changes, changes)
    expect([agreement!.value, precision!.value, recall!.value]).toEqual([1, 1, 1])
    expect(pValue).toBeLessThan(1e-50)
    expect(pValueShifted).toBeLessThan(0.01)
  })

  test("of independent noise is near chance, and its interval holds 1/2 in 95 % of cases", () => {
    let [held, significant] = [0, 0]
    const trials = 400
    for (let trial = 0; trial < trials; trial++) {
      const random = randomStream(2, trial)
      const { agreement, pValueShifted } = agreementOf(signs(random, 100), signs(random, 100))
      if (agreement!.low <= 0.5 && agreement!.high >= 0.5) held++
      if (pValueShifted! <= 0.05) significant++
    }
    expect(held / trials).toBeGreaterThan(0.92)
    expect(significant / trials).toBeGreaterThan(0.02)
    expect(significant / trials).toBeLessThan(0.08)
  })

  test("looks less surprising by shifts where both series run in long stretches", () => {
    // Forty rows up, forty down, forty up; the verdicts lag by ten.
    const slow = (lag: number): number[] => Array.from({ length: 120 }, (_, i) => (Math.floor((i + 40 - lag) / 40) % 2 === 0 ? 1 : -1))
    const { pValue, pValueShifted } = agreementOf(slow(10), slow(0))
    expect(pValue).toBeLessThan(1e-4)
    expect(pValueShifted).toBeGreaterThan(0.1)
  })

  test("does not change with the size of verdicts and changes, and turns over with their sign", () => {
    const series = array(double({ min: -1, max: 1, noNaN: true }).map((x) => (Math.abs(x) < 1e-3 ? 0 : x)), { minLength: 40, maxLength: 40 })
    assert(
      property(series, series, double({ min: 0.5, max: 100, noNaN: true }), (verdicts, changes, factor) => {
        const plain = agreementOf(verdicts, changes)
        expect(agreementOf(verdicts.map((x) => x * factor), changes.map((x) => x / factor))).toEqual(plain)
        const turned = agreementOf(verdicts.map((x) => -x), changes)
        expect(turned.judged).toBe(plain.judged)
        if (plain.agreement !== null) expect(turned.agreement!.value).toBeCloseTo(1 - plain.agreement.value, 12)
      }),
    )
  })

  test("is never NaN, whatever there is to count", () => {
    const value = constantFrom(1, -1, 0, Number.NaN)
    assert(property(array(value), array(value), (verdicts, changes) => numbersIn(agreementOf(verdicts, changes)).every((x) => Number.isFinite(x))))
    expect(agreementOf([], [])).toMatchObject({ judged: 0, agreement: null, precision: null, recall: null, baseRate: null, byChance: null, pValue: null })
    expect(agreementOf([-1, -1], [0.1, 0.1])).toMatchObject({ precision: null, recall: { value: 0 } })
  })
})

describe("chance", () => {
  test("three of three positives on three of six happen once in twenty", () => {
    expect(overlapByChance(3, 3, 3, 6)).toBeCloseTo(1 / 20, 12)
    expect(overlapByChance(2, 3, 3, 6)).toBeCloseTo(10 / 20, 12)
    expect(overlapByChance(0, 3, 3, 6)).toBe(1)
  })

  test("tails of all sizes add up as counting subsets does", () => {
    assert(
      property(integer({ min: 0, max: 9 }), integer({ min: 0, max: 9 }), integer({ min: 0, max: 9 }), (first, second, both) => {
        const total = 9
        let [hits, all] = [0, 0]
        for (let subset = 0; subset < 2 ** total; subset++) {
          const members = Array.from({ length: total }, (_, i) => (subset >> i) & 1)
          if (members.reduce((sum, bit) => sum + bit, 0) !== first) continue
          all++
          if (members.slice(0, second).reduce((sum, bit) => sum + bit, 0) >= both) hits++
        }
        expect(overlapByChance(both, first, second, total)).toBeCloseTo(hits / all, 9)
      }),
      { numRuns: 40 },
    )
  })

  test("no shift of an alternating series against itself is better than the true one, every second is as good", () => {
    const alternating = Int8Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : -1))
    expect(agreementByShifts(alternating, alternating)).toBeCloseTo(0.5, 1)
    expect(agreementByShifts(alternating.subarray(0, 19), alternating.subarray(0, 19))).toBeNull()
  })
})

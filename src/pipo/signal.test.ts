import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ShapeError } from "../errors.ts"
import { coefficients, groupAttribution } from "./attribution.ts"
import { clipGate, leaky, openGate, skipReason } from "./gate.ts"
import { improvementSignal } from "./signal.ts"
import { judgingWindow, pushMean, type WindowConvention } from "./window.ts"

function history(means: readonly number[], size: number, convention: WindowConvention): number[] {
  return means.reduce<number[]>((stored, mean) => pushMean(stored, mean, size, convention), [])
}

describe("window", () => {
  test("the paper's holds the previous K means and not the current one", () => {
    expect(judgingWindow(history([1, 2, 3, 4], 3, "paper"), 9, 3, "paper")).toEqual([2, 3, 4])
  })
  test("the reference code's holds each mean twice and the current one once", () => {
    expect(judgingWindow(history([1, 2, 3], 4, "reference-code"), 9, 4, "reference-code")).toEqual([2, 3, 3, 9])
    expect(judgingWindow(history([1, 2, 3], 4, "reference-code"), 9, 4, "reference-code", true)).toEqual([2, 2, 3, 3])
  })
  test("under the reference code |xi| never exceeds sqrt(K - 1)", () => {
    const mean = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(mean, { minLength: 1, maxLength: 12 }),
        mean,
        fc.integer({ min: 1, max: 9 }),
        (means, now, size) => {
          const window = judgingWindow(history(means, size, "reference-code"), now, size, "reference-code")
          const { xi, sigmaHis } = improvementSignal(now, window, { windowSize: size, sigma: "population" })
          if (sigmaHis !== 1) expect(Math.abs(xi)).toBeLessThanOrEqual(Math.sqrt(size - 1) + 1e-6)
        },
      ),
      { numRuns: 80 },
    )
  })
})

describe("signal", () => {
  test("by hand, with both deviations", () => {
    const sample = improvementSignal(0.8, [0.2, 0.4], { windowSize: 2 })
    expect(sample.muHis).toBeCloseTo(0.3, 12)
    expect(sample.xi).toBeCloseTo(0.5 / Math.sqrt(0.02), 10)
    expect(improvementSignal(0.8, [0.2, 0.4], { windowSize: 2, sigma: "population" }).xi).toBeCloseTo(5, 10)
  })
  test("a deviation that says nothing counts as one", () => {
    for (const [window, windowSize] of [
      [[0.5, 0.5], 2],
      [[0.5], 2],
      [[0.5], 1],
      [[], 4],
    ] as const) {
      expect(improvementSignal(0.75, window, { windowSize }).sigmaHis).toBe(1)
    }
  })
  test("an empty window gives no signal", () => {
    expect(improvementSignal(0.75, [], { windowSize: 4 })).toMatchObject({ muHis: 0.75, xi: 0 })
  })
  test("the difference is clipped before it is divided", () => {
    expect(improvementSignal(30, [0, 2], { windowSize: 2, sigma: "population" }).xi).toBe(5)
  })
  test("without normalisation xi is the progress", () => {
    expect(improvementSignal(0.75, [0.5, 0.25], { windowSize: 2, normalise: false }).xi).toBe(0.375)
  })
})

describe("attribution", () => {
  const masks = [
    [1, 1, 0],
    [1, 0, 0],
    [1, 1, 1],
    [1, 1, 1],
  ]

  test("by hand: G A / sum |A|, A the mean over counted tokens", () => {
    const advantages = [
      [1, 3, 100],
      [-2, 9, 9],
      [0, 0, 0],
      [0, 0, 0],
    ]
    const [a, b, c, d] = groupAttribution(advantages, masks, [0, 0, 1, 1], { epsilon: 0.5 })
    expect([a, b, c, d]).toEqual([(2 / 4.5) * 2, (-2 / 4.5) * 2, 0, 0])
  })
  test("in a group with any signal |Abar| averages to one, whatever the advantages' scale", () => {
    const value = fc.double({ min: -10, max: 10, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (values, scale) => {
          fc.pre(values.some((v) => Math.abs(v) > 0.1))
          const rows = values.map((v) => [v * scale])
          const attribution = groupAttribution(
            rows,
            rows.map(() => [1]),
            rows.map(() => 0),
          )
          expect(attribution.reduce((sum, a) => sum + Math.abs(a), 0) / values.length).toBeCloseTo(1, 3)
        },
      ),
      { numRuns: 60 },
    )
  })
  test("groups of different sizes go by their own size, or are refused", () => {
    const rows = [[1], [-1], [1]]
    const ones = [[1], [1], [1]]
    expect(groupAttribution(rows, ones, [0, 0, 1])[2]).toBeCloseTo(1, 5)
    expect(() => groupAttribution(rows, ones, [0, 0, 1], { unequalGroups: "refuse" })).toThrow(ShapeError)
  })
  test("a response without counted tokens has no part", () => {
    expect(groupAttribution([[5], [1]], [[0], [1]], [0, 0])[0]).toBe(0)
  })
  test("coefficients are clamped, and zero outside the mask", () => {
    expect(
      coefficients(
        [2, -2],
        [
          [1, 0],
          [1, 1],
        ],
        100,
      ).map((row) => Array.from(row)),
    ).toEqual([
      [10, 0],
      [-10, -10],
    ])
  })
})

describe("gate", () => {
  const ready = { cached: true, seen: 8, minSteps: 8, windowSize: 8, threshold: 0, step: 3, everyN: 1 }

  test("phi leaks what lies below zero", () => {
    expect([leaky(2, 0.1), leaky(-2, 0.1), leaky(-2, 0)].map((x) => Math.abs(x))).toEqual([2, 0.2, 0])
  })
  test("the sign of the factor is the sign of xi", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.constantFrom("gradient" as const, "step" as const),
        (xi, scales) => {
          const outcome = openGate({ xi, progress: 0 }, { gate: "leaky", lambda: 0.5, scales, stepCap: 2 })
          if (typeof outcome === "string") throw new Error(outcome)
          expect(Math.sign(outcome.factor)).toBe(Math.sign(xi))
          expect(outcome.learningRateScale).toBeLessThanOrEqual(2)
        },
      ),
    )
  })
  test("the first reason to skip is the one told", () => {
    expect(skipReason(1, ready)).toBeNull()
    expect(skipReason(1, { ...ready, cached: false, seen: 0 })).toBe("no-cache")
    expect(skipReason(1, { ...ready, seen: 7 })).toBe("window")
    expect(skipReason(1, { ...ready, seen: 4, windowSize: 4 })).toBeNull()
    expect(skipReason(1, { ...ready, everyN: 2 })).toBe("every-n")
    expect(skipReason(0, ready)).toBe("threshold")
    expect(skipReason(0, { ...ready, zeroPasses: true })).toBeNull()
    expect(skipReason(-0.5, { ...ready, threshold: 0.5 })).toBe("threshold")
  })
  test("the clip gate stays within its bounds", () => {
    expect([clipGate(5), clipGate(-5), clipGate(0.5)]).toEqual([2, -2, 0.5])
  })
})

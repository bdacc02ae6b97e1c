import * as fc from "fast-check"
import { expect, test } from "vitest"
import { areaUnderCurve, intervalMean, measureCurve, measureCutCurve, seedMean, valueAt, type CurvePoint } from "./statistics.ts"

const curve = (...values: number[]): CurvePoint[] => values.map((value, i) => ({ x: 10 * i, value }))

test("a run is measured as by hand", () => {
  const run = measureCurve(curve(0.3, 0.5, 0.7, 0.6, 0.5))!
  expect(run.start).toBe(0.3)
  expect(run.best).toBe(0.7)
  expect(run.final).toBeCloseTo(0.6, 12)
  // (0.4 + 0.6 + 0.65 + 0.55) / 4
  expect(run.auc).toBeCloseTo(0.55, 12)
  expect(run.drop).toBeCloseTo(0.1, 12)
  expect(run.collapsed).toBe(false)
})

test("the start counts as final only where there is nothing else", () => {
  expect(measureCurve(curve(0.3, 0.5))!.final).toBe(0.5)
  expect(measureCurve(curve(0.3))).toEqual({ start: 0.3, best: 0.3, final: 0.3, auc: 0.3, drop: 0, collapsed: false })
  expect(measureCurve([])).toBeUndefined()
})

test("a run collapses when it ends 0.05 below its start or 0.25 below its best, and not before", () => {
  expect(measureCurve(curve(0.3, 0.26, 0.26, 0.26))!.collapsed).toBe(false)
  expect(measureCurve(curve(0.3, 0.24, 0.24, 0.24))!.collapsed).toBe(true)
  expect(measureCurve(curve(0.3, 0.8, 0.56, 0.56, 0.56))!.collapsed).toBe(false)
  expect(measureCurve(curve(0.3, 0.8, 0.54, 0.54, 0.54))!.collapsed).toBe(true)
})

test("the area weighs every stretch by its length", () => {
  expect(areaUnderCurve([{ x: 0, value: 0 }, { x: 1, value: 1 }, { x: 4, value: 1 }])).toBeCloseTo(3.5 / 4, 12)
})

test("a run that is cut is read between its evaluations, over as many as a whole one", () => {
  const points = curve(0, 0.1, 0.2, 0.3, 0.4, 0.9)
  const cut = measureCutCurve(points, 35)!
  // Read at 35, 25 and 15.
  expect(cut.final).toBeCloseTo((0.35 + 0.25 + 0.15) / 3, 12)
  expect(cut.best).toBeCloseTo(0.35, 12)
  expect(cut.auc).toBeCloseTo(0.175, 12)
  expect(measureCutCurve(points, 50)).toEqual(measureCurve(points))
  expect(measureCutCurve(points, 1000)).toEqual(measureCurve(points))
  // At an evaluation it is the run that ended there.
  const [there, ended] = [measureCutCurve(points, 40)!, measureCurve(points.slice(0, 5))!]
  for (const key of ["start", "best", "final", "auc", "drop"] as const) expect(there[key]).toBeCloseTo(ended[key], 12)
  // At its start, where it has made no update yet, it is its start.
  expect(measureCutCurve(points, 0)).toEqual({ start: 0, best: 0, final: 0, auc: 0, drop: 0, collapsed: false })
  expect(measureCutCurve([{ x: 20, value: 0.5 }], 10)).toEqual(measureCurve([{ x: 20, value: 0.5 }]))
  // Before the first evaluation after the start there is nothing to average over.
  expect(measureCutCurve(points, 5)!.final).toBeCloseTo(0.05, 12)
})

test("a curve is constant beyond its ends and goes through its points", () => {
  expect([-5, 0, 5, 10, 99].map((x) => valueAt(curve(0.2, 0.4), x))).toEqual([0.2, 0.2, expect.closeTo(0.3, 12), 0.4, 0.4])
})

test("standard error and 95 % interval are those of Student's t by hand", () => {
  // Deviation of 1, 2, 3, 4 is sqrt(5/3); t(0.975, 3) = 3.182446305.
  const error = Math.sqrt(5 / 3) / 2
  expect(seedMean([1, 2, 3, 4])).toEqual({ n: 4, mean: 2.5, standardError: expect.closeTo(error, 12) })
  const { low, high } = intervalMean([1, 2, 3, 4])!
  expect(low).toBeCloseTo(2.5 - 3.182446305 * error, 8)
  expect(high).toBeCloseTo(2.5 + 3.182446305 * error, 8)
  expect(intervalMean([7])).toEqual({ n: 1, mean: 7, standardError: null, low: null, high: null })
  expect(intervalMean([])).toBeUndefined()
})

test("whatever the curve, drop is not negative, best is on the curve and the area lies between least and largest", () => {
  const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 150, noNaN: true }), (accuracies, cut) => {
      const points = curve(...accuracies)
      for (const run of [measureCurve(points)!, measureCutCurve(points, cut)!]) {
        expect(run.drop).toBeGreaterThanOrEqual(-1e-12)
        expect(run.best).toBeLessThanOrEqual(Math.max(...accuracies) + 1e-12)
        expect(run.auc).toBeGreaterThanOrEqual(Math.min(...accuracies) - 1e-12)
        expect(run.auc).toBeLessThanOrEqual(Math.max(...accuracies) + 1e-12)
      }
    }),
  )
})

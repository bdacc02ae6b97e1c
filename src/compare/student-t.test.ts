import * as fc from "fast-check"
import { expect, test } from "vitest"
import { logGamma, studentCdf, studentQuantile } from "./student-t.ts"

test.each([
  [1, 12.706204736],
  [2, 4.30265273],
  [4, 2.776445105],
  [7, 2.364624252],
  [30, 2.042272456],
  [1000, 1.962339081],
])("with %i degrees of freedom, the share 0.975 lies below %f", (degrees, quantile) => {
  expect(studentQuantile(0.975, degrees)).toBeCloseTo(quantile, 7)
  expect(studentQuantile(0.025, degrees)).toBeCloseTo(-quantile, 7)
})

test("the logarithm of the gamma function has its known values", () => {
  expect(logGamma(1)).toBeCloseTo(0, 12)
  expect(logGamma(6)).toBeCloseTo(Math.log(120), 12)
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12)
})

test("one and two degrees of freedom are the closed forms", () => {
  fc.assert(
    fc.property(fc.double({ min: -50, max: 50, noNaN: true }), (t) => {
      expect(studentCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 10)
      expect(studentCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 10)
    }),
  )
})

test("the quantile is the inverse of the distribution", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 500 }), (p, degrees) => {
      expect(studentCdf(studentQuantile(p, degrees), degrees)).toBeCloseTo(p, 9)
    }),
  )
})

import { expect, test } from "vitest"
import { randomStream } from "../random.ts"
import { correlationOfChanges, errorFromDifferences, errorsOfMeans } from "./sampling-error.ts"

const shape = { prompts: 16, groupSize: 8, merged: 1 }
const one = (value: number): Float64Array => Float64Array.of(value)

test("deviations of the batch and within groups give the error of the mean", () => {
  // between = 0.25 - 0.16 = 0.09, within / G = 0.02: sqrt(0.11 / 16).
  const { low, high, exact } = errorsOfMeans({ rewards: one(0.5), batch: one(0.5), group: one(0.4) }, shape)!
  expect(low[0]).toBeCloseTo(Math.sqrt(0.11 / 16), 12)
  expect(high[0]).toBe(low[0])
  expect(exact).toBe(true)
})

test("with the deviation of the batch alone the error lies between all prompts alike and each prompt always right or wrong", () => {
  const { low, high, exact } = errorsOfMeans({ rewards: one(0.5), batch: one(0.5) }, shape)!
  expect(low[0]).toBeCloseTo(0.5 / Math.sqrt(128), 12)
  expect(high[0]).toBeCloseTo(0.5 / Math.sqrt(16), 12)
  expect(exact).toBe(false)
})

test("the deviation within groups is enough for rewards of 0 and 1, and a lower bound for others", () => {
  const binary = errorsOfMeans({ rewards: one(0.5), group: one(0.4) }, shape)!
  expect(binary.low[0]).toBeCloseTo(Math.sqrt(0.11 / 16), 12)
  const other = errorsOfMeans({ rewards: one(-2), group: one(0.4) }, shape)!
  expect(other.low[0]).toBeCloseTo(0.4 / Math.sqrt(128), 12)
  expect(other.exact).toBe(false)
})

test("the share of groups of equal rewards tells what the mean deviation hides", () => {
  // Half of the groups have deviation 0, half 0.5: mean 0.25, mean variance 0.125.
  const { low } = errorsOfMeans({ rewards: one(0.5), batch: one(0.5), group: one(0.25), equalGroups: one(0.5) }, shape)!
  expect(low[0]).toBeCloseTo(Math.sqrt((0.25 - 0.125 + 0.125 / 8) / 16), 12)
  expect(errorsOfMeans({ rewards: one(1), batch: one(0), group: one(0), equalGroups: one(1) }, shape)!.low[0]).toBe(0)
})

test("groups of one need no deviation within them", () => {
  const { low, high, exact } = errorsOfMeans({ rewards: one(0.5), batch: one(0.5) }, { ...shape, groupSize: 1 })!
  expect([low[0], high[0], exact]).toEqual([0.125, 0.125, true])
})

test("a row that is the mean over four steps has half the error", () => {
  const error = (merged: number): number => errorsOfMeans({ rewards: one(0.5), batch: one(0.5), group: one(0.4) }, { ...shape, merged })!.low[0]!
  expect(error(4)).toBeCloseTo(error(1) / 2, 12)
})

test("logged errors come first; without a shape or with rewards of unknown kind there is nothing to say", () => {
  expect(errorsOfMeans({ rewards: one(0.5), logged: one(0.07), batch: one(0.5) }, shape)).toMatchObject({ low: one(0.07), exact: true })
  expect(errorsOfMeans({ rewards: one(0.5), batch: one(0.5) }, { ...shape, prompts: undefined })).toBeUndefined()
  expect(errorsOfMeans({ rewards: one(5) }, shape)).toBeUndefined()
  expect(errorsOfMeans({ rewards: one(0.5) }, shape)!.high[0]).toBe(0.125)
})

test("the jumps of a straight line are no noise, those of independent batches are all of it", () => {
  expect(errorFromDifferences(Float64Array.from({ length: 20 }, (_, i) => 0.25 * i))).toBe(0)
  // Second differences of 0, 1, 0, 1 are -2 and 2: sqrt(4 / 6).
  expect(errorFromDifferences(Float64Array.of(0, 1, 0, 1))).toBeCloseTo(Math.sqrt(4 / 6), 12)
  const random = randomStream(4, 0)
  const uniform = Float64Array.from({ length: 20_000 }, (_, i) => random.uniform() + 0.001 * i)
  expect(errorFromDifferences(uniform)).toBeCloseTo(Math.sqrt(1 / 12), 2)
  expect([errorFromDifferences(one(1)), errorFromDifferences(Float64Array.of(1, 1))]).toEqual([null, 0])
})

test("changes of independent batches correlate by -1/2, those of a smoothed column do not", () => {
  const random = randomStream(5, 0)
  const noise = Float64Array.from({ length: 3000 }, () => random.uniform())
  let last = 0.5
  const smoothed = noise.map((x) => (last = 0.9 * last + 0.1 * x))
  expect(correlationOfChanges(noise)).toBeCloseTo(-0.5, 1)
  expect(correlationOfChanges(smoothed)).toBeGreaterThan(-0.1)
  expect(correlationOfChanges(noise.subarray(0, 29))).toBeNull()
  expect(correlationOfChanges(new Float64Array(40))).toBeNull()
})

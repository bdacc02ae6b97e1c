import { expect, test } from "vitest"
import { bandOf } from "./arms.ts"
import { configDifferences } from "./config-differences.ts"
import { smoothed } from "./smoothing.ts"

test("a band goes over the steps of the longest curve, on the line between the points of the others", () => {
  const band = bandOf([
    { x: [0, 1, 2, 4], y: [0, 1, 2, 4] },
    { x: [0, 2], y: [2, 6] },
  ])
  expect(band).toEqual({ x: [0, 1, 2, 4], mean: [1, 2.5, 4, 4], low: [0, 1, 2, 4], high: [2, 4, 6, 4] })
})

test("points without a value are no part of a band", () => {
  expect(bandOf([{ x: [0, 1, 2], y: [0, null, 2] }, { x: [0, 1], y: [null, null] }])).toMatchObject({ x: [0, 2], mean: [0, 2] })
})

test("a smoothed curve begins at its first value, and a gap stays a gap", () => {
  // (1/2 x 4 + 8) / (1/2 + 1), then (1/4 x 4 + 1/2 x 8 + 1) / (1/4 + 1/2 + 1)
  expect(smoothed([4, 8, null, 1], 0.5)).toEqual([4, 20 / 3, null, expect.closeTo(6 / 1.75, 12)])
  expect(smoothed([4, 8], 0)).toEqual([4, 8])
})

test("configs differ where a setting has another value, or is not there", () => {
  const configs = [
    { seed: 1, rollout: { groupSize: 8, stop: ["a"] }, task: { name: "add2" } },
    { seed: 2, rollout: { groupSize: 8, stop: ["b"] } },
  ]
  expect(configDifferences(configs)).toEqual([
    { path: "rollout.stop", values: ['["a"]', '["b"]'] },
    { path: "seed", values: ["1", "2"] },
    { path: "task.name", values: ["add2", undefined] },
  ])
})

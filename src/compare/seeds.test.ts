import { expect, test } from "vitest"
import { parseSeeds } from "./seeds.ts"

test.each([
  ["3", [1, 2, 3]],
  ["11,12,13", [11, 12, 13]],
  ["11-14", [11, 12, 13, 14]],
  ["7-7", [7]],
  ["0, 5-6", [0, 5, 6]],
])("%s are the seeds %j", (text, seeds) => {
  expect(parseSeeds(text)).toEqual(seeds)
})

test.each(["0", "", "x", "5-3", "1,1", "1-3,2", "-1", "1.5", "4294967296,", "0-99999"])("%j is refused with how to write seeds", (text) => {
  expect(() => parseSeeds(text)).toThrow(/^--seeds: expected a number of seeds, or seeds as 11,12,13 or 11-18, got .*Write e\.g\. --seeds 5\.$/)
})

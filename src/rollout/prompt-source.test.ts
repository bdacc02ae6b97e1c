import * as fc from "fast-check"
import { expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { uniform } from "../random.ts"
import { createTask } from "../data/registry.ts"
import { defaults } from "../config/defaults.ts"
import { PromptSource, drawWeighted, selectionWeights } from "./prompt-source.ts"
import { SuccessMemory } from "./success-memory.ts"

test("selection weights by hand: a tenth even, the rest by p (1 - p)", () => {
  const estimates = [0.5, 0.5, 1, 0.9].map((mean) => ({ mean, count: 1 }))
  const promise = [0.25, 0.25, 0, 0.09]
  const expected = promise.map((q) => 0.025 + (0.9 * q) / 0.59)
  selectionWeights(estimates, 0.1).forEach((weight, i) => expect(weight).toBeCloseTo(expected[i]!, 12))
})

test("candidates without promise are drawn evenly, also without exploration", () => {
  expect(selectionWeights([{ mean: 0, count: 3 }, { mean: 1, count: 3 }], 0)).toEqual([0.5, 0.5])
})

test("selection weights sum to one and are finite for any estimates", () => {
  const estimate = fc.record({ mean: fc.double({ min: 0, max: 1, noNaN: true }), count: fc.nat() })
  fc.assert(
    fc.property(fc.array(estimate, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (estimates, exploration) => {
      const weights = selectionWeights(estimates, exploration)
      expect(weights.every((weight) => weight >= 0)).toBe(true)
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9)
    }),
  )
})

test("a weighted draw takes single elements in the ratio of their weights", () => {
  const taken = [0, 0, 0, 0]
  for (let draw = 0; draw < 4000; draw++) taken[drawWeighted([0.1, 0.2, 0.7, 0], 1, (i) => uniform(7, draw, i))[0]!]! += 1
  const shares = taken.map((count) => count / 4000)
  ;[0.1, 0.2, 0.7, 0].forEach((weight, i) => expect(Math.abs(shares[i]! - weight)).toBeLessThan(0.03))
})

test("a weighted draw never takes an element twice, and those without weight last", () => {
  for (let draw = 0; draw < 50; draw++) {
    const taken = drawWeighted([0, 1, 1, 0, 1], 4, (i) => uniform(3, draw, i))
    expect(new Set(taken).size).toBe(4)
    expect(taken).toEqual(expect.arrayContaining([1, 2, 4]))
  }
})

test("an estimate moves from the prior as a mean, and later exponentially", () => {
  const memory = new SuccessMemory({ prior: 0.5, rate: 0.3, capacity: 10 })
  expect(memory.estimate("a")).toEqual({ mean: 0.5, count: 0 })
  memory.observe("a", 1)
  expect(memory.estimate("a")).toEqual({ mean: 0.75, count: 1 })
  memory.observe("a", 0)
  expect(memory.estimate("a").mean).toBeCloseTo(0.5, 12)
  memory.observe("a", 1)
  // 1 / (2 + 2) is below the rate.
  expect(memory.estimate("a").mean).toBeCloseTo(0.5 + 0.3 * 0.5, 12)
  expect(memory.estimate("a").count).toBe(3)
})

test("the problem observed longest ago is forgotten first", () => {
  const memory = new SuccessMemory({ prior: 0.5, rate: 0.3, capacity: 2 })
  for (const id of ["a", "b", "a", "c"]) memory.observe(id, 1)
  expect(memory.size).toBe(2)
  expect(["a", "b", "c"].map((id) => memory.estimate(id).count)).toEqual([2, 0, 1])
})

test("a reward outside 0 to 1 is no success rate outside it", () => {
  const memory = new SuccessMemory({ prior: 0.5, rate: 1, capacity: 2 })
  memory.observe("a", -3)
  memory.observe("b", 7)
  expect([memory.estimate("a").mean, memory.estimate("b").mean]).toEqual([0, 1])
})

test("the choice is a pure function of seed, step and round", () => {
  const curriculum = { ...defaults.rollout.curriculum, enabled: true }
  const ids = (seed: number, step: number, round: number): string[] =>
    new PromptSource(createTask("add2"), seed, curriculum).select(8, step, round).map(({ problem }) => problem.id)
  expect(ids(1, 1, 1)).toEqual(ids(1, 1, 1))
  expect(ids(1, 1, 1)).not.toEqual(ids(1, 2, 1))
  expect(ids(1, 1, 2)).not.toEqual(ids(1, 1, 3))
})

test.each([[undefined], [{}], [{ position: -1, memory: null }], [{ position: 0.5, memory: null }], [{ position: 3, memory: { ids: ["a"], means: [1], counts: [1] } }]])(
  "a saved state %j is refused",
  (state) => {
    const source = new PromptSource(createTask("add2"), 1, { ...defaults.rollout.curriculum, enabled: true })
    expect(() => source.restore(state)).toThrow(CheckpointError)
  },
)

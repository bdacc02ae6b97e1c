import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { aggregationModes, aggregationWeights, exactAggregationWeights } from "./aggregation.ts"

const masks = [
  [1, 1, 0],
  [1, 0, 0],
]

function total(rows: readonly ArrayLike<number>[]): number {
  return rows.flatMap((row) => Array.from(row)).reduce((sum, x) => sum + x, 0)
}

describe("aggregation weights", () => {
  test("by hand", () => {
    const rows = (mode: string, options = {}): number[][] =>
      exactAggregationWeights(mode, masks, options).map((row) => Array.from(row))
    expect(rows("token-mean")).toEqual([
      [1 / 3, 1 / 3, 0],
      [1 / 3, 0, 0],
    ])
    expect(rows("seq-mean-token-sum")).toEqual([
      [0.5, 0.5, 0],
      [0.5, 0, 0],
    ])
    expect(rows("seq-mean-token-mean")).toEqual([
      [0.25, 0.25, 0],
      [0.5, 0, 0],
    ])
    expect(rows("seq-mean-token-sum-norm", { constant: 4 })).toEqual([
      [1 / 8, 1 / 8, 0],
      [1 / 8, 0, 0],
    ])
    expect(rows("seq-mean-token-sum-norm", { constant: 4, divideByRows: false })).toEqual([
      [1 / 4, 1 / 4, 0],
      [1 / 4, 0, 0],
    ])
  })

  test("both means weigh to one, whatever the masks", () => {
    const mask = fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 6 }).filter((row) => row.includes(1))
    fc.assert(
      fc.property(fc.array(mask, { minLength: 1, maxLength: 6 }), (rows) => {
        expect(total(exactAggregationWeights("token-mean", rows))).toBeCloseTo(1, 12)
        expect(total(exactAggregationWeights("seq-mean-token-mean", rows))).toBeCloseTo(1, 12)
      }),
      { numRuns: 50 },
    )
  })

  test("an empty response weighs nothing and still counts as a row", () => {
    const [empty, full] = exactAggregationWeights("seq-mean-token-mean", [
      [0, 0],
      [1, 0],
    ])
    expect([...empty!]).toEqual([0, 0])
    expect([...full!]).toEqual([0.5, 0])
  })

  test("a batch without counted tokens weighs nothing in every mode", () => {
    for (const mode of aggregationModes)
      expect(total(exactAggregationWeights(mode, [[0, 0], [0]], { constant: 2 })), mode).toBe(0)
    expect(exactAggregationWeights("token-mean", [])).toEqual([])
  })

  test("with equal lengths the modes differ by a factor only", () => {
    const even = [
      [1, 1],
      [1, 1],
    ]
    expect(exactAggregationWeights("token-mean", even)).toEqual(exactAggregationWeights("seq-mean-token-mean", even))
    expect(exactAggregationWeights("seq-mean-token-sum-norm", even, { constant: 2 })).toEqual(
      exactAggregationWeights("token-mean", even),
    )
  })

  test("a part of a larger batch divides by the whole batch's tokens", () => {
    expect(exactAggregationWeights("token-mean", masks, { tokenCount: 6 })[1]![0]).toBe(1 / 6)
  })

  test("float32 weights are the exact ones rounded", () => {
    expect(aggregationWeights("token-mean", masks)[0]).toEqual(Float32Array.of(1 / 3, 1 / 3, 0))
  })

  test("an unknown mode and a missing constant are config errors", () => {
    expect(() => aggregationWeights("token-means", masks)).toThrow(/Did you mean token-mean/)
    expect(() => aggregationWeights("seq-mean-token-sum-norm", masks)).toThrow(ConfigError)
  })
})

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { bucketWidth, extremes, places, queryTable } from "./buckets.ts"
import { tableOf } from "./table.test-helper.ts"

const none = Number.NaN

describe("buckets", () => {
  test("are as wide as the least power of two that gives at most the points asked for", () => {
    expect([0, 1, 100, 101, 200, 201].map((rows) => bucketWidth(rows, 100))).toEqual([1, 1, 1, 2, 2, 4])
  })

  test("keep the least and the greatest value, in the order in which they come", () => {
    expect(extremes([1, 5, 2, 3, 9, 0, 4, 8], 0, 8, 4)).toEqual([1, 5, 9, 0])
  })

  test("of one row hold its value once, of several with one number this number twice", () => {
    expect(extremes([7, 8, 9], 0, 3, 2)).toEqual([7, 8, 9])
    expect(extremes([none, 3, none, none], 0, 4, 2)).toEqual([3, 3, null, null])
  })

  test("have as many points in every column as places", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: false }), { maxLength: 40 }), fc.constantFrom(1, 2, 4, 8), fc.nat(8), (values, width, from) => {
        const start = Math.min(from, values.length)
        expect(extremes(values, start, values.length, width)).toHaveLength(places(values, start, values.length, width).length)
      }),
    )
  })

  test("never lose the peak of a curve, whatever the width", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (values, points) => {
        expect(Math.max(...extremes(values, 0, values.length, bucketWidth(values.length, points)).map(Number))).toBe(Math.max(...values))
      }),
    )
  })
})

describe("the answer to a query", () => {
  const table = tableOf(Array.from({ length: 10 }, (_, i) => ({ step: i + 1, mu: i, gate: i % 2 === 0 ? "reinforce" : "suppress" })))
  const names = ["step", "mu", "gate"]

  test("holds every row while there are few", () => {
    expect(queryTable(table, names, { log: "metrics", points: 10 }, 1)).toMatchObject({ rows: 10, width: 1, fromRow: 0, columns: { mu: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }, labels: { gate: ["reinforce", "suppress"] } })
  })

  test("goes on at the bucket that was not full, when the asker has the same buckets", () => {
    const have = { generation: 1, width: 4, rows: 6 }
    const answer = queryTable(table, names, { log: "metrics", points: 3, have }, 1)
    expect(answer).toMatchObject({ width: 4, fromRow: 4, step: [5, 7, 9, 10], columns: { mu: [4, 7, 8, 9] } })
  })

  test("begins anew when the log was cut or the buckets became wider", () => {
    expect(queryTable(table, names, { log: "metrics", points: 3, have: { generation: 0, width: 4, rows: 6 } }, 1).fromRow).toBe(0)
    expect(queryTable(table, names, { log: "metrics", points: 3, have: { generation: 1, width: 2, rows: 6 } }, 1).fromRow).toBe(0)
  })

  test("of a range of steps has one row more at each end, so that curves run out of the picture", () => {
    expect(queryTable(table, names, { log: "metrics", points: 10, from: 4, to: 6 }, 1)).toMatchObject({ fromRow: 2, step: [3, 4, 5, 6, 7] })
  })
})

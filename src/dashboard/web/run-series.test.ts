import * as fc from "fast-check"
import { expect, test } from "vitest"
import { queryTable } from "../analysis/buckets.ts"
import { tableOf } from "../analysis/table.test-helper.ts"
import type { ColumnsAnswer, ColumnsQuery } from "../api.ts"
import { RunSeries } from "./run-series.ts"
import { DataSource } from "./source.ts"

/** A log that grows, and may be cut. */
class GrowingSource extends DataSource {
  rows = 0
  generation = 1

  override columns(_id: string, query: ColumnsQuery): Promise<ColumnsAnswer> {
    const records = Array.from({ length: query.log === "metrics" ? this.rows : 0 }, (_, i) => ({ step: i + 1, mu: (i * 37) % 101, ...(i >= 1000 ? { late: i } : {}) }))
    return Promise.resolve({ generation: this.generation, damaged: 0, ...queryTable(tableOf(records), Object.keys(records.at(-1) ?? {}), query, this.generation) })
  }
}

function contentOf(series: RunSeries): object {
  return { steps: series.steps("metrics"), ...Object.fromEntries(series.names("metrics").map((name) => [name, series.column("metrics", name)])) }
}

test("a log that grows and is cut is, fetched bit by bit, what it is fetched at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ by: fc.integer({ min: -200, max: 1500 }) }), { minLength: 1, maxLength: 6 }), async (changes) => {
      const source = new GrowingSource()
      const followed = new RunSeries("run", source)
      for (const { by } of changes) {
        source.rows = Math.max(0, source.rows + by)
        if (by < 0) source.generation += 1
        await followed.refresh()
        const fresh = new RunSeries("run", source)
        await fresh.refresh()
        expect(contentOf(followed)).toEqual(contentOf(fresh))
      }
    }),
    { numRuns: 30 },
  )
})

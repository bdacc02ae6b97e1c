/**
 * Curves of any length in a number of points that fits a screen: rows in buckets of 2^k, the least and the greatest value of
 * each. A spike of one step stays visible at any zoom.
 */
import type { ColumnsAnswer, ColumnsQuery } from "../api.ts"
import { rowOfStep } from "./table.ts"
import type { Table } from "./table.ts"

/** Rows of a bucket so that `rows` give at most `points` buckets: the least power of two. */
export function bucketWidth(rows: number, points: number): number {
  let width = 1
  while (Math.ceil(rows / width) > Math.max(1, points)) width *= 2
  return width
}

/**
 * Least and greatest value of every bucket, in the order in which they come: two points, or one for a bucket of one row. NaN is left
 * out and becomes null where nothing else is.
 */
export function extremes(values: ArrayLike<number>, from: number, to: number, width: number): (number | null)[] {
  const result: (number | null)[] = []
  for (let start = from; start < to; start += width) {
    const end = Math.min(start + width, to)
    if (end - start === 1) {
      result.push(compact(values[start]!))
      continue
    }
    let [low, high] = [-1, -1]
    for (let i = start; i < end; i++) {
      const value = values[i]!
      if (Number.isNaN(value)) continue
      if (low < 0 || value < values[low]!) low = i
      if (high < 0 || value > values[high]!) high = i
    }
    if (low < 0) result.push(null, null)
    else result.push(compact(values[Math.min(low, high)]!), compact(values[Math.max(low, high)]!))
  }
  return result
}

/** Values at the rows that stand for the points of `extremes`: the start and the middle of every bucket. */
export function places(values: ArrayLike<number>, from: number, to: number, width: number): (number | null)[] {
  const result: (number | null)[] = []
  for (let start = from; start < to; start += width) {
    const end = Math.min(start + width, to)
    result.push(finite(values[start]!))
    if (end - start > 1) result.push(finite(values[start + ((end - start) >> 1)]!))
  }
  return result
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** Six digits are more than a screen shows, and half the bytes. */
function compact(value: number): number | null {
  if (!Number.isFinite(value)) return null
  return Number.isInteger(value) ? value : Number(value.toPrecision(6))
}

/** What of a log the answer to a query is, apart from generation and damage. */
export function queryTable(table: Table, names: readonly string[], query: ColumnsQuery, generation: number): Omit<ColumnsAnswer, "generation" | "damaged"> {
  const steps = table.column("step") ?? []
  const ranged = query.from !== undefined || query.to !== undefined
  const first = query.from === undefined ? 0 : Math.max(0, rowOfStep(steps, table.rows, query.from) - 1)
  const to = query.to === undefined ? table.rows : Math.min(table.rows, rowOfStep(steps, table.rows, query.to) + 2)
  const width = bucketWidth(to - first, query.points)
  const { have } = query
  // A bucket that was not full when it was sent is sent again.
  const goesOn = !ranged && have !== undefined && have.generation === generation && have.width === width && have.rows <= table.rows
  const from = goesOn ? Math.floor(have.rows / width) * width : first
  const columns: Record<string, (number | null)[]> = {}
  const labels: Record<string, readonly string[]> = {}
  for (const name of names) {
    const values = table.column(name)
    if (values === undefined || name === "step" || name === "time.at") continue
    const words = table.labels(name)
    if (words !== undefined) labels[name] = words
    columns[name] = words === undefined ? extremes(values, from, to, width) : places(values, from, to, width)
  }
  return {
    rows: table.rows,
    width,
    fromRow: from,
    step: places(steps, from, to, width) as number[],
    time: places(table.column("time.at") ?? new Float64Array(table.rows).fill(Number.NaN), from, to, width),
    columns,
    labels,
  }
}

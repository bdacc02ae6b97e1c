/** Columns of numbers of equal length, one row per step. */

/** What the analysis reads. Missing values are NaN. */
export interface Table {
  readonly rows: number
  /** Undefined when the table has no such column. It may be longer than `rows`. */
  column(name: string): ArrayLike<number> | undefined
  /** Words of a column of words; its values are indices into them. */
  labels(name: string): readonly string[] | undefined
}

/** The first row whose step is at least `step`; `rows` when there is none. Steps rise. */
export function rowOfStep(steps: ArrayLike<number>, rows: number, step: number): number {
  let [low, high] = [0, rows]
  while (low < high) {
    const middle = (low + high) >> 1
    if (steps[middle]! < step) low = middle + 1
    else high = middle
  }
  return low
}

/** Sum of a column over rows [from, to), and how many of them have a number. */
export function sumOf(table: Table, name: string, from: number = 0, to: number = table.rows): { readonly sum: number; readonly count: number } {
  const values = table.column(name)
  let [sum, count] = [0, 0]
  for (let row = Math.max(0, from); values !== undefined && row < Math.min(to, table.rows); row++) {
    if (!Number.isFinite(values[row])) continue
    sum += values[row]!
    count += 1
  }
  return { sum, count }
}

/** Mean over the rows that have a number; NaN without one. */
export function meanOf(table: Table, name: string, from: number = 0, to: number = table.rows): number {
  const { sum, count } = sumOf(table, name, from, to)
  return count === 0 ? Number.NaN : sum / count
}

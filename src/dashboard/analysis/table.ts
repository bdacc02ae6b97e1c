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

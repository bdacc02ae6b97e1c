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

/** A table from records, for small logs and tests. */
export function tableOf(records: readonly Readonly<Record<string, number | string | null>>[]): Table {
  const names = new Set(records.flatMap((record) => Object.keys(record)))
  const labels = new Map<string, string[]>()
  const columns = new Map<string, number[]>()
  for (const name of names) {
    const words: string[] = []
    const values = records.map((record) => {
      const value = record[name]
      if (typeof value === "number") return value
      if (typeof value !== "string") return Number.NaN
      if (!words.includes(value)) words.push(value)
      return words.indexOf(value)
    })
    columns.set(name, values)
    if (words.length > 0) labels.set(name, words)
  }
  return { rows: records.length, column: (name) => columns.get(name), labels: (name) => labels.get(name) }
}

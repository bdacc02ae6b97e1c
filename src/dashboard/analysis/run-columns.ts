/** The columns of a run as curves are drawn from them, in buckets where the run is long. */
import type { ColumnsAnswer, LogName } from "../api.ts"

/** What charts read of a run. */
export interface RunColumns {
  /** Every row is there: columns may be read side by side. Of rows in buckets each column keeps its own least and greatest. */
  isWhole(log: LogName): boolean
  names(log: LogName): string[]
  steps(log: LogName): readonly number[]
  column(log: LogName, name: string): readonly (number | null)[] | undefined
  /** Words of a column of words; its values are indices into them. */
  words(log: LogName, name: string): readonly string[]
}

type Answer = Pick<ColumnsAnswer, "width" | "step" | "columns" | "labels">

/** Whole answers as columns. */
export function columnsOf(metrics: Answer, evaluations: Answer): RunColumns {
  const logs: Readonly<Record<LogName, Answer>> = { metrics, evaluations }
  return {
    isWhole: (log) => logs[log].width === 1,
    names: (log) => Object.keys(logs[log].columns),
    steps: (log) => logs[log].step,
    column: (log, name) => logs[log].columns[name],
    words: (log, name) => logs[log].labels[name] ?? [],
  }
}

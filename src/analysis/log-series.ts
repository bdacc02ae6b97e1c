/** From a table to one row per step, in order: what was left out is counted, never hidden. */
import type { ColumnChoices, ColumnRole } from "./log-columns.ts"
import type { LogTable } from "./readers/log-table.ts"

/** Rows that are not in the series, by reason. */
export interface SkippedRows {
  /** Lines that were not in the log's format. */
  readonly unreadable: number
  /** Rows without a reward, those of evaluations aside. */
  readonly withoutReward: number
  /** Of these: the reward was there and was null, NaN or text. */
  readonly notANumber: number
  /** Rows with a reward but without a step. */
  readonly withoutStep: number
  /** A later row of the same step took their place. */
  readonly duplicates: number
  /** Left behind by a restart: the run went back to an earlier step and did these again. */
  readonly abandoned: number
  readonly restarts: number
}

export interface LogSeries {
  /** Ascending. */
  readonly steps: Float64Array
  readonly rewards: Float64Array
  /** Row of the table for each. */
  readonly rows: readonly number[]
  readonly evaluations: readonly { readonly step: number; readonly accuracy: number }[]
  readonly skipped: SkippedRows
  /** The log has no step: rows were numbered. */
  readonly numbered: boolean
  /** The steps came in no order and were sorted. */
  readonly sorted: boolean
}

/** A log whose step goes back more often than this is one without an order, and not one of restarts. */
const SHARE_OF_RESTARTS = 0.1

/** Values of a role for the rows of a series; undefined when the log has no such column. */
export function seriesOf(table: LogTable, choices: ColumnChoices, role: ColumnRole, rows: readonly number[]): Float64Array | undefined {
  const name = choices[role]?.column
  const column = name === undefined ? undefined : table.columns.get(name)
  return column === undefined ? undefined : Float64Array.from(rows, (row) => column[row]!)
}

interface Row {
  readonly row: number
  readonly step: number
  readonly reward: number
}

export function cleanSeries(table: LogTable, choices: ColumnChoices): LogSeries {
  const rewards = table.columns.get(choices.reward!.column)!
  const named = choices.step === undefined ? undefined : table.columns.get(choices.step.column)
  const accuracies = choices.accuracy === undefined ? undefined : table.columns.get(choices.accuracy.column)
  const steps = stepsOf(named, rewards)
  const withReward: number[] = []
  let [evaluationRows, withoutStep] = [0, 0]
  for (let row = 0; row < table.rows; row++) {
    if (!Number.isNaN(rewards[row]!) && named !== undefined && Number.isNaN(named[row]!)) withoutStep++
    else if (!Number.isNaN(rewards[row]!)) withReward.push(row)
    else if (accuracies !== undefined && !Number.isNaN(accuracies[row]!)) evaluationRows++
  }
  const back = withReward.reduce((count, row, i) => count + Number(i > 0 && steps[row]! < steps[withReward[i - 1]!]!), 0)
  const sorted = back > Math.max(3, SHARE_OF_RESTARTS * withReward.length)
  const order = Array.from({ length: table.rows }, (_, row) => row)
  if (sorted) order.sort((a, b) => steps[a]! - steps[b]! || a - b)

  const kept: Row[] = []
  const evaluated = new Map<number, number>()
  let [duplicates, abandoned, restarts] = [0, 0, 0]
  for (const row of order) {
    const [step, reward] = [steps[row]!, rewards[row]!]
    if (!Number.isNaN(reward) && (named === undefined || !Number.isNaN(named[row]!))) {
      const last = kept.at(-1)?.step ?? -Infinity
      if (step === last) {
        kept.pop()
        duplicates++
      } else if (step < last) {
        restarts++
        for (; kept.length > 0 && kept.at(-1)!.step >= step; abandoned++) kept.pop()
        for (const known of evaluated.keys()) if (known >= step) evaluated.delete(known)
      }
      kept.push({ row, step, reward })
    }
    const accuracy = accuracies?.[row]
    if (accuracy !== undefined && !Number.isNaN(accuracy)) evaluated.set(step, accuracy)
  }
  return {
    steps: Float64Array.from(kept, ({ step }) => step),
    rewards: Float64Array.from(kept, ({ reward }) => reward),
    rows: kept.map(({ row }) => row),
    evaluations: [...evaluated].map(([step, accuracy]) => ({ step, accuracy })).sort((a, b) => a.step - b.step),
    skipped: {
      unreadable: table.unreadable,
      withoutReward: table.rows - withReward.length - evaluationRows - withoutStep,
      withoutStep,
      notANumber: table.unusable.get(choices.reward!.column) ?? 0,
      duplicates,
      abandoned,
      restarts,
    },
    numbered: named === undefined,
    sorted,
  }
}

/** An evaluation without a step has that of the row before; rows of a log without steps are numbered by their rewards. */
function stepsOf(named: readonly number[] | undefined, rewards: readonly number[]): number[] {
  let step = 0
  if (named === undefined) return rewards.map((reward) => (Number.isNaN(reward) ? step : ++step))
  return named.map((value) => (Number.isNaN(value) ? step : (step = value)))
}

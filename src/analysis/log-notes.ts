/** What a person should know of how a log was read. */
import type { ColumnChoice, ColumnChoices } from "./log-columns.ts"
import type { LogSeries } from "./log-series.ts"

export interface Reading {
  readonly spacing: number
  readonly merged: number
  readonly correlation: number | null
  /** There are evaluations, but nothing tells their error. */
  readonly noiseUnknown: boolean
  readonly ownSignal: boolean
}

/** Changes that follow one another like this are those of a smoothed column, or of one nearly without noise. */
const SMOOTHED = -0.2

export function readingNotes({ numbered, sorted }: LogSeries, { reward, accuracy }: ColumnChoices, { spacing, merged, correlation, noiseUnknown, ownSignal }: Reading): string[] {
  const notes: string[] = []
  const others = (choice: ColumnChoice | undefined, option: string): void => {
    if (choice !== undefined && choice.alternatives.length > 0) notes.push(`${choice.column} was chosen; ${option} can name another: ${choice.alternatives.slice(0, 8).join(", ")}`)
  }
  others(reward, "--reward")
  others(accuracy, "--eval")
  if (ownSignal) notes.push("xi and verdicts are the run's own")
  if (numbered) notes.push("no column of steps: rows with a reward were numbered")
  if (sorted) notes.push("the steps came in no order and were sorted")
  if (spacing !== 1) notes.push(`one row in ${spacing} steps${merged > 1 ? ", each the mean over them" : ""}: a verdict judges ${spacing} updates at once`)
  if (correlation !== null && correlation > SMOOTHED) {
    notes.push(`the reward looks smoothed or nearly free of noise (changes correlate by ${correlation.toFixed(2)}, those of independent batches by -0.5): if it was smoothed, the noise is larger than it seems`)
  }
  if (noiseUnknown) notes.push("the noise of the evaluations is not known, so every change counts as real; --eval-size N sets it for a share of N problems")
  return notes
}

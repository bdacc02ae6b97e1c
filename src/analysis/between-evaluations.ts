/**
 * Agreement where accuracy is known only now and then: what the signal said over the steps between two evaluations against what the second
 * evaluation says of them.
 */
import { mean } from "../statistics.ts"
import { agreementOf, type Agreement } from "./agreement.ts"
import { changeBetween, type Measured } from "./held-out.ts"
import { Z95 } from "./intervals.ts"

/** The stretch between two evaluations. */
export interface EvaluationInterval {
  /** Steps of the two evaluations: the updates after `from`, up to and with `to`, were made between them. */
  readonly from: number
  readonly to: number
  /** Mean of mu - muHis over the rows that judge these updates. */
  readonly meanProgress: number
  /** Rows that went into it. */
  readonly rows: number
  readonly change: number
  /** Null when the log does not tell it. */
  readonly changeError: number | null
  readonly paired: boolean
  /** "undecidable": the change lies within 1.96 of its standard errors. */
  readonly outcome: "agreed" | "disagreed" | "undecidable" | "no-signal"
}

/** Agreement between evaluations; `undecided` of its counts are intervals without a signal. */
export interface IntervalAgreement extends Agreement {
  /** Left out: the change lies inside its 95 % noise. */
  readonly undecidable: number
  /** False when no interval's error is known: every change is then taken for real. */
  readonly noiseKnown: boolean
  readonly intervals: readonly EvaluationInterval[]
}

/**
 * The row of step t judges the update of step t - 1, so the updates between evaluations at s0 and s1 (steps s0 + 1 to s1) are judged by the rows
 * s0 + 2 to s1 + 1. In a log with one row for several steps the count is in rows.
 * @param steps  of the rows, ascending
 * @param progress  mu - muHis per row; NaN where there is none
 * @returns null when there are fewer than two evaluations
 */
export function agreementBetween(steps: ArrayLike<number>, progress: readonly number[] | Float64Array, measured: readonly Measured[]): IntervalAgreement | null {
  if (measured.length < 2) return null
  const intervals: EvaluationInterval[] = []
  const verdicts: number[] = []
  const changes: number[] = []
  let [undecidable, row] = [0, 0]
  let noiseKnown = false
  for (let k = 1; k < measured.length; k++) {
    const [before, after] = [measured[k - 1]!, measured[k]!]
    while (row < steps.length && steps[row]! <= before.step) row++
    let end = row
    while (end < steps.length && steps[end]! <= after.step) end++
    const judging = Array.from(progress.slice(row + 1, end + 1)).filter(Number.isFinite)
    const rows = judging.length
    const meanProgress = rows === 0 ? 0 : mean(judging)
    const known = changeBetween(before, after)
    const change = known?.change ?? after.accuracy - before.accuracy
    const noisy = known !== null && Math.abs(change) <= Z95 * known.standardError
    noiseKnown ||= known !== null
    const outcome = meanProgress === 0 ? "no-signal" : noisy || change === 0 ? "undecidable" : Math.sign(meanProgress) === Math.sign(change) ? "agreed" : "disagreed"
    intervals.push({ from: before.step, to: after.step, meanProgress, rows, change, changeError: known?.standardError ?? null, paired: known?.paired ?? false, outcome })
    if (outcome === "undecidable") undecidable++
    else {
      verdicts.push(meanProgress)
      changes.push(change)
    }
  }
  return { ...agreementOf(verdicts, changes), undecidable, noiseKnown, intervals }
}

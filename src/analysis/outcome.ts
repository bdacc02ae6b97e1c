/**
 * What became of a run, from its mean rewards: where it was best, whether it fell from there, and since when it gained nothing more.
 *
 * All comparisons are of means of `width` rows, in combined standard errors: |a - b| / sqrt(SE_a^2 + SE_b^2).
 */
import { normalInterval, type Interval } from "./intervals.ts"

/** The mean of consecutive rows. */
export interface WindowMean {
  readonly value: number
  readonly standardError: number
  readonly fromStep: number
  readonly toStep: number
}

/**
 * no-signal: all rewards are equal. too-short: fewer than 8 rows. flat: neither rose nor fell. improving: rose, and was
 * best at the end. plateau: rose, then gained nothing more. drifted: fell from its best, but kept half of the gain.
 * fell-back: lost more than half of it. declined: never rose, and ended below its start.
 *
 * Falls are measured in standard errors of a reward of any scale, after the run: no collapse, which is a matter of accuracies (docs/analyze.md, "Three kinds of fall").
 */
export type OutcomeKind =
  "no-signal" | "too-short" | "flat" | "improving" | "plateau" | "drifted" | "fell-back" | "declined"

export interface RunOutcome {
  readonly kind: OutcomeKind
  /** Rows per mean. */
  readonly width: number
  readonly start: WindowMean
  readonly best: WindowMean
  readonly final: WindowMean
  /** Where the running alarm went off: the mean of the last rows stood this many combined standard errors below the best one before. */
  readonly firstDrop: { readonly step: number; readonly value: number; readonly below: number; readonly errors: number } | null
  /** Combined standard errors at which the alarm goes off: at least 3, more for many looks. */
  readonly alarmAt: number
  /** After an alarm the run came back to its best. */
  readonly recovered: boolean
  /** Last step of the first mean that is within 2 combined standard errors of the best: what came later added nothing that stands out. */
  readonly improvedUntil: number
  /** Step after which the run should have been stopped; null when there was no reason to. */
  readonly stopAt: number | null
  /** best - final, when the run should have been stopped; the best is chosen for being high, so this is rather too large. */
  readonly lost: Interval | null
}

const SHORTEST = 8

/**
 * Errors at which the last mean counts as below the best: chosen from many, the best of a flat log stands so far above the last in 5 % of cases
 * (simulated for 100 to 10,000 rows of independent noise).
 */
const FINAL_ERRORS = 3.25

/** Rows per mean: the window of the signal, a fiftieth of a long log, at most a quarter of a short one. */
export function widthFor(rows: number, window: number): number {
  return Math.max(1, Math.min(Math.max(window, Math.round(rows / 50)), Math.floor(rows / 4)))
}

/**
 * Looking at every step of a log of independent noise, the largest drop exceeds this in 5 % of cases (simulated for 30 to 10,000 rows, widths as above).
 */
function alarmThreshold(rows: number, width: number): number {
  return Math.max(3, 3 + 0.65 * Math.log(rows / (4 * width)))
}

/**
 * @param errors  standard error of every reward
 * @param window  K of the signal
 * @returns null for an empty log
 */
export function outcomeOf(steps: Float64Array, rewards: Float64Array, errors: Float64Array, window: number): RunOutcome | null {
  const rows = rewards.length
  if (rows === 0) return null
  const width = widthFor(rows, window)
  const means = windowMeans(steps, rewards, errors, width)
  const [start, final] = [means[0]!, means.at(-1)!]
  let best = start
  for (const mean of means) if (mean.value > best.value) best = mean
  const alarmAt = alarmThreshold(rows, width)
  const fell = errorsBetween(best, final) > FINAL_ERRORS
  const drop = firstDrop(means, width, alarmAt) ?? (fell ? firstDrop(means, width, FINAL_ERRORS) : null)
  const improvedUntil = means.find((mean) => errorsBetween(best, mean) <= 2)!.toStep
  const kind = isConstant(rewards)
    ? "no-signal"
    : rows < SHORTEST
      ? "too-short"
      : kindOf({ start, best, final, fell, improvedUntil, lastStep: final.toStep, firstStep: start.fromStep })
  const known = kind !== "too-short" && kind !== "no-signal"
  const stop = kind === "drifted" || kind === "fell-back" || kind === "declined"
  return {
    kind,
    width,
    start,
    best,
    final,
    firstDrop: known ? drop : null,
    alarmAt,
    recovered: known && drop !== null && !fell,
    improvedUntil,
    stopAt: stop ? best.toStep : null,
    lost: stop ? normalInterval(best.value - final.value, Math.hypot(best.standardError, final.standardError)) : null,
  }
}

/** Several rewards, all of them equal. */
function isConstant(rewards: Float64Array): boolean {
  return rewards.length > 1 && rewards.every((reward) => reward === rewards[0])
}

function windowMeans(steps: Float64Array, rewards: Float64Array, errors: Float64Array, width: number): WindowMean[] {
  const means: WindowMean[] = []
  let [sum, variance] = [0, 0]
  for (let i = 0; i < rewards.length; i++) {
    sum += rewards[i]!
    variance += errors[i]! ** 2
    if (i >= width) {
      sum -= rewards[i - width]!
      variance -= errors[i - width]! ** 2
    }
    if (i >= width - 1) {
      means.push({ value: sum / width, standardError: Math.sqrt(Math.max(0, variance)) / width, fromStep: steps[i - width + 1]!, toStep: steps[i]! })
    }
  }
  return means
}

/** Stands for "beyond any noise", where there is none. */
const MOST_ERRORS = 1e6

/** How far a stands above b. Differences that rounding makes are none. */
function errorsBetween(a: WindowMean, b: WindowMean): number {
  const difference = a.value - b.value
  if (Math.abs(difference) <= 1e-9 * Math.max(Math.abs(a.value), Math.abs(b.value))) return 0
  const error = Math.hypot(a.standardError, b.standardError)
  const errors = error === 0 ? Math.sign(difference) * MOST_ERRORS : difference / error
  return Math.min(MOST_ERRORS, Math.max(-MOST_ERRORS, errors))
}

/** The first mean that stands so far below the best of those that share no row with it. */
function firstDrop(means: readonly WindowMean[], width: number, threshold: number): RunOutcome["firstDrop"] {
  let best = means[0]!
  for (let i = width; i < means.length; i++) {
    const [candidate, mean] = [means[i - width]!, means[i]!]
    if (candidate.value > best.value) best = candidate
    const errors = errorsBetween(best, mean)
    if (errors > threshold) return { step: mean.toStep, value: mean.value, below: best.value - mean.value, errors }
  }
  return null
}

interface Shape {
  readonly start: WindowMean
  readonly best: WindowMean
  readonly final: WindowMean
  readonly fell: boolean
  readonly improvedUntil: number
  readonly firstStep: number
  readonly lastStep: number
}

/** Share of the run, at its end, in which the last gain may lie for the run to count as improving. */
const STILL = 0.2

function kindOf({ start, best, final, fell, improvedUntil, firstStep, lastStep }: Shape): OutcomeKind {
  const rose = errorsBetween(best, start) > FINAL_ERRORS
  if (fell && !rose) return "declined"
  if (fell) return best.value - final.value > (best.value - start.value) / 2 ? "fell-back" : "drifted"
  if (!rose) return "flat"
  return improvedUntil > lastStep - STILL * (lastStep - firstStep) ? "improving" : "plateau"
}

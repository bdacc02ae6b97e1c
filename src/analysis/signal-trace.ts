/**
 * The improvement signal of a whole log. Row i is a batch with mean reward mu_i, sampled from the policy that the update of row i - 1
 * made: the signal of row i judges that update.
 *
 * Arrays are as long as the log; NaN stands for "there is none" and never leaves this folder.
 */
import { improvementSignal, type Deviation } from "../pipo/signal.ts"
import { judgingWindow, pushMean, type WindowConvention } from "../pipo/window.ts"

export interface TraceOptions {
  /** K: batches in the window. Default 8. */
  readonly window?: number
  /** Default "paper". */
  readonly windowConvention?: WindowConvention
  /** Default "sample". */
  readonly sigma?: Deviation
  /** No verdict before min(minSteps, K) means are known. Default 8. */
  readonly minSteps?: number
  /** The verdict is undecided while |xi| is at or below this. Default 0. */
  readonly threshold?: number
}

/** @throws RangeError for a window that is not a whole number of at least 1 */
export function traceSettings(options: TraceOptions): Required<TraceOptions> {
  const settings = { window: 8, windowConvention: "paper", sigma: "sample", minSteps: 8, threshold: 0, ...options } as const
  if (!Number.isInteger(settings.window) || settings.window < 1) {
    throw new RangeError(`improvement signal: expected a window of a whole number of at least 1, got ${settings.window}. Change it.`)
  }
  return settings
}

export interface SignalTrace {
  readonly muHis: Float64Array
  /** mu - muHis. */
  readonly progress: Float64Array
  readonly xi: Float64Array
  /** 1 improved, -1 regressed, 0 undecided; NaN while the window is short. */
  readonly verdict: Float64Array
  /** Sampling error of progress; NaN without errors of the means. */
  readonly standardError: Float64Array
  /** Mean of a second series over the same window, with the same weights; NaN where one of its values is missing. */
  readonly otherHis: Float64Array
}

/**
 * xi and verdict of every row, from the rewards alone; mu - muHis is not clipped to +-5, so that rewards in other units give the same.
 *   SE(progress)^2 = SE_i^2 + mean over the window of SE_j^2 / K
 * with weights in place of 1/K where the window convention counts a mean several times.
 * @param mus  NaN for a row without a reward: it is not judged and does not enter the window
 * @param errors  standard errors of the means; NaN for unknown
 * @param other  a series that is averaged over the same windows, e.g. the held-out accuracy of the policies that sampled them
 */
export function traceSignal(mus: ArrayLike<number>, errors: ArrayLike<number>, other: ArrayLike<number>, options: TraceOptions = {}): SignalTrace {
  const settings = traceSettings(options)
  const { window: size, sigma, minSteps, threshold } = settings
  const series = (): Float64Array => new Float64Array(mus.length).fill(Number.NaN)
  const trace = { muHis: series(), progress: series(), xi: series(), verdict: series(), standardError: series(), otherHis: series() }
  const needed = Math.min(minSteps, size)
  for (const { row, window, seen } of judgedRows(mus, settings)) {
    const means = window.map((judging) => mus[judging]!)
    const signal = improvementSignal(mus[row]!, means, { windowSize: size, sigma, clip: Infinity })
    trace.muHis[row] = signal.muHis
    trace.progress[row] = signal.progress
    trace.xi[row] = signal.xi
    if (seen >= needed) trace.verdict[row] = Math.abs(signal.xi) > threshold ? Math.sign(signal.xi) : 0
    trace.standardError[row] = progressError(row, window, errors)
    trace.otherHis[row] = window.reduce((sum, judging) => sum + other[judging]!, 0) / window.length
  }
  return trace
}

interface JudgedRow {
  readonly row: number
  /** The rows that it is judged against: by number, so that everything known of them can be averaged alike. */
  readonly window: readonly number[]
  /** Rows with a reward before it. */
  readonly seen: number
}

/** Rows with a reward and one before them. */
function* judgedRows(mus: ArrayLike<number>, { window: size, windowConvention }: Required<TraceOptions>): Generator<JudgedRow> {
  let stored: readonly number[] = []
  let seen = 0
  for (let row = 0; row < mus.length; row++) {
    if (Number.isNaN(mus[row]!)) continue
    if (seen > 0) yield { row, window: judgingWindow(stored, row, size, windowConvention), seen }
    stored = pushMean(stored, row, size, windowConvention)
    seen++
  }
}

function progressError(row: number, window: readonly number[], errors: ArrayLike<number>): number {
  const share = 1 / window.length
  const last = window.length - 1
  let variance = 0
  let own = 1
  for (let k = 0; k <= last; k++) {
    // A row that stands in the window several times stands there in a row.
    let weight = share
    for (; k < last && window[k + 1] === window[k]; k++) weight += share
    if (window[k] === row) own -= weight
    else variance += (weight * errors[window[k]!]!) ** 2
  }
  return Math.sqrt(variance + (own * errors[row]!) ** 2)
}

/** The standard error of progress alone, as `traceSignal` has it. */
export function progressErrors(mus: ArrayLike<number>, errors: ArrayLike<number>, options: TraceOptions = {}): Float64Array {
  const found = new Float64Array(mus.length).fill(Number.NaN)
  for (const { row, window } of judgedRows(mus, traceSettings(options))) found[row] = progressError(row, window, errors)
  return found
}

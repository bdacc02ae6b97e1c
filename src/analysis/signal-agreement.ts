/**
 * PIRL's question asked of a whole run: was the signal right? The signal of step t judges the update of step t - 1, which led from theta_{t-1} to
 * theta_t, the policy that sampled the batch B_t. So xi_t is held against
 *
 *   J(theta_t) - J(theta_{t-1})                                     what that update did to the held-out accuracy, and
 *   J(theta_t) - mean of J over the policies of the window H_t      what mu_t - muHis estimates.
 *
 * The line of step t tells J after its own updates: accuracyAfter of line t is J(theta_{t+1}), and J(theta_1) is the evaluation of step 0.
 * A batch that is d updates off-policy is of theta_{t-d}, and its signal judges the update of step t - 1 - d.
 */
import { agreementOf, type Agreement } from "./agreement.ts"
import { agreementBetween, type IntervalAgreement } from "./between-evaluations.ts"
import { measuredAccuracies, type EvaluationPoint } from "./held-out.ts"
import { signalSize, type SignalSize } from "./signal-size.ts"
import { traceSettings, traceSignal, type SignalTrace, type TraceOptions } from "./signal-trace.ts"

export type LoggedVerdict = "improved" | "regressed" | "undecided"

/** What a log says of one step. Null and absent mean the same. */
export interface SignalPoint {
  readonly step: number
  /** Mean reward of the batch of this step. */
  readonly mu: number | null
  /** The signal as the run computed it. */
  readonly xi?: number | null
  readonly muHis?: number | null
  readonly verdict?: LoggedVerdict | null
  /** Standard error of mu. */
  readonly muStandardError?: number | null
  /** Held-out accuracy after the updates of this step. */
  readonly accuracyAfter?: number | null
  /** Updates between the policy that sampled the batch of this step and the one that is updated. Absent: 0. */
  readonly offPolicySteps?: number | null
}

export interface SignalAgreementOptions extends TraceOptions {
  /** J before the first row's batch was sampled, measured as `accuracyAfter` is: on the same problems. */
  readonly startAccuracy?: number
  /** For agreement between evaluations. */
  readonly evaluations?: readonly EvaluationPoint[]
}

export type VerdictCounts = Readonly<Record<LoggedVerdict | "unjudged", number>>

export interface SignalAgreement {
  /** "logged": xi and verdicts are the run's own; "computed": they were computed here from mu. */
  readonly source: "logged" | "computed"
  /** K of the window that was used here. */
  readonly window: number
  readonly verdicts: VerdictCounts
  /** Against J(theta_t) - J(theta_{t-1}); null without accuracies of single steps. */
  readonly againstPrevious: Agreement | null
  /** Against J(theta_t) - mean of J over the window. */
  readonly againstWindow: Agreement | null
  readonly betweenEvaluations: IntervalAgreement | null
  /** Null where no standard error of mu is known. */
  readonly size: SignalSize | null
}

/** The signal of a run with its agreement, and the series it was made of. */
export interface TracedAgreement {
  readonly agreement: SignalAgreement
  /** muHis, progress, xi and verdict are the run's own where it logged them. */
  readonly trace: SignalTrace
}

/** How often the sign of the in-training signal was that of the held-out change. @throws RangeError for an impossible window */
export function signalAgreement(points: readonly SignalPoint[], options: SignalAgreementOptions = {}): SignalAgreement {
  return traceAgreement(points, options).agreement
}

/** `signalAgreement` with the signal of every row. */
export function traceAgreement(points: readonly SignalPoint[], options: SignalAgreementOptions = {}): TracedAgreement {
  const settings = traceSettings(options)
  const mus = seriesOf(points, (point) => point.mu)
  const errors = seriesOf(points, (point) => point.muStandardError)
  const accuracies = accuracyBefore(points, options.startAccuracy)
  const computed = traceSignal(mus, errors, accuracies, settings)
  const logged = points.some(({ xi, verdict }) => numberOf(xi) === numberOf(xi) && verdict !== null && verdict !== undefined)
  const trace = logged ? withLogged(computed, points) : computed
  const fromPrevious = accuracies.map((accuracy, i) => (i === 0 ? Number.NaN : accuracy - accuracies[i - 1]!))
  const fromWindow = accuracies.map((accuracy, i) => accuracy - trace.otherHis[i]!)
  const measuredSteps = fromPrevious.some((change) => !Number.isNaN(change))
  return {
    trace,
    agreement: {
      source: logged ? "logged" : "computed",
      window: settings.window,
      verdicts: verdictCounts(trace.verdict),
      againstPrevious: measuredSteps ? agreementOf(trace.verdict, fromPrevious) : null,
      againstWindow: measuredSteps ? agreementOf(trace.verdict, fromWindow) : null,
      betweenEvaluations: evaluated(points, trace, options.evaluations ?? []),
      size: signalSize(trace.progress, trace.standardError),
    },
  }
}

function evaluated(points: readonly SignalPoint[], trace: SignalTrace, evaluations: readonly EvaluationPoint[]): IntervalAgreement | null {
  const greedy = measuredAccuracies(evaluations, "greedy")
  // As if every row stood where a batch of the newest policy would judge the same update. The second batch of a policy judges none.
  const steps = seriesOf(points, (point) => point.step - lagOf(point))
  const progress = trace.progress.map((value, i) => (i > 0 && lagOf(points[i]!) > 0 && steps[i] === steps[i - 1] ? Number.NaN : value))
  return agreementBetween(steps, progress, greedy.length > 1 ? greedy : measuredAccuracies(evaluations, "expected"))
}

/** J of the policy that sampled each row: what the row before says of its own end, unless rows are missing between them. */
function accuracyBefore(points: readonly SignalPoint[], start: number | undefined): Float64Array {
  const spacing = usualSpacing(points)
  return seriesOf(points, (point, i) => {
    const lag = lagOf(point)
    const maker = i - 1 - lag
    if (maker < -1) return undefined
    const from = points[Math.max(maker, 0)]!
    if (gapBetween(from, point) !== (i - Math.max(maker, 0)) * spacing) return undefined
    return maker === -1 ? start : from.accuracyAfter
  })
}

function lagOf({ offPolicySteps }: SignalPoint): number {
  return offPolicySteps ?? 0
}

/** Steps between neighbouring rows, as most have it. */
export function usualSpacing(points: readonly { readonly step: number }[]): number {
  const counts = new Map<number, number>()
  for (let i = 1; i < points.length; i++) {
    const gap = gapBetween(points[i - 1]!, points[i]!)
    counts.set(gap, (counts.get(gap) ?? 0) + 1)
  }
  let [usual, most] = [1, 0]
  for (const [gap, count] of counts) if (count > most) [usual, most] = [gap, count]
  return usual
}

/** Rounded, for steps that are fractions of epochs. */
function gapBetween(before: { readonly step: number }, after: { readonly step: number }): number {
  const gap = after.step - before.step
  return Number.isInteger(gap) ? gap : Number(gap.toPrecision(6))
}

/** Verdicts as numbers. */
export const verdictSigns = { improved: 1, regressed: -1, undecided: 0 } as const

function withLogged(computed: SignalTrace, points: readonly SignalPoint[]): SignalTrace {
  const muHis = seriesOf(points, (point, i) => point.muHis ?? computed.muHis[i])
  return {
    ...computed,
    muHis,
    progress: seriesOf(points, ({ mu }, i) => numberOf(mu) - muHis[i]!),
    xi: seriesOf(points, (point) => point.xi),
    verdict: seriesOf(points, ({ verdict }) => (verdict === null || verdict === undefined ? undefined : verdictSigns[verdict])),
  }
}

function verdictCounts(verdicts: Float64Array): VerdictCounts {
  const counts = { improved: 0, regressed: 0, undecided: 0, unjudged: 0 }
  for (const verdict of verdicts) counts[verdict > 0 ? "improved" : verdict < 0 ? "regressed" : verdict === 0 ? "undecided" : "unjudged"]++
  return counts
}

function numberOf(value: number | null | undefined): number {
  return typeof value === "number" && Number.isFinite(value) ? value : Number.NaN
}

function seriesOf(points: readonly SignalPoint[], value: (point: SignalPoint, i: number) => number | null | undefined): Float64Array {
  const series = new Float64Array(points.length)
  points.forEach((point, i) => (series[i] = numberOf(value(point, i))))
  return series
}

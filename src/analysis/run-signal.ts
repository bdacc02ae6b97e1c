/** The signal of a run of ours, from the lines of its metrics and evaluations. */
import type { EvaluationPoint } from "./held-out.ts"
import { signalAgreement, type LoggedVerdict, type SignalAgreement, type SignalPoint } from "./signal-agreement.ts"
import type { TraceOptions } from "./signal-trace.ts"

/** What is read of a line of metrics.jsonl. */
export interface StepLine {
  readonly step: number
  readonly mu: number | null
  readonly [metric: string]: unknown
}

/** Steps of a run as points of its signal. */
function runPoints(metrics: readonly StepLine[]): SignalPoint[] {
  return metrics.map((line) => ({
    step: line.step,
    mu: line.mu,
    xi: numberIn(line, "xi"),
    muHis: numberIn(line, "muHis"),
    verdict: verdictIn(line),
    muStandardError: numberIn(line, "muStandardError"),
    accuracyAfter: numberIn(line, "expectedAccuracy"),
    offPolicySteps: numberIn(line, "offPolicySteps"),
  }))
}

function numberIn(line: StepLine, key: string): number | null {
  const value = line[key]
  return typeof value === "number" ? value : null
}

/** The verdict of a line of metrics; null when it has none. */
export function verdictIn({ verdict }: { readonly [metric: string]: unknown }): LoggedVerdict | null {
  return verdict === "improved" || verdict === "regressed" || verdict === "undecided" ? verdict : null
}

/**
 * Expected accuracy at the start on the problems of the steps' own accuracy. Logs that do not tell it have that of the
 * evaluation, which may measure more problems than a step does; it is taken only if both say the same where a step and
 * an evaluation fall together.
 */
export function startAccuracyOf(metrics: readonly StepLine[], evaluations: readonly EvaluationPoint[]): number | undefined {
  const { expectedAccuracy: start, stepExpectedAccuracy: logged } = evaluations.find(({ step }) => step === 0) ?? {}
  if (logged !== undefined) return logged
  if (start === undefined) return undefined
  const later = new Map(evaluations.map(({ step, expectedAccuracy }) => [step, expectedAccuracy]))
  for (const line of metrics) {
    const [measured, evaluated] = [numberIn(line, "expectedAccuracy"), later.get(line.step)]
    if (measured !== null && evaluated !== undefined) return Math.abs(measured - evaluated) < 1e-9 ? start : undefined
  }
  return undefined
}

/** `signalAgreement` of a run. The window counts only where the run did not log a signal of its own, and for what it is compared with. */
export function runSignal(metrics: readonly StepLine[], evaluations: readonly EvaluationPoint[], options: TraceOptions = {}): SignalAgreement {
  const startAccuracy = startAccuracyOf(metrics, evaluations)
  return signalAgreement(runPoints(metrics), { ...options, evaluations, ...(startAccuracy === undefined ? {} : { startAccuracy }) })
}

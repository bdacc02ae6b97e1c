/**
 * Whether updates helped: the improvement signal of a log, its agreement with held-out accuracy, and what became of the run.
 */
export type { Agreement, AgreementCounts } from "./agreement.ts"
export type { EvaluationInterval, IntervalAgreement } from "./between-evaluations.ts"
export { changeInterval, measuredAccuracies } from "./held-out.ts"
export type { AccuracyKind, EvaluationPoint, Measured } from "./held-out.ts"
export { pairedChange, wilson } from "./intervals.ts"
export type { Change, Interval } from "./intervals.ts"
export { runSignal } from "./run-signal.ts"
export { signalAgreement } from "./signal-agreement.ts"
export type { SignalAgreement, SignalAgreementOptions, SignalPoint, VerdictCounts } from "./signal-agreement.ts"
export { noiseAbove1, noiseAbove2 } from "./signal-size.ts"
export type { SignalSize } from "./signal-size.ts"
export type { TraceOptions } from "./signal-trace.ts"

/** What is said of a log. */
import type { ColumnChoice, ColumnRole, NamedColumns } from "./log-columns.ts"
import type { SkippedRows } from "./log-series.ts"
import type { Interval } from "./intervals.ts"
import type { RunOutcome } from "./outcome.ts"
import type { LogFormat } from "./readers/log-table.ts"
import type { LoggedVerdict, SignalAgreement } from "./signal-agreement.ts"
import type { SignalSize } from "./signal-size.ts"
import type { JudgedUpdate, Stretch } from "./verdict-runs.ts"

export interface AnalyzeOptions extends NamedColumns {
  /** Prompts of a step. */
  readonly prompts?: number | undefined
  /** Responses to a prompt. */
  readonly groupSize?: number | undefined
  /** K of the signal; default the run's own, else 8. */
  readonly window?: number | undefined
  /** Problems of an evaluation, for its noise. */
  readonly evaluationSize?: number | undefined
}

/** One row as it was judged. Null where there is nothing to say. */
export interface StepVerdict {
  readonly step: number
  readonly reward: number
  readonly muHis: number | null
  readonly progress: number | null
  readonly xi: number | null
  /** Of progress. */
  readonly standardError: number | null
  /** Whether the update before this row helped. */
  readonly verdict: LoggedVerdict | null
}

/** A column beside the reward, at the start, around the best mean and at the end: what else changed. */
export interface SideColumn {
  readonly column: string
  readonly start: number
  readonly best: number
  readonly final: number
}

/** The signal against an error of the means. */
export interface SizedSignal extends SignalSize {
  /** Where the errors come from. */
  readonly basis: string
  /** Present where the log leaves the error between two bounds: the shares under the larger error. */
  readonly atLeast?: { readonly above1: number; readonly above2: number; readonly medianError: number }
}

/** Held-out accuracy over the log. */
export interface EvaluationSummary {
  readonly count: number
  readonly first: number
  readonly best: number
  readonly bestStep: number
  readonly last: number
  /** best - last; null where the noise is not known, or the best is the last. */
  readonly lost: Interval | null
  /** The loss exceeds three of its standard errors. */
  readonly fell: boolean
}

export interface LogAnalysis {
  readonly log: string
  readonly format: LogFormat
  readonly columns: Partial<Record<ColumnRole, ColumnChoice>>
  readonly rows: number
  readonly firstStep: number
  readonly lastStep: number
  /** Steps from one row to the next, as most have it. */
  readonly spacing: number
  readonly skipped: SkippedRows
  readonly notes: readonly string[]
  readonly outcome: RunOutcome
  readonly signal: SignalAgreement
  readonly stretches: { readonly improved: Stretch | null; readonly regressed: Stretch | null }
  /** Verdicts whose signal exceeds two standard errors: the log's own where they are exact, else those of the jumps from row to row. */
  readonly beyondNoise: { readonly improved: number; readonly regressed: number } | null
  readonly strongest: { readonly improved: readonly JudgedUpdate[]; readonly regressed: readonly JudgedUpdate[] }
  /** By the log's own numbers where they suffice, and by the jumps from row to row. */
  readonly sizes: readonly SizedSignal[]
  readonly evaluations: EvaluationSummary | null
  readonly sides: Partial<Record<ColumnRole, SideColumn>>
}

export interface AnalyzedLog {
  readonly analysis: LogAnalysis
  readonly steps: readonly StepVerdict[]
}

/** What server and page say to each other. Types alone: both sides import them. */

/** One run in the list. Steps and accuracy may be unknown: the folder may be of an older version, or new. */
export interface RunInfo {
  /** Hash of the folder's path. */
  readonly id: string
  /** Path below the folder that was named on the command line. */
  readonly name: string
  readonly state: "running" | "silent" | "finished" | "failed" | "crashed" | "stopped"
  /** The arm of a comparison, of a folder `<comparison>/runs/<arm>/seed-<n>`, and its comparison. */
  readonly arm: string | null
  readonly comparison: string | null
  readonly step: number | null
  readonly steps: number | null
  /** Last held-out accuracy: greedy where measured, else expected. */
  readonly final: number | null
  /** Which of them it is; null without one. */
  readonly measure: AccuracyMeasure | null
  /** ISO time of the last change of the metrics. */
  readonly updated: string
  /** What is wrong with the folder, in words; empty when nothing is. */
  readonly problems: readonly string[]
}

export interface RunEventInfo {
  readonly kind: string
  readonly step: number | null
  readonly message: string
  readonly at: string | null
  /** Which alarm, of an event of kind `alarm`. */
  readonly alarm: string | null
}

/** What is asked for when a run is opened. */
export interface RunDetail {
  readonly info: RunInfo
  readonly configYaml: string
  /** The config as a tree; null when the file is no YAML. */
  readonly config: unknown
  /** The newest 200. */
  readonly events: readonly RunEventInfo[]
  readonly alarms: readonly Alarm[]
  /** What the run said before its first update, a fact a row; empty where its log does not hold it. */
  readonly start: readonly (readonly [name: string, text: string])[]
}

/** Something a person should look at. */
export interface Alarm {
  readonly id: string
  readonly severity: "warning" | "serious"
  /** Step of its first evidence: since then it holds. Null where there is none. */
  readonly step: number | null
  readonly message: string
  /** What to try. */
  readonly advice: string
}

export type LogName = "metrics" | "evaluations"

export interface ColumnsQuery {
  readonly log: LogName
  /** Most points per curve that are useful; the answer has at most twice as many. */
  readonly points: number
  /** Only steps from here to there. */
  readonly from?: number
  readonly to?: number
  /** What the asker has: the answer then starts at the first bucket that is new, when generation and width are still the same. */
  readonly have?: { readonly generation: number; readonly width: number; readonly rows: number }
}

/** Columns of a log. Missing values are null. */
export interface ColumnsAnswer {
  /** Goes up when the log was cut: what was read before no longer holds. */
  readonly generation: number
  /** Whole lines of the log. */
  readonly rows: number
  /** Rows of a bucket; 1: every row is there. */
  readonly width: number
  /** First row of this answer, a multiple of `width` unless steps were given. */
  readonly fromRow: number
  readonly step: readonly number[]
  /** Seconds since 1970 at which the line was written. */
  readonly time: readonly (number | null)[]
  readonly columns: Readonly<Record<string, readonly (number | null)[]>>
  /** Columns of words: their values are indices into these. */
  readonly labels: Readonly<Record<string, readonly string[]>>
  /** Lines that could not be read. */
  readonly damaged: number
}

/** What an update was found to be by what judged it: reinforced or suppressed by a gate, better or worse by a measurement. */
export type Outcome = "better" | "worse" | "undecided"

/** What became of updates of one outcome by the held-out set. */
export interface OutcomeTotals {
  readonly updates: number
  readonly rose: number
  readonly fell: number
  /** Mean change of J per update whose change is known; null without one. */
  readonly meanChange: number | null
}

/** The improvement timeline: buckets of `width` updates. */
export interface TimelineAnswer {
  readonly width: number
  /** PIPO's gate; the paired improvement, where the step size is steered by it; or nothing. */
  readonly judge: "gate" | "paired" | "none"
  /** Step of the (first) update of the bucket. */
  readonly step: readonly number[]
  /** Updates of each outcome. */
  readonly better: readonly number[]
  readonly worse: readonly number[]
  readonly undecided: readonly number[]
  /** Steps whose updates steering left out. */
  readonly leftOut: readonly number[]
  /** Mean over the judged updates, seen one step later: xi of a gate, or the paired improvement in its standard errors. */
  readonly signal: readonly (number | null)[]
  /** Sum of J(u) - J(u - 1). */
  readonly change: readonly (number | null)[]
  /** J after the bucket's last update. */
  readonly accuracy: readonly (number | null)[]
  /** J(0), before the first update, on the same problems; null where it is not known, or the log begins later. */
  readonly start: number | null
  readonly source: "every-step" | "evaluations" | "none"
  /** Which accuracy J is: that of every step is the expected one. Null without one. */
  readonly measure: AccuracyMeasure | null
  readonly totals: Readonly<Record<Outcome, OutcomeTotals>>
}

/** A measured accuracy with its 95 % interval; null where the log does not tell its error. */
export interface AccuracyNumber {
  readonly step: number
  readonly value: number
  readonly low: number | null
  readonly high: number | null
}

/** Held-out accuracy of a run by one measure. */
export interface AccuracyNumbers {
  readonly start: AccuracyNumber
  /** The first of the best ones. */
  readonly best: AccuracyNumber
  readonly final: AccuracyNumber
  /** Cumulative policy improvement: final - start. */
  readonly improvement: number
}

export type AccuracyMeasure = "greedy" | "expected"

/** A run in numbers, taken from every line of its logs. Null: no line tells it. */
export interface RunNumbers {
  /** Lines of the metrics. */
  readonly steps: number
  readonly accuracy: Readonly<Record<AccuracyMeasure, AccuracyNumbers | null>>
  /** Verdicts on updates. */
  readonly verdicts: { readonly improved: number; readonly regressed: number; readonly undecided: number } | null
  /** Steps that the means are taken over: the last 20, or as many as there are. */
  readonly recentSteps: number
  /** Means over these of the metrics that a table shows, by their names. */
  readonly recent: Readonly<Record<string, number | null>>
  readonly sampledTokens: number | null
  /** Of all steps, evaluations excluded. */
  readonly seconds: number | null
  /** Sampled and trained tokens per second of all steps. */
  readonly tokensPerSecond: number | null
}

export type ComparisonMatch = "rollouts" | "updates" | "seconds"

/** How the comparison of a run is to be read; what is absent is chosen as `pirl compare --show` does. */
export interface ComparisonQuery {
  readonly match?: ComparisonMatch
  readonly measure?: AccuracyMeasure
  /** The arm that the others are compared with. */
  readonly against?: string
}

/** The comparison that a run belongs to: none, one that cannot be read, or its tables. */
export type ComparisonAnswer =
  | { readonly kind: "none"; readonly reason: string }
  | { readonly kind: "damaged"; readonly name: string; readonly message: string }
  | ComparisonTables

/** A table: the first row is its head. */
export type TextTable = readonly (readonly string[])[]

/** The tables of `pirl compare --show`. */
export interface ComparisonTables {
  readonly kind: "tables"
  readonly name: string
  readonly arms: readonly string[]
  readonly seeds: readonly number[]
  readonly match: ComparisonMatch
  readonly measure: AccuracyMeasure
  /** Those that finished runs have. */
  readonly measures: readonly AccuracyMeasure[]
  readonly against: string
  readonly runs: Readonly<Record<"finished" | "failed" | "unfinished" | "waiting", number>>
  /** A row per arm. */
  readonly armTable: TextTable
  /** A row per arm that is compared; the head alone where there is no other arm. */
  readonly differenceTable: TextTable
  /** What a reader must know to read the tables. */
  readonly notes: readonly string[]
  readonly failures: readonly { readonly arm: string; readonly seed: number; readonly reason: string }[]
}

export interface CompletionsQuery {
  readonly limit: number
  readonly fromStep?: number
  readonly toStep?: number
  readonly status?: string
  readonly minReward?: number
  readonly maxReward?: number
  /** Exact name of the problem. */
  readonly problem?: string
  /** In prompt, response, gold, answer or reason; upper and lower case of A to Z are the same. */
  readonly text?: string
  /** Where the page before ended. */
  readonly cursor?: string
}

/** A response in a list or in its group. */
export interface Completion {
  /** Its place in the logs. */
  readonly key: string
  readonly step: number
  readonly group: number | null
  readonly problem: string
  readonly prompt: string
  readonly completion: string
  /** Characters of the whole response; above those of `completion` when it was cut. Null: larger than what is counted. */
  readonly characters: number | null
  /** Bytes of the line in the log. */
  readonly bytes: number
  readonly gold: string | null
  readonly reward: number | null
  readonly status: string | null
  readonly extracted: string | null
  readonly reason: string | null
  readonly advantage: number | null
  /** Its share of its group's advantages, as PIPO credits it: Abar. */
  readonly attribution: number | null
  readonly stopReason: string | null
}

/** Tokens of a response: where each ends in its text, and how likely it was. */
export interface ResponseTokens {
  /** UTF-16 units of each; of several tokens that make up a character all but the last have 0. */
  readonly lengths: readonly number[]
  /** Nats under the policy that sampled; null where that is no number. */
  readonly logprobs: readonly (number | null)[]
}

/** A response beside the others of its group. */
export interface GroupCompletion extends Completion {
  /** What the response was worth in the look back; null where the update was not taken up again. */
  readonly piReward: number | null
  /** Null where the log does not hold them. */
  readonly tokens: ResponseTokens | null
}

/** How a later step looked back at the update that a group was sampled for. */
export interface GroupJudgement {
  /** The step that judged. */
  readonly step: number
  readonly xi: number | null
  /** reinforce, suppress or skipped; null where there is a measurement and no gate. */
  readonly gate: string | null
  /** Why the gate stayed shut. */
  readonly skipReason: string | null
  /** How the update on the group was taken; null when there was none. */
  readonly scales: { readonly factor: number; readonly lossScale: number; readonly learningRateScale: number } | null
  /** What the update did to the mean reward, measured on that step's responses. */
  readonly improvement: { readonly mean: number; readonly standardError: number } | null
}

export interface GroupAnswer {
  readonly completions: readonly GroupCompletion[]
  readonly judged: GroupJudgement | null
  /** Responses of a group by the config: the log may keep fewer. Null: not known. */
  readonly size: number | null
}

export interface CompletionPage {
  /** Newest first. */
  readonly completions: readonly Completion[]
  /** Ask with it for the next page; null: this was the last. */
  readonly cursor: string | null
  /** False: the search stopped for time before it had a full page; ask on with the cursor. */
  readonly searchedAll: boolean
  /** Responses that pass the filters, as far as the index has come; null when a text is searched for. */
  readonly total: number | null
  /** Responses in the index, and the part of the logs' bytes that it covers. */
  readonly indexed: number
  readonly indexedShare: number
  readonly statuses: readonly string[]
}

/** What a server-sent event `change` says. */
export interface ChangeMessage {
  readonly run: string
  /** Logs that have something new. */
  readonly logs: readonly ("metrics" | "evaluations" | "events" | "completions")[]
}

/** What a server-sent event `problem` says: the server could not look at the runs. */
export interface ProblemMessage {
  readonly message: string
}

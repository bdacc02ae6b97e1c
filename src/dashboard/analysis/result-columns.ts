/** The table of the chosen runs: its columns, and what each says of a run. */
import type { AccuracyMeasure, AccuracyNumber, RunInfo, RunNumbers } from "../api.ts"
import { duration, percent, short, signed } from "./format.ts"

/** A run as far as it is known: its numbers come after its line in the list. */
export interface ResultRow {
  readonly info: RunInfo
  readonly numbers: RunNumbers | undefined
}

/** Text of a cell, and what stands small below it. */
export interface ResultCell {
  readonly text: string
  readonly below?: string
}

export interface ResultColumn {
  readonly head: string
  /** Small below the head. */
  readonly below: string
  /** What the number is, where the head is short. */
  readonly meaning?: string
  cell(row: ResultRow, measure: AccuracyMeasure): ResultCell
}

const none: ResultCell = { text: "-" }

/** How a run is called in a table: of a comparison, by arm and seed. */
export function runLabel({ name, arm, comparison }: RunInfo): ResultCell {
  if (arm === null || comparison === null) return { text: name }
  return { text: `${arm} ${name.split("/").at(-1)!.replace("-", "\u00a0")}`, below: comparison }
}

/** @param isExpected  whether the step goes without saying */
function accuracy(head: "start" | "best" | "final", isExpected: (step: number, info: RunInfo) => boolean): ResultColumn {
  return {
    head,
    below: "95\u00a0%\u00a0interval",
    cell({ info, numbers }, measure) {
      const found = numbers?.accuracy[measure]?.[head]
      if (found === undefined) return none
      const parts = [intervalText(found), isExpected(found.step, info) ? "" : `at step ${short(found.step)}`].filter((part) => part !== "")
      return { text: percent(found.value), ...(parts.length === 0 ? {} : { below: parts.join(" ") }) }
    },
  }
}

function intervalText({ low, high }: AccuracyNumber): string {
  if (low === null || high === null) return ""
  return `[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
}

/** Mean of a metric over the last steps. */
function recent(head: string, meaning: string, metric: string, text: (value: number | null) => string): ResultColumn {
  return { head, below: "last 20\u00a0steps", meaning: `${meaning}, mean over the last 20 steps`, cell: ({ numbers }) => ({ text: text(numbers?.recent[metric] ?? null) }) }
}

const columns: readonly ResultColumn[] = [
  { head: "step", below: "", cell: ({ info: { step, steps } }) => ({ text: short(step), ...(steps === null ? {} : { below: `of ${short(steps)}` }) }) },
  accuracy("start", (step) => step === 0),
  accuracy("best", () => false),
  accuracy("final", (step, info) => step === info.step),
  {
    head: "improvement",
    below: "points",
    meaning: "cumulative policy improvement: final \u2212 start",
    cell({ numbers }, measure) {
      const found = numbers?.accuracy[measure]
      return found === undefined || found === null ? none : { text: signed(100 * found.improvement, 1) }
    },
  },
  recent("reward", "mean reward of all judged responses", "mu", (value) => (value === null ? "-" : value.toFixed(3))),
  {
    head: "verdicts",
    below: "improved\u00a0/ regressed\u00a0/ undecided",
    meaning: "what the improvement signal said of the updates",
    cell({ numbers }) {
      const found = numbers?.verdicts
      return found === undefined || found === null ? none : { text: `${found.improved} / ${found.regressed} / ${found.undecided}` }
    },
  },
  recent("entropy", "nats a token", "entropy", short),
  recent("KL", "to the reference, nats a token", "kl", short),
  recent("length", "tokens of a response", "responseLength", short),
  recent("truncated", "share of responses", "truncationRate", percent),
  recent("same reward", "share of groups whose responses all have one reward", "zeroVarianceShare", percent),
  { head: "tokens", below: "sampled", cell: ({ numbers }) => ({ text: short(numbers?.sampledTokens) }) },
  { head: "time", below: "training", meaning: "of all steps, evaluations excluded", cell: ({ numbers }) => ({ text: numbers === undefined || numbers.seconds === null ? "-" : duration(numbers.seconds) }) },
  { head: "tokens/s", below: "all phases", meaning: "sampled and trained tokens per second of all steps", cell: ({ numbers }) => ({ text: short(numbers?.tokensPerSecond) }) },
]

/** The measures that some of the runs have; what a run is summed up by comes first. */
export function measuresOf(rows: readonly ResultRow[]): AccuracyMeasure[] {
  return (["greedy", "expected"] as const).filter((measure) => rows.some(({ numbers }) => (numbers?.accuracy[measure] ?? null) !== null))
}

/** The columns that say something of one of the runs. */
export function resultColumns(rows: readonly ResultRow[], measure: AccuracyMeasure): ResultColumn[] {
  return columns.filter((column, i) => i < 6 || rows.some((row) => column.cell(row, measure).text !== "-"))
}

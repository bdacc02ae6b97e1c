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
  readonly below: string
  cell(row: ResultRow, measure: AccuracyMeasure): ResultCell
}

const none: ResultCell = { text: "-" }
const last = "last 20 steps"

function accuracy(head: "start" | "best" | "final", withStep: boolean): ResultColumn {
  return {
    head,
    below: "95 % interval",
    cell({ numbers }, measure) {
      const found = numbers?.accuracy[measure]?.[head]
      if (found === undefined) return none
      const parts = [intervalText(found), withStep ? `at step ${short(found.step)}` : ""].filter((part) => part !== "")
      return { text: percent(found.value), ...(parts.length === 0 ? {} : { below: parts.join(" ") }) }
    },
  }
}

function intervalText({ low, high }: AccuracyNumber): string {
  if (low === null || high === null) return ""
  return `[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
}

/** Mean of a metric over the last steps. */
function recent(head: string, unit: string, metric: string, text: (value: number | null) => string): ResultColumn {
  return { head, below: unit === "" ? last : `${unit}, ${last}`, cell: ({ numbers }) => ({ text: text(numbers?.recent[metric] ?? null) }) }
}

const columns: readonly ResultColumn[] = [
  { head: "step", below: "", cell: ({ info: { step, steps } }) => ({ text: short(step), ...(steps === null ? {} : { below: `of ${short(steps)}` }) }) },
  accuracy("start", false),
  accuracy("best", true),
  accuracy("final", true),
  {
    head: "improvement",
    below: "final \u2212 start, points",
    cell({ numbers }, measure) {
      const found = numbers?.accuracy[measure]
      return found === undefined || found === null ? none : { text: signed(100 * found.improvement, 1) }
    },
  },
  recent("reward", "mean", "mu", (value) => (value === null ? "-" : value.toFixed(3))),
  {
    head: "verdicts",
    below: "improved / regressed / undecided",
    cell({ numbers }) {
      const found = numbers?.verdicts
      return found === undefined || found === null ? none : { text: `${found.improved} / ${found.regressed} / ${found.undecided}` }
    },
  },
  recent("entropy", "nats a token", "entropy", short),
  recent("KL", "to the reference", "kl", short),
  recent("length", "tokens", "responseLength", short),
  recent("truncated", "", "truncationRate", percent),
  recent("groups of one reward", "", "zeroVarianceShare", percent),
  { head: "tokens", below: "sampled", cell: ({ numbers }) => ({ text: short(numbers?.sampledTokens) }) },
  { head: "time", below: "of the steps", cell: ({ numbers }) => ({ text: numbers === undefined || numbers.seconds === null ? "-" : duration(numbers.seconds) }) },
  { head: "tokens/s", below: "sampled and trained", cell: ({ numbers }) => ({ text: short(numbers?.tokensPerSecond) }) },
]

/** The measures that some of the runs have; what a run is summed up by comes first. */
export function measuresOf(rows: readonly ResultRow[]): AccuracyMeasure[] {
  return (["greedy", "expected"] as const).filter((measure) => rows.some(({ numbers }) => (numbers?.accuracy[measure] ?? null) !== null))
}

/** The columns that say something of one of the runs. */
export function resultColumns(rows: readonly ResultRow[], measure: AccuracyMeasure): ResultColumn[] {
  return columns.filter((column, i) => i < 6 || rows.some((row) => column.cell(row, measure).text !== "-"))
}

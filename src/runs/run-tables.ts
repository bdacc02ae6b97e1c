/**
 * The logs of runs as tables: metrics, evaluations, events, completions. What a column is called and what type it has when
 * nobody has written to it yet.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, readdirSync, statSync } from "node:fs"
import { join, resolve } from "node:path"

/** Names of the tables. */
export const runTableNames = ["metrics", "evaluations", "events", "completions"] as const
export type RunTableName = (typeof runTableNames)[number]

interface TableDefinition {
  /** Never null in a whole line. */
  readonly key: string
  /** Columns that are there even if no line has them, with their SQL types. */
  readonly columns: Readonly<Record<string, string>>
  /** Lines that are looked at for further columns; -1 for all. */
  readonly sampledLines: number
}

const clock = 'STRUCT("at" TIMESTAMP)'

/** What is known of each table. */
export const runTables: Readonly<Record<RunTableName, TableDefinition>> = {
  metrics: {
    key: "step",
    columns: {
      step: "BIGINT",
      mu: "DOUBLE",
      xi: "DOUBLE",
      verdict: "VARCHAR",
      gate: "VARCHAR",
      entropy: "DOUBLE",
      loss: "DOUBLE",
      gradientNorm: "DOUBLE",
      behaviourKl: "DOUBLE",
      clipFraction: "DOUBLE",
      responseLength: "DOUBLE",
      truncationRate: "DOUBLE",
      zeroVarianceShare: "DOUBLE",
      sampledTokens: "BIGINT",
      trainedTokens: "BIGINT",
      learningRate: "DOUBLE",
      time: 'STRUCT("at" TIMESTAMP, seconds DOUBLE, sampleSeconds DOUBLE, verifySeconds DOUBLE, trainSeconds DOUBLE)',
    },
    sampledLines: -1,
  },
  evaluations: {
    key: "step",
    columns: {
      step: "BIGINT",
      size: "BIGINT",
      greedyAccuracy: "DOUBLE",
      expectedAccuracy: "DOUBLE",
      time: 'STRUCT("at" TIMESTAMP, seconds DOUBLE)',
    },
    sampledLines: -1,
  },
  events: { key: "kind", columns: { kind: "VARCHAR", step: "BIGINT", message: "VARCHAR", pirl: "VARCHAR", time: clock }, sampledLines: -1 },
  completions: {
    key: "step",
    columns: {
      step: "BIGINT",
      group: "BIGINT",
      problem: "VARCHAR",
      prompt: "VARCHAR",
      completion: "VARCHAR",
      tokenLengths: "BIGINT[]",
      tokenLogprobs: "DOUBLE[]",
      gold: "VARCHAR",
      reward: "DOUBLE",
      status: "VARCHAR",
      extracted: "VARCHAR",
      reason: "VARCHAR",
      advantage: "DOUBLE",
      attribution: "DOUBLE",
      stopReason: "VARCHAR",
    },
    // A million lines are not read twice.
    sampledLines: 1000,
  },
}

/** A log file of one run. */
export interface RunTableFile {
  /** Absolute. */
  readonly path: string
  /** It does not end in a line end: its last line is being written, or its writer died. */
  readonly halfWritten: boolean
}

/** Files of completions in one run, in the order of the steps. */
export function completionFiles(directory: string): string[] {
  const folder = join(directory, "completions")
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl")) : []
  return names.sort().map((name) => join(folder, name))
}

/** Files of a table in one run, in the order of the steps; files without a line are left out. */
export function runTableFiles(directory: string, table: RunTableName): RunTableFile[] {
  const paths = table === "completions" ? completionFiles(directory) : [join(directory, `${table}.jsonl`)]
  return paths
    .filter((path) => existsSync(path) && statSync(path).size > 0)
    .map((path) => ({ path: resolve(path), halfWritten: endsWithin(path) }))
}

function endsWithin(path: string): boolean {
  const descriptor = openSync(path, "r")
  try {
    const last = Buffer.alloc(1)
    readSync(descriptor, last, 0, 1, Math.max(0, fstatSync(descriptor).size - 1))
    return last[0] !== 10
  } finally {
    closeSync(descriptor)
  }
}

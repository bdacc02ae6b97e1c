/**
 * The tables of runs as CSV files.
 */
import { closeSync, openSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { RunDatabase, csvOf, runTableNames, type NamedRun } from "../runs/index.ts"

/** Writes metrics.csv, evaluations.csv, events.csv and completions.csv into a folder, over all runs. */
export async function writeCsvTables(directory: string, runs: readonly NamedRun[]): Promise<void> {
  const database = await RunDatabase.open(runs)
  try {
    for (const table of runTableNames) {
      const file = openSync(join(directory, `${table}.csv`), "wx")
      try {
        const time = database.schema.get(table)!.includes("time")
        // The clock's part as columns of its own at the end: at, seconds.
        const result = await database.query(time ? `select * exclude (time), unnest(time) from ${table}` : `select * from ${table}`)
        for await (const text of csvOf(result)) writeFileSync(file, text)
      } finally {
        closeSync(file)
      }
    }
  } finally {
    database.close()
  }
}

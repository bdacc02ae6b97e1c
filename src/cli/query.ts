/**
 * `pirl query`: SQL over the logs of runs.
 */
import { ConfigError } from "../errors.ts"
import { RunDatabase } from "../runs/index.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { namedRuns } from "./named-runs.ts"
import { writeCsv, writeJsonLines, writeTable } from "./query-output.ts"

/** The command. */
export const queryCommand: Command = {
  name: "query",
  summary: "Ask the logs of runs with SQL",
  positionals: "RUN... SQL",
  positionalCount: { min: 2, max: 1000 },
  options: [
    { name: "json", kind: "flag", help: "One JSON object per row and nothing else" },
    { name: "csv", kind: "flag", help: "Comma-separated values with a line of names" },
  ],
  description:
    "Runs one SQL query (DuckDB) over the tables metrics, evaluations, events and completions of one run or several;\n" +
    "the column run tells them apart. A folder of runs stands for all of them. The logs may be written to meanwhile.\n" +
    "The query can read these tables and nothing else.",
  examples: [
    ['pirl query runs/quickstart "select step, mu, xi, verdict from metrics order by step desc limit 5"', "The last steps"],
    ['pirl query runs/quickstart "select completion, reason from completions where reward = 0"', "What went wrong"],
    ['pirl query runs "select run, max(greedyAccuracy) from evaluations group by run" --csv', "Every run under ./runs"],
  ],
  run: runQuery,
}

async function runQuery(args: CommandArguments, { out }: CliContext): Promise<number> {
  const [json, csv] = [args.flag("json"), args.flag("csv")]
  if (json && csv) throw new ConfigError([{ path: "", message: "pirl query: expected --json or --csv, got both. Leave one out." }])
  const sql = args.positionals.at(-1)!
  const database = await RunDatabase.open(namedRuns("pirl query", args.positionals.slice(0, -1), "Check the path; the SQL comes last."))
  try {
    const result = await database.query(sql)
    await (json ? writeJsonLines : csv ? writeCsv : writeTable)(result, out)
  } finally {
    database.close()
  }
  return exitCodes.ok
}

/**
 * `pirl runs`: the runs of a folder with their state.
 */
import { relative } from "node:path"
import { ConfigError, PirlError } from "../errors.ts"
import { listRunFolders, readRun, settingsOf, summarizeRun, takeOver } from "../runs/index.ts"
import type { RunRecord, RunState } from "../runs/index.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { formatDuration, formatShare, formatTable, signed, terminalText } from "./format.ts"
import { describeNoFolder } from "./path-words.ts"

/** One run in the list, and one JSON line with --json. */
interface RunRow {
  /** Path below the folder that is listed. */
  readonly name: string
  readonly directory: string
  readonly state: RunState
  /** Who holds it, in words, while it is running or silent. */
  readonly holder: string | null
  readonly step: number
  readonly steps: number | null
  readonly task: string | null
  /** Mean reward of the last step. */
  readonly reward: number | null
  /** Which held-out accuracy the next numbers are. */
  readonly accuracy: "greedy" | "expected" | null
  readonly start: number | null
  readonly best: number | null
  readonly final: number | null
  readonly cumulativeImprovement: number | null
  readonly updated: string
  /** Since the last change. */
  readonly ageSeconds: number
}

/** The command. */
export const runsCommand: Command = {
  name: "runs",
  summary: "List runs with their state and accuracy",
  positionals: "[DIR]",
  positionalCount: { min: 0, max: 1 },
  options: [{ name: "json", kind: "flag", help: "One JSON object per run" }],
  description:
    "Lists the runs below a folder (default runs), those of comparisons too, the last one changed at the end.\n" +
    "running: a process holds it; silent: one of another machine does, which gave no sign of life for ten minutes;\n" +
    "finished: it has a summary; stopped: it was asked to; failed: it ended with an error, the last line of\n" +
    "events.jsonl; crashed: its process is gone without a word. The last three can be resumed.",
  examples: [
    ["pirl runs", "List the runs under ./runs"],
    ["pirl runs experiments --json", "The same for machines"],
  ],
  run: async (args, context) => runRuns(args, context),
}

function runRuns(args: CommandArguments, { out, err }: CliContext): number {
  const root = args.positionals[0] ?? "runs"
  // The folder that nobody named need not be there yet.
  if (args.positionals.length > 0) requireFolder(root)
  const rows: RunRow[] = []
  let damaged = false
  const tell = (error: PirlError): void => {
    damaged = true
    err.write(`pirl: ${terminalText(error.message)}\n`)
  }
  for (const directory of listRunFolders(root, tell)) {
    try {
      rows.push(describeRun(readRun(directory), root, tell))
    } catch (error) {
      if (!(error instanceof PirlError)) throw error
      tell(error)
    }
  }
  if (args.flag("json")) {
    for (const row of rows) out.write(`${JSON.stringify(row)}\n`)
  } else if (rows.length === 0) {
    out.write(`No runs in ${root}.\n`)
  } else {
    const head = ["run", "state", "step", "task", "reward", "accuracy", "start", "best", "final", "gained", "age"]
    out.write(formatTable([head, ...rows.map(cellsOf)]))
    for (const { name, state, holder, directory } of rows) {
      if (state === "silent") out.write(`${name}: held by ${holder}. ${takeOver(directory)} and resume the run.\n`)
    }
  }
  return damaged ? exitCodes.failure : exitCodes.ok
}

function requireFolder(path: string): void {
  const got = describeNoFolder(path)
  if (got !== undefined) throw new ConfigError([{ path: "", message: `pirl runs: expected a folder, got ${got}. Check the path.` }])
}

function describeRun(run: RunRecord, root: string, tell: (error: PirlError) => void): RunRow {
  const { steps, accuracy, start, best, final, cumulativeImprovement } = summarizeRun(run.metrics, run.evaluations)
  const config = settings(run, tell)
  const reward: unknown = run.metrics.at(-1)?.mu
  return {
    name: relative(root, run.directory).replaceAll("\\", "/") || run.name,
    directory: run.directory,
    state: run.state,
    holder: run.holder ?? null,
    step: steps,
    steps: config?.train?.steps ?? null,
    task: config?.task?.name ?? null,
    reward: typeof reward === "number" ? reward : null,
    accuracy,
    start,
    best,
    final,
    cumulativeImprovement,
    updated: run.updated.toISOString(),
    ageSeconds: Math.max(0, Math.round((Date.now() - run.updated.getTime()) / 1000)),
  }
}

/** What a row shows of the settings. A config that is no YAML takes the logs nothing of their worth: it is said, and the run listed. */
function settings(run: RunRecord, tell: (error: PirlError) => void): { train?: { steps?: number }; task?: { name?: string } } | null {
  try {
    return settingsOf(run) as { train?: { steps?: number }; task?: { name?: string } } | null
  } catch (error) {
    if (!(error instanceof PirlError)) throw error
    tell(error)
    return null
  }
}

function cellsOf(row: RunRow): string[] {
  const gained = row.cumulativeImprovement === null ? "-" : signed(100 * row.cumulativeImprovement, 1)
  return [
    row.name,
    row.state,
    `${row.step}/${row.steps ?? "?"}`,
    row.task ?? "-",
    row.reward === null ? "-" : row.reward.toFixed(3),
    row.accuracy ?? "-",
    formatShare(row.start),
    formatShare(row.best),
    formatShare(row.final),
    gained,
    formatAge(row.ageSeconds),
  ]
}

/** Days from two days on; shorter ages as durations. */
function formatAge(seconds: number): string {
  return seconds >= 172_800 ? `${Math.floor(seconds / 86_400)}d` : formatDuration(seconds)
}

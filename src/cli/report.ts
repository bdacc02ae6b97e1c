/**
 * `pirl report`: a run or a comparison as one HTML file that opens without a server.
 */
import { existsSync, statSync } from "node:fs"
import { dirname, extname, join } from "node:path"
import { ConfigError } from "../errors.ts"
import { comparisonReport, runReport, timelinePicture } from "../report/index.ts"
import { isRunFolder, listRunFolders, writeFileAtomic } from "../runs/index.ts"
import { packageVersion } from "../version.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { describeNoFolder } from "./path-words.ts"

/** The command. */
export const reportCommand: Command = {
  name: "report",
  summary: "Write a run or a comparison as one HTML file",
  positionals: "RUN|COMPARISON",
  positionalCount: { min: 1, max: 1 },
  options: [
    { name: "out", kind: "text", placeholder: "FILE", help: "File to write or replace (default report.html)" },
    { name: "timeline", kind: "text", placeholder: "FILE", help: "Write the improvement timeline of a run as SVG" },
  ],
  description:
    "Writes what a run or a comparison came to as one HTML file, with tables, plots, alarms and a sample of responses:\n" +
    "it opens without a server and without network. The logs may be written to meanwhile. With --timeline alone only\n" +
    "the picture is written.",
  examples: [
    ["pirl report runs/quickstart --out quickstart.html", "A run"],
    ["pirl report compare/quickstart", "A comparison, as report.html"],
    ["pirl report runs/quickstart --timeline timeline.svg", "The improvement timeline for a README"],
  ],
  run: runReportCommand,
}

async function runReportCommand(args: CommandArguments, context: CliContext): Promise<number> {
  const picture = args.text("timeline")
  const out = args.text("out") ?? (picture === undefined ? "report.html" : undefined)
  const source = sourceOf(args.positionals[0]!)
  const problems = [...source.problems, ...fileProblems("--out", out, [".html", ".htm"]), ...fileProblems("--timeline", picture, [".svg"])]
  if (picture !== undefined && source.kind === "comparison") problems.push("expected a run with --timeline, got a comparison. Name one of its runs.")
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => ({ path: "", message: `pirl report: ${problem}` })))
  const options = { version: packageVersion(), now: Date.now() }
  if (out !== undefined) write(out, source.kind === "comparison" ? comparisonReport(source.path, options) : await runReport(source.path, options), `the ${source.kind} ${source.path}`, context)
  if (picture !== undefined) write(picture, await timelinePicture(source.path), `the improvement timeline of ${source.path}`, context)
  return exitCodes.ok
}

interface Source {
  readonly kind: "run" | "comparison"
  readonly path: string
  readonly problems: readonly string[]
}

/** What a path names: a run, a comparison, or a folder with a single run. */
function sourceOf(path: string): Source {
  if (isRunFolder(path)) return { kind: "run", path, problems: [] }
  if (existsSync(join(path, "plan.json"))) return { kind: "comparison", path, problems: [] }
  const noFolder = describeNoFolder(path)
  const runs = noFolder === undefined ? listRunFolders(path) : []
  if (runs.length === 1) return { kind: "run", path: runs[0]!, problems: [] }
  const got = noFolder ?? `${path}, which holds ${runs.length === 0 ? "no run" : `${runs.length} runs`}`
  const fix = runs.length > 1 ? `Name one of them, e.g. ${runs.at(-1)}.` : "Check the path."
  return { kind: "run", path, problems: [`expected a run or a comparison, got ${got}. ${fix}`] }
}

/** A slip of the hand must not replace a log of a run: what is written has the ending of what it is. */
function fileProblems(option: string, path: string | undefined, endings: readonly string[]): string[] {
  if (path === undefined) return []
  if (existsSync(path) && statSync(path).isDirectory()) return [`expected ${option} FILE, got the folder ${path}. Name a file in it.`]
  if (!endings.includes(extname(path).toLowerCase())) return [`expected ${option} with a name that ends in ${endings[0]}, got ${path}. Rename it.`]
  return existsSync(dirname(path)) ? [] : [`expected ${option} in a folder that is there, got ${path}. Make the folder first.`]
}

function write(path: string, content: string, what: string, { out }: CliContext): void {
  writeFileAtomic(path, content)
  out.write(`${path}: ${what}, ${(Buffer.byteLength(content) / 1000).toFixed(0)} kB\n`)
}

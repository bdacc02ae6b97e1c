/**
 * The command line from arguments to exit code.
 */
import { nearestName } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { packageVersion } from "../version.ts"
import { columns, helpText, parseArguments } from "./command.ts"
import type { CliContext, CommandArguments } from "./command.ts"
import { commandTable } from "./command-table.ts"
import type { CommandEntry } from "./command-table.ts"
import { describeError, exitCodeOf, exitCodes } from "./exit-code.ts"
import { terminalText } from "./format.ts"

/**
 * Runs one command line. Errors are printed to `context.err`, never thrown.
 * @param argv  arguments after the program's name
 * @returns the exit code: 0 ok, 1 failure, 2 bad input, 130 or 143 interrupted by SIGINT or SIGTERM
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  table: readonly CommandEntry[] = commandTable,
): Promise<number> {
  try {
    return await dispatch(argv, context, table)
  } catch (error) {
    // An error may quote what a model wrote.
    const debug = context.env["PIRL_DEBUG"] === "1" || argv.includes("--verbose")
    context.err.write(terminalText(describeError(error, debug)))
    return exitCodeOf(error)
  }
}

async function dispatch(argv: readonly string[], context: CliContext, table: readonly CommandEntry[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === "--version" || name === "-v") {
    context.out.write(`${packageVersion()}\n`)
    return exitCodes.ok
  }
  if (name === undefined || name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    const stream = name === undefined ? context.err : context.out
    stream.write(overview(table))
    return name === undefined ? exitCodes.badInput : exitCodes.ok
  }
  const wanted = name === "help" ? rest[0]! : name
  const entry = table.find((candidate) => candidate.name === wanted)
  if (entry === undefined) throw unknownCommand(wanted, table)
  const command = await entry.load()
  if (name === "help" || rest.includes("--help") || rest.includes("-h")) {
    context.out.write(helpText(command))
    return exitCodes.ok
  }
  const args = parseArguments(command, rest)
  return await command.run(args, withVerbosity(context, args))
}

/** The context, told how much to say. A copy would open the standard input, which is opened when it is looked at. */
function withVerbosity(context: CliContext, args: CommandArguments): CliContext {
  const verbosity = args.flag("quiet") ? "quiet" : args.flag("verbose") ? "verbose" : undefined
  return verbosity === undefined ? context : (Object.create(context, { verbosity: { value: verbosity } }) as CliContext)
}

function unknownCommand(name: string, table: readonly CommandEntry[]): ConfigError {
  const known = table.map((entry) => entry.name)
  const near = nearestName(name, known)
  const fix = near === undefined ? `Choose one of ${known.join(", ")}.` : `Did you mean \`pirl ${near}\`?`
  return new ConfigError([{ path: "", message: `expected a command, got "${name}". ${fix}` }])
}

function overview(table: readonly CommandEntry[]): string {
  return [
    "pirl: reinforcement learning with verifiable rewards for language models, with the loop closed.",
    "",
    "Usage: pirl COMMAND [options]",
    "",
    "Commands:",
    ...columns(table.map(({ name, summary }) => [name, summary] as const)),
    "",
    "`pirl COMMAND --help` explains a command; each takes --quiet and --verbose. NO_COLOR=1 takes colours away.",
    "",
  ].join("\n")
}

/**
 * The page of `pirl train --watch`: starts with the training, shows its run, ends with it or after it.
 */
import { existsSync } from "node:fs"
import { runId, startDashboardProcess } from "../dashboard/index.ts"
import type { DashboardProcess, ProcessOptions } from "../dashboard/index.ts"
import { ConfigError } from "../errors.ts"
import { shellWord } from "../shell-word.ts"
import type { CliContext, CommandArguments, OptionSpec } from "./command.ts"
import { openBrowser } from "./open-browser.ts"

/** Starts the server of a page. */
export type StartPage = (options: ProcessOptions) => Promise<DashboardProcess>

/** Options of the page. */
export const pageOptions: readonly OptionSpec[] = [
  { name: "watch", kind: "flag", help: "Show the run in the browser while it trains, as `pirl watch` does" },
  { name: "port", kind: "integer", placeholder: "N", help: "With --watch: port of the page (default 4747, or the next that is free; 0: any)" },
  { name: "no-open", kind: "flag", help: "With --watch: print the link, open no browser" },
]

/** The page of a training. */
export interface TrainPage {
  /**
   * Prints the link to the run, and opens it.
   * @param note  prints a line beside the progress of the training
   */
  show(directory: string, note: (text: string) => void): void
  /** After the training: on a terminal waits for Ctrl-C, elsewhere not. */
  stay(): Promise<void>
  /** Ends the server and says so, where the link was shown. */
  close(): Promise<void>
}

/**
 * Refuses options that make no sense together.
 * @throws ConfigError  with all of them
 */
export function checkPageOptions(args: CommandArguments): void {
  const problems: string[] = []
  const port = args.number("port")
  if (port !== undefined && (port < 0 || port > 65_535)) problems.push(`expected --port from 0 to 65535, got ${port}. Choose another.`)
  if (args.flag("watch") && args.flag("dry-run")) problems.push("expected --watch or --dry-run, got both. A dry run has nothing to watch; leave one out.")
  for (const name of ["port", "no-open"]) {
    if (args.flag(name) && !args.flag("watch")) problems.push(`expected --${name} beside --watch, got it alone. Add --watch, or leave --${name} out.`)
  }
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => ({ path: "", message: `pirl train: ${problem}` })))
}

/**
 * Starts the page when `--watch` asks for it.
 * @param root  run, or folder of runs, that the page shows; need not be there yet
 * @throws ConfigError  when the port is in use
 * @throws PirlError  when the page was not built
 */
export async function openTrainPage(
  args: CommandArguments,
  context: CliContext,
  root: string,
  start: StartPage = startDashboardProcess,
): Promise<TrainPage | undefined> {
  if (!args.flag("watch")) return undefined
  const port = args.number("port")
  const server = await start({ roots: [root], ...(port === undefined ? {} : { port }) })
  // Standard output is for the steps alone under --json.
  const stream = args.flag("json") ? context.err : context.out
  let shown: { readonly directory: string; readonly link: string } | undefined
  return {
    show(directory, note) {
      const link = `${server.url}#curves/${runId(directory)}`
      shown = { directory, link }
      if (server.takenPort !== undefined) note(`port ${server.takenPort} is in use; taking ${server.port}`)
      note(`watching ${directory} at ${link}`)
      if (!args.flag("no-open")) openBrowser(link, context.env)
      void server.ended.then((reason) => {
        if (reason !== undefined) note(`warning: the page ended by itself (${reason})`)
      })
    },
    async stay() {
      if (context.out.isTTY !== true || shown === undefined) return
      stream.write(`The page stays at ${shown.link} until Ctrl-C.\n`)
      await untilSignalOr(server.ended)
    },
    async close() {
      await server.close()
      // A training that could not begin has taken its folder away.
      if (shown !== undefined && existsSync(shown.directory)) stream.write(`The page has ended; \`pirl watch ${shellWord(shown.directory)}\` shows the run again.\n`)
    },
  }
}

/** Waits for Ctrl-C or SIGTERM, or for something else that ends the waiting. */
async function untilSignalOr(other: Promise<unknown>): Promise<void> {
  const signals = ["SIGINT", "SIGTERM"] as const
  let stop: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (stop = resolve))
  for (const signal of signals) process.on(signal, stop)
  await Promise.race([asked, other])
  for (const signal of signals) process.off(signal, stop)
}

/**
 * `pirl watch`: runs in a browser, live.
 */
import { networkInterfaces } from "node:os"
import { startDashboard } from "../dashboard/index.ts"
import { ConfigError } from "../errors.ts"
import type { CliContext, Command, CommandArguments, OptionSpec } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { openBrowser } from "./open-browser.ts"
import { describeNoFolder } from "./path-words.ts"

const options: readonly OptionSpec[] = [
  { name: "port", kind: "integer", placeholder: "N", help: "Port (default 4747, or the next that is free; 0: any)" },
  { name: "host", kind: "text", placeholder: "H", help: "Address to listen on (default 127.0.0.1); others need the token in the link" },
  { name: "no-open", kind: "flag", help: "Print the link, open no browser" },
]

/** The command. */
export const watchCommand: Command = {
  name: "watch",
  summary: "Show runs in the browser, live",
  positionals: "[FOLDER_OR_RUN ...]",
  positionalCount: { min: 0, max: Number.POSITIVE_INFINITY },
  options,
  description:
    "Shows runs and comparisons (default: all under runs) on a local web page: curves, the improvement timeline,\n" +
    "responses and alarms. It reads the run folders, also while they are written, and needs no network. Ctrl-C ends it.",
  examples: [
    ["pirl watch", "All runs under ./runs"],
    ["pirl watch runs/a runs/b --no-open", "Two runs; prints the link alone"],
    ["pirl watch --host 0.0.0.0 --port 8080", "For other machines: the printed link holds a token"],
  ],
  run: runWatch,
}

async function runWatch(args: CommandArguments, context: CliContext): Promise<number> {
  const roots = args.positionals.length === 0 ? ["runs"] : args.positionals
  const wrong = args.positionals.flatMap((path) => {
    const got = describeNoFolder(path)
    return got === undefined ? [] : [{ path: "", message: `pirl watch: expected a folder or a run, got ${got}. Check the path.` }]
  })
  if (wrong.length > 0) throw new ConfigError(wrong)
  const [port, host] = [args.number("port"), args.text("host")]
  if (port !== undefined && port > 65_535) throw new ConfigError([{ path: "", message: `pirl watch: expected --port from 0 to 65535, got ${port}. Choose another.` }])
  const dashboard = await startDashboard({ roots, ...(port === undefined ? {} : { port }), ...(host === undefined ? {} : { host }) })
  if (dashboard.takenPort !== undefined) context.err.write(`pirl: port ${dashboard.takenPort} is in use; taking ${dashboard.port}.\n`)
  context.out.write(`Watching ${roots.join(", ")} at ${dashboard.url}\n`)
  for (const link of host === undefined ? [] : linksForOthers(dashboard.url, host, networkInterfaces())) context.out.write(`From other machines: ${link}\n`)
  if (!args.flag("no-open")) openBrowser(dashboard.url, context.env)
  await untilSignal()
  await dashboard.close()
  return exitCodes.ok
}

/**
 * Links for other machines, to which `localhost` is themselves: by every address of this machine, when it was told to listen on all of them.
 * @param url  the link for this machine
 */
export function linksForOthers(url: string, host: string, interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const family = { "0.0.0.0": "IPv4", "::": "any" }[host]
  if (family === undefined) return []
  const outside = Object.values(interfaces).flatMap((addresses) => (addresses ?? []).filter((address) => !address.internal))
  // Addresses of one link alone (fe80::) need the name of the interface of who asks.
  const usable = outside.filter(({ family: own, address }) => own === "IPv4" || (family === "any" && !address.startsWith("fe80:")))
  return usable.map(({ family: own, address }) => url.replace("//localhost:", own === "IPv4" ? `//${address}:` : `//[${address}]:`))
}

/** Waits for Ctrl-C, or for the process that started this one to say that it is over. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve())
    if (process.connected === true) process.once("disconnect", () => resolve())
  })
}

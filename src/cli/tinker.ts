/**
 * `pirl tinker check`: what a server of the Tinker protocol does, measured.
 */
import { writeFileSync } from "node:fs"
import { ConfigError } from "../errors.ts"
import { columns, type CliContext, type Command, type CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"

/** A finding, as it is printed. */
export interface TinkerFinding {
  readonly name: string
  readonly status: "ok" | "differs" | "missing" | "wrong"
  readonly detail: string
}

export interface TinkerCheckResult {
  readonly findings: readonly TinkerFinding[]
  /** Text of the capabilities file; undefined when the server could not be measured far enough. */
  readonly capabilities: string | undefined
}

/** What this command needs of the layers below. */
export interface TinkerBackend {
  check(request: {
    readonly url: string
    readonly baseModel: string | undefined
    readonly rank: number | undefined
    readonly environmentProxy: boolean
    readonly onFinding: (finding: TinkerFinding) => void
  }): Promise<TinkerCheckResult>
}

/** The command, on a backend. */
export function tinkerCommand(backend: TinkerBackend): Command {
  return {
    name: "tinker",
    summary: "Check what a server of the Tinker protocol does",
    positionals: "check URL",
    positionalCount: { min: 2, max: 2 },
    options: [
      { name: "base-model", kind: "text", placeholder: "NAME", help: "Base model (default: the first that the server offers)" },
      { name: "rank", kind: "integer", placeholder: "N", help: "Rank of the adapters that are made for the check (default 4)" },
      { name: "write", kind: "text", placeholder: "FILE", help: "Write what was found as a capabilities file, for engine.server.capabilities" },
      { name: "proxy", kind: "flag", help: "Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment" },
      { name: "json", kind: "flag", help: "One JSON object on the standard output and nothing else" },
    ],
    description:
      "Sends a fixed set of small requests to a server and compares what comes back with the protocol and with our own\n" +
      "numbers: losses, how they are added up, Adam, clipping, log-probs of samples, stops, seeds, resume, error codes.\n" +
      "Exits with 1 when something is wrong that training would suffer from. The key is read from TINKER_API_KEY.",
    examples: [
      ["pirl tinker check http://localhost:8000", "Print the table"],
      ["pirl tinker check http://localhost:8000 --write server.json", "And write what the engine must know of the server"],
    ],
    run: (args, context) => runCheck(backend, args, context),
  }
}

async function runCheck(backend: TinkerBackend, args: CommandArguments, { out }: CliContext): Promise<number> {
  const [verb, url] = args.positionals
  if (verb !== "check") throw new ConfigError([{ path: "", message: `pirl tinker: expected check URL, got ${JSON.stringify(verb)}. See \`pirl tinker --help\`.` }])
  const json = args.flag("json")
  const { findings, capabilities } = await backend.check({
    url: url!,
    baseModel: args.text("base-model"),
    rank: args.number("rank"),
    environmentProxy: args.flag("proxy"),
    onFinding: ({ name, status, detail }) => void (json || out.write(`${status.padEnd(8)} ${name.padEnd(26)} ${detail}\n`)),
  })
  const file = args.text("write")
  if (file !== undefined && capabilities !== undefined) writeFileSync(file, capabilities)
  const wrong = findings.filter(({ status }) => status === "wrong").length
  if (json) out.write(`${JSON.stringify({ findings, capabilities: capabilities === undefined ? null : (JSON.parse(capabilities) as unknown) })}\n`)
  else out.write(`\n${columns(summary(findings, file, capabilities)).join("\n")}\n`)
  return wrong > 0 || capabilities === undefined ? exitCodes.failure : exitCodes.ok
}

function summary(findings: readonly TinkerFinding[], file: string | undefined, capabilities: string | undefined): [string, string][] {
  const count = (status: TinkerFinding["status"]): number => findings.filter((finding) => finding.status === status).length
  const written = file === undefined ? "not written; name a file with --write" : capabilities === undefined ? "not written: the loss reduction could not be measured" : file
  return [
    ["as the protocol says", String(count("ok"))],
    ["otherwise, and known now", String(count("differs"))],
    ["not there", String(count("missing"))],
    ["wrong", String(count("wrong"))],
    ["capabilities", written],
  ]
}

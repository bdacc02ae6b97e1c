/**
 * What a command is, and how its arguments are read: node's own parser, with errors that name the fix.
 */
import { parseArgs } from "node:util"
import { nearestName } from "../config/index.ts"
import { ConfigError } from "../errors.ts"

/** A stream that text is written to; process.stdout is one. */
export interface OutputStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** A stream that text is read from; process.stdin is one. */
export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean }

/** What a command may touch of the process. */
export interface CliContext {
  readonly in: InputStream
  readonly out: OutputStream
  readonly err: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** quiet: results, warnings and errors alone; verbose: details as well. Absent: neither. */
  readonly verbosity?: "quiet" | "verbose" | undefined
}

/** Where progress goes: the error stream, or nowhere with `--quiet`. */
export function progressStream({ err, verbosity }: CliContext): OutputStream {
  return verbosity === "quiet" ? { write: () => true } : err
}

/** Options of every command. */
export const commonOptions: readonly OptionSpec[] = [
  { name: "quiet", kind: "flag", help: "No progress: results, warnings and errors alone" },
  { name: "verbose", kind: "flag", help: "More of it: time by phase in each step, stacks with errors" },
  { name: "help", kind: "flag", help: "Show this text" },
]

/** An option of a command. */
export interface OptionSpec {
  /** Long name, without dashes. */
  readonly name: string
  readonly kind: "flag" | "text" | "integer" | "number"
  /** May be given several times. */
  readonly multiple?: boolean
  /** Stands for the value in the help text, e.g. DIR. */
  readonly placeholder?: string
  readonly help: string
}

/** A command of the command line. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Positional arguments as shown in the help text, e.g. `CONFIG` or `[FILE]`. */
  readonly positionals: string
  /** Number of positional arguments that may be given. */
  readonly positionalCount: { readonly min: number; readonly max: number }
  readonly options: readonly OptionSpec[]
  /** What the command does, for its help text. */
  readonly description: string
  /** Command lines with a word on each. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** @returns the exit code */
  run(args: CommandArguments, context: CliContext): Promise<number>
}

/** Arguments of a command, checked against its options. */
export class CommandArguments {
  readonly positionals: readonly string[]
  /** As they were given, after the command's name. */
  readonly words: readonly string[]
  readonly #values: ReadonlyMap<string, readonly (string | true)[]>

  constructor(words: readonly string[], positionals: readonly string[], values: ReadonlyMap<string, readonly (string | true)[]>) {
    this.words = words
    this.positionals = positionals
    this.#values = values
  }

  flag(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value given. */
  text(name: string): string | undefined {
    const value = this.#values.get(name)?.at(-1)
    return typeof value === "string" ? value : undefined
  }

  /** Every value given, in order. */
  texts(name: string): string[] {
    return (this.#values.get(name) ?? []).filter((value) => typeof value === "string")
  }

  /** The last value given; parsing has made sure that it is a number. */
  number(name: string): number | undefined {
    const value = this.text(name)
    return value === undefined ? undefined : Number(value)
  }
}

/**
 * Reads the arguments of a command.
 * @throws ConfigError  with every argument that is unknown, lacks its value or has a wrong one
 */
export function parseArguments(command: Command, argv: readonly string[]): CommandArguments {
  const specs = new Map([...command.options, ...commonOptions].map((option) => [option.name, option]))
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      [...specs.values()].map(({ name, kind }) => [name, { type: kind === "flag" ? "boolean" : "string" } as const]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const positionals: string[] = []
  const values = new Map<string, (string | true)[]>()
  const problems: string[] = []
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value)
    if (token.kind !== "option") continue
    const spec = specs.get(token.name)
    const problem =
      spec === undefined ? unknownOption(token.rawName, token.name, [...specs.keys()]) : wrongValue(spec, token.value)
    if (problem === undefined) values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? true])
    else problems.push(problem)
  }
  const { min, max } = command.positionalCount
  if (values.has("quiet") && values.has("verbose"))
    problems.push("expected --quiet or --verbose, got both. Leave one out.")
  if (positionals.length < min || positionals.length > max) {
    const got = positionals.length === 0 ? "nothing" : positionals.map((value) => JSON.stringify(value)).join(" ")
    problems.push(`expected ${command.positionals === "" ? "no arguments" : command.positionals}, got ${got}.`)
  }
  if (problems.length > 0) {
    const hint = `See \`pirl ${command.name} --help\`.`
    const messages = problems.map((problem) => `pirl ${command.name}: ${problem} ${hint}`)
    throw new ConfigError(messages.map((message) => ({ path: "", message })))
  }
  return new CommandArguments(argv, positionals, values)
}

function unknownOption(raw: string, name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  const fix = near === undefined ? "" : ` Did you mean --${near}?`
  return `expected a known option, got ${raw}.${fix}`
}

function wrongValue(spec: OptionSpec, value: string | undefined): string | undefined {
  const option = `--${spec.name}`
  if (spec.kind === "flag") {
    return value === undefined ? undefined : `expected ${option} without a value, got "${value}".`
  }
  const placeholder = spec.placeholder ?? "VALUE"
  if (value === undefined || value === "") return `expected ${option} ${placeholder}, got no value.`
  if (spec.kind === "integer" && !/^\d+$/.test(value)) return `expected ${option} with an integer, got "${value}".`
  if (spec.kind === "number" && !Number.isFinite(Number(value))) {
    return `expected ${option} with a number, got "${value}".`
  }
  return undefined
}

/** Help text of one command. */
export function helpText(command: Command): string {
  const parts = ["pirl", command.name, command.positionals, "[options]"].filter((part) => part !== "")
  const options = [...command.options, ...commonOptions].map((option) => {
    const placeholder = option.kind === "flag" ? "" : ` ${option.placeholder ?? "VALUE"}`
    return [`--${option.name}${placeholder}`, option.help + (option.multiple === true ? " (repeatable)" : "")] as const
  })
  const examples = command.examples.flatMap(([line, meaning]) => [`  ${line}`, `      ${meaning}`])
  const head = [`Usage: ${parts.join(" ")}`, "", command.description, ""]
  return [...head, "Options:", ...columns(options), "", "Examples:", ...examples, ""].join("\n")
}

/** Two columns, indented, the second aligned. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

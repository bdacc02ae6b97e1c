/**
 * `pirl completion`: what a shell needs to complete commands and options, made from the command table.
 */
import { ConfigError } from "../errors.ts"
import { commonOptions } from "./command.ts"
import type { CliContext, Command, CommandArguments, OptionSpec } from "./command.ts"
import type { CommandEntry } from "./command-table.ts"
import { exitCodes } from "./exit-code.ts"

/** A command as a shell completes it. */
export interface Completed {
  readonly name: string
  readonly summary: string
  readonly options: readonly OptionSpec[]
}

type Writer = (commands: readonly Completed[]) => string

const writers: Readonly<Record<string, Writer>> = { bash, zsh, fish }
const shells = Object.keys(writers)

/** The command. */
export const completionCommand: Command = {
  name: "completion",
  summary: "Print the completion of a shell: bash, zsh or fish",
  positionals: "SHELL",
  positionalCount: { min: 1, max: 1 },
  options: [],
  description:
    "Prints a script that completes commands, options and paths. It is made from the commands of this version:\n" +
    "print it again after an update.",
  examples: [
    ["pirl completion bash > ~/.local/share/bash-completion/completions/pirl", "bash, from the next shell on"],
    ["pirl completion zsh > \"${fpath[1]}/_pirl\"", "zsh"],
    ["pirl completion fish > ~/.config/fish/completions/pirl.fish", "fish"],
  ],
  run: async (args, context) => runCompletion(args, context, (await import("./command-table.ts")).commandTable),
}

async function runCompletion(
  args: CommandArguments,
  { out }: CliContext,
  table: readonly CommandEntry[],
): Promise<number> {
  const shell = args.positionals[0]!
  const write = Object.hasOwn(writers, shell) ? writers[shell] : undefined
  if (write === undefined) {
    const got = JSON.stringify(shell)
    const message = `pirl completion: expected one of ${shells.join(", ")}, got ${got}. Name one of them.`
    throw new ConfigError([{ path: "", message }])
  }
  const commands = await Promise.all(
    table.map(async ({ name, summary, load }): Promise<Completed> => {
      const { options } = await load()
      return { name, summary, options: [...options, ...commonOptions] }
    }),
  )
  out.write(write(commands))
  return exitCodes.ok
}

const dashed = (options: readonly OptionSpec[]): string => options.map(({ name }) => `--${name}`).join(" ")

/** A word in single quotes, as all three shells read it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, options }) => `    ${name}) words="${dashed(options)}" ;;`)
  const names = [...commands.map(({ name }) => name), "help", "--help", "--version"].join(" ")
  return `# Completion of pirl for bash.
_pirl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
    help) words="${commands.map(({ name }) => name).join(" ")}" ;;
    completion) words="${shells.join(" ")} ${dashed(commonOptions)}" ;;
${cases.filter((line) => !line.startsWith("    completion)")).join("\n")}
  esac
  if [[ "$current" == -* || "\${COMP_WORDS[1]}" == help || "\${COMP_WORDS[1]}" == completion ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o default -F _pirl pirl
`
}

function zsh(commands: readonly Completed[]): string {
  // In the specifications of _arguments these have a meaning.
  const plain = (text: string): string => text.replace(/[[\]:\\]/g, (character) => `\\${character}`)
  const option = ({ name, kind, help, multiple, placeholder }: OptionSpec): string => {
    const value = kind === "flag" ? "" : `:${plain(placeholder ?? "VALUE")}:_files`
    return quoted(`${multiple === true ? "*" : ""}--${name}[${plain(help)}]${value}`)
  }
  const cases = commands.map(({ name, options }) => {
    const rest = name === "completion" ? quoted(`1:shell:(${shells.join(" ")})`) : quoted("*:file:_files")
    return `    ${name})\n      _arguments ${[...options.map(option), rest].join(" \\\n        ")}\n      ;;`
  })
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${plain(summary)}`)}`)
  return `#compdef pirl
# Completion of pirl for zsh.
_pirl() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_pirl" ]; then
  _pirl "$@"
else
  compdef _pirl pirl
fi
`
}

function fish(commands: readonly Completed[]): string {
  // Within its quotes fish reads a backslash and a quote.
  const text = (value: string): string => `'${value.replace(/[\\']/g, (character) => `\\${character}`)}'`
  const lines = commands.flatMap(({ name, summary, options }) => [
    `complete -c pirl -n __fish_use_subcommand -f -a ${name} -d ${text(summary)}`,
    ...options.map(({ name: option, kind, help }) => {
      const value = kind === "flag" ? "" : " -r"
      return `complete -c pirl -n '__fish_seen_subcommand_from ${name}' -l ${option}${value} -d ${text(help)}`
    }),
  ])
  return [
    "# Completion of pirl for fish.",
    ...lines,
    `complete -c pirl -n '__fish_seen_subcommand_from completion' -f -a '${shells.join(" ")}'`,
    "",
  ].join("\n")
}

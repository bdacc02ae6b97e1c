/**
 * `pirl init`: a commented config to start from.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, extname, join } from "node:path"
import { commentedTemplate, configJsonSchema } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { shellWord } from "../shell-word.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"

/** The command. */
export const initCommand: Command = {
  name: "init",
  summary: "Write a commented config that trains as it is",
  positionals: "[FILE]",
  positionalCount: { min: 0, max: 1 },
  options: [
    { name: "force", kind: "flag", help: "Write over a file that is there" },
    {
      name: "no-schema",
      kind: "flag",
      help: "Leave out the JSON Schema beside it, by which editors complete and check it",
    },
  ],
  description:
    "Writes a config with every setting explained (default pirl.yaml), and a JSON Schema beside it that its first line\n" +
    "names: editors with the YAML language server complete and check the config by it. It trains as it is.",
  examples: [
    ["pirl init", "Write pirl.yaml and pirl.schema.json"],
    ["pirl init experiments/first.yaml --no-schema", "Write first.yaml alone"],
  ],
  run: async (args, context) => runInit(args, context),
}

function runInit(args: CommandArguments, { out }: CliContext): number {
  const file = args.positionals[0] ?? "pirl.yaml"
  const schemaFile = join(dirname(file), `${basename(file, extname(file))}.schema.json`)
  const withSchema = !args.flag("no-schema")
  for (const path of withSchema ? [file, schemaFile] : [file]) refuseExisting(path, args.flag("force"))
  const modeline = withSchema ? `# yaml-language-server: $schema=./${basename(schemaFile)}\n` : ""
  write(file, modeline + commentedTemplate())
  if (withSchema) write(schemaFile, `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
  out.write(`Wrote ${file}${withSchema ? ` and ${schemaFile}` : ""}. Train it with: pirl train ${shellWord(file)}\n`)
  return exitCodes.ok
}

function refuseExisting(path: string, force: boolean): void {
  if (force || !existsSync(path)) return
  const message = `pirl init: expected a new file, got ${path}, which is there. Choose another, or add --force.`
  throw new ConfigError([{ path: "", message }])
}

function write(path: string, text: string): void {
  const isNew = !existsSync(path)
  try {
    writeFileSync(path, text)
  } catch (cause) {
    // A full disk leaves half of it, which would be in the way the next time.
    if (isNew) rmSync(path, { force: true })
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    const message = `pirl init: expected to write ${path}, got ${reason}. Choose a folder that is there and yours.`
    throw new ConfigError([{ path: "", message }], { cause })
  }
}

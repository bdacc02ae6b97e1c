/** `--system` and `--raw`: how a prompt is put to the model, as settings over the config. */
import { ConfigError } from "../errors.ts"
import type { CommandArguments, OptionSpec } from "./command.ts"

export const promptOptions: readonly OptionSpec[] = [
  {
    name: "system",
    kind: "text",
    placeholder: "TEXT",
    help: "System message before the prompt (default: rollout.systemPrompt)",
  },
  { name: "raw", kind: "flag", help: "Bare text, not the model's chat template" },
]

/**
 * Settings for `applyOverrides`.
 * @throws ConfigError  for a system message with bare text, which has no place for it
 */
export function promptOverrides(command: string, args: CommandArguments): string[] {
  const system = args.text("system")
  const raw = args.flag("raw")
  if (raw && system !== undefined) {
    throw new ConfigError([
      {
        path: "",
        message:
          `pirl ${command}: expected --system or --raw, got both. Leave one out: bare text has no place for a ` +
          "system message.",
      },
    ])
  }
  if (raw) return ["rollout.chatTemplate=false", "rollout.systemPrompt="]
  // A run that was trained on bare text is asked through the template all the same. JSON is YAML, whatever it holds.
  return system === undefined ? [] : ["rollout.chatTemplate=auto", `rollout.systemPrompt=${JSON.stringify(system)}`]
}

/**
 * What can be done with a finished run: three commands that fit it, and what its prompts mean.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ResolvedConfig } from "../config/index.ts"
import { openTask } from "../data/open-task.ts"
import { describeTasks } from "../data/registry.ts"
import { shellWord } from "../shell-word.ts"
import { columns } from "./command.ts"

/** What a prompt of a procedural task asks, with one that is answered; undefined for data, which explains itself. */
export async function describePrompts({ seed, task: settings }: ResolvedConfig): Promise<string | undefined> {
  const known = describeTasks().find(({ name }) => name === settings.name)
  if (known === undefined) return undefined
  const task = await openTask(settings)
  const { prompt, gold, solution } = task.heldOut[0] ?? task.trainProblem(seed, 0)
  const example = typeof prompt === "string" ? `; ${prompt} asks for ${lastLine(solution ?? gold)}` : ""
  return `${known.name}: ${known.description}${example}`
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)!
}

/** The commands, as lines for the terminal. */
export async function nextSteps(config: ResolvedConfig, directory: string): Promise<string> {
  const run = shellWord(directory)
  const chats = hasChatTemplate(join(directory, "model"))
  const rows: (readonly [string, string])[] = [
    chats
      ? [`pirl chat ${run}`, "talk to the trained model"]
      : [`pirl sample ${run} --problems 8`, "its answers to held-out problems, scored"],
    [`pirl watch ${run}`, "curves, timeline and responses in the browser"],
    config.engine.kind === "tinker" || !chats
      ? [`pirl report ${run} --out report.html`, "all of it as one file, to keep or to send"]
      : [`pirl export ${run} --to hf`, "the model for transformers and vLLM (pirl report: the run as one file)"],
  ]
  const prompts = await describePrompts(config)
  return `\n${prompts === undefined ? "" : `Prompts of ${prompts}.\n`}Next:\n${columns(rows).join("\n")}\n`
}

/** Whether a model folder has a chat template, in either of the places where one may be. */
function hasChatTemplate(model: string): boolean {
  if (existsSync(join(model, "chat_template.jinja"))) return true
  const file = join(model, "tokenizer_config.json")
  if (!existsSync(file)) return false
  const settings = JSON.parse(readFileSync(file, "utf8")) as { readonly chat_template?: unknown }
  return settings.chat_template !== undefined && settings.chat_template !== null
}

/** The date that prompts show: the chat templates of some models read the clock, and a run must not depend on it. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import type { ResolvedConfig } from "../config/index.ts"
import { CheckpointError } from "../errors.ts"
import { CLOCK, readsClock } from "../model/chat-template.ts"
import { strftime } from "../model/strftime.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { writeFileAtomic } from "../runs/index.ts"

const NAME = "prompts.json"

const recordSchema = z.object({ date: z.iso.date() })

/**
 * The config with the date that the run was begun on, kept in its folder, as the template variable `strftime_now`.
 * Unchanged where the config names a date, or the template asks for none.
 * @throws CheckpointError  when the record in the folder is damaged
 */
export function withPromptDate(
  config: ResolvedConfig,
  { chatTemplate }: Pick<Tokenizer, "chatTemplate">,
  directory: string,
): ResolvedConfig {
  if (!readsClock(chatTemplate) || config.rollout.templateVariables[CLOCK] !== undefined) return config
  const path = join(directory, NAME)
  if (!existsSync(path)) writeFileAtomic(path, `${JSON.stringify({ date: strftime(new Date(), "%Y-%m-%d") })}\n`)
  return withKeptDate(config, directory)
}

/**
 * The config of a run with the date that its prompts show, where its folder has one and the config names none.
 * @throws CheckpointError  when the record in the folder is damaged
 */
export function withKeptDate(config: ResolvedConfig, directory: string): ResolvedConfig {
  const { rollout } = config
  const path = join(directory, NAME)
  if (rollout.templateVariables[CLOCK] !== undefined || !existsSync(path)) return config
  return {
    ...config,
    rollout: { ...rollout, templateVariables: { ...rollout.templateVariables, [CLOCK]: dateIn(path) } },
  }
}

function dateIn(path: string): string {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, "utf8"))).date
  } catch (cause) {
    const message =
      `${path}: expected the date of the run's prompts, got what is no such record. Remove it to ` +
      "take today's."
    throw new CheckpointError(message, { cause })
  }
}

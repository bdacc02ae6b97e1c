/**
 * Chat templates: Jinja texts that turn messages into the prompt a model was trained on.
 */
import { Template } from "@huggingface/jinja"
import { DataError } from "../errors.ts"
import { OutOfTime, withinTime } from "../within-time.ts"
import { isJsonObject, showValue } from "./json-file.ts"
import { dateFrom, strftime } from "./strftime.ts"
import { renderWithinBudget } from "./template-budget.ts"

export interface ChatMessage {
  readonly role: string
  readonly content: string
}

export interface ChatTemplateInput {
  readonly messages: readonly ChatMessage[]
  /** Text of the special token, when the model has one. */
  readonly bosToken?: string | undefined
  readonly eosToken?: string | undefined
  /** Ends the prompt with the opening of the assistant's turn. Default false. */
  readonly addGenerationPrompt?: boolean | undefined
  /**
   * Further variables of the template, e.g. `enable_thinking: false` (Qwen3). Some templates print today's date unless
   * `date_string` is given (Llama 3), some in any case (SmolLM3): `strftime_now: "2026-11-30"` is the date that they
   * see.
   */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

export type ChatRenderer = (input: ChatTemplateInput) => string

/** The function by which templates read the clock. */
export const CLOCK = "strftime_now"
/** Characters of a template. The longest of the known ones has 30,000. */
const MAXIMUM_CHARACTERS = 1_000_000
/** Milliseconds of parsing. A long template takes ten. */
const PARSE_MS = 1000
/** Characters of the library's reasons that are shown: a template may write what it refuses with. */
const SHOWN_CHARACTERS = 500

/** True for a template that may print the date. */
export function readsClock(template: string | undefined): boolean {
  return template?.includes(CLOCK) === true
}

/** As Jinja reads a text: its lines end in line feeds, whatever they end in. */
function sourceOf(template: string): string {
  return template.replace(/\r\n?/g, "\n")
}

/**
 * Parses a template once for many uses. Each rendering is bounded in steps and in the size of what it makes.
 * @param where  file of the template, for messages
 * @throws DataError  when it is not valid Jinja; the renderer throws it when the template refuses the messages, or runs
 *                    or grows beyond the limits
 */
export function compileChatTemplate(template: string, where?: string): ChatRenderer {
  const name = where === undefined ? "chat template" : `${where}: chat template`
  if (template.length > MAXIMUM_CHARACTERS) {
    const got = `${template.length}. It is no template of a chat: use another model`
    throw new DataError(`${name}: expected at most ${MAXIMUM_CHARACTERS} characters, got ${got}.`)
  }
  const { parsed } = explain(name, "expected a valid Jinja template", "Correct chat_template.", () =>
    withinTime(PARSE_MS, () => new Template(sourceOf(template))),
  )
  return (input) => {
    const { [CLOCK]: date, ...extra } = input.extra ?? {}
    const now = date === undefined ? new Date() : dateFrom(String(date))
    return explain(name, "expected messages the template takes", "Correct the messages or the template.", () =>
      renderWithinBudget(parsed, {
        ...(input.bosToken === undefined ? {} : { bos_token: input.bosToken }),
        ...(input.eosToken === undefined ? {} : { eos_token: input.eosToken }),
        ...extra,
        [CLOCK]: (format: string) => strftime(now, format),
        messages: input.messages,
        add_generation_prompt: input.addGenerationPrompt ?? false,
      }),
    )
  }
}

/** Renders messages with a template as `apply_chat_template` of transformers does. See `compileChatTemplate`. */
export function renderChatTemplate(template: string, input: ChatTemplateInput): string {
  return compileChatTemplate(template)(input)
}

function explain<T>(name: string, expected: string, remedy: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const endless = "It loops or grows without end: correct chat_template, or use another model."
    if (cause instanceof DataError) throw new DataError(`${name}: ${cause.message}. ${endless}`, { cause })
    if (cause instanceof OutOfTime) {
      throw new DataError(`${name}: ${expected} within ${cause.milliseconds} ms, got none. ${endless}`, { cause })
    }
    if (cause instanceof RangeError) {
      const message = `${name}: expected what fits into stack and memory, got: ${cause.message}. ${endless}`
      throw new DataError(message, { cause })
    }
    const reason = (cause instanceof Error ? cause.message : String(cause)).slice(0, SHOWN_CHARACTERS)
    throw new DataError(`${name}: ${expected}, got: ${reason}. ${remedy}`, { cause })
  }
}

/**
 * The template of a tokenizer_config.json: one text, or a list of named ones of which `default` is taken.
 * @throws DataError  when it is neither
 */
export function selectChatTemplate(value: unknown, file: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === "string") return value
  const named = new Map<string, string>()
  for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
    if (isJsonObject(item) && typeof item["name"] === "string" && typeof item["template"] === "string") {
      named.set(item["name"], item["template"])
    }
  }
  const chosen = named.get("default") ?? (named.size === 1 ? [...named.values()][0] : undefined)
  if (chosen !== undefined) return chosen
  const got = named.size > 0 ? `templates named ${[...named.keys()].join(", ")}` : showValue(value)
  throw new DataError(`${file}: chat_template: expected a text or a list with a template named default, got ${got}. Name one of them default.`)
}

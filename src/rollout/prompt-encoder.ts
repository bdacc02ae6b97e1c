/** From problems to tokens and back. */
import type { ChatMessage, Problem } from "../data/task.ts"
import { ConfigError, DataError } from "../errors.ts"
import type { Tokenizer } from "../model/tokenizer.ts"

/** How a prompt is put to the model: `rollout.chatTemplate` and what belongs to it. */
export interface PromptFormat {
  /**
   * "auto" (default): a text goes through the tokenizer's chat template, as one user message, when there is one. True:
   * there must be one. False: a text is bare text; messages go through the template all the same.
   */
  readonly chatTemplate?: "auto" | boolean
  /** System message before a text or messages that have none. */
  readonly systemPrompt?: string
  /** Further variables of the template, e.g. `enable_thinking: false`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>
}

type MaybeChat = Pick<Tokenizer, "chatTemplate">

/** Messages of a prompt that goes through the chat template; undefined for bare text. */
function messagesOf(
  prompt: Problem["prompt"],
  { chatTemplate }: MaybeChat,
  format: PromptFormat,
): readonly ChatMessage[] | undefined {
  const { chatTemplate: wanted = "auto", systemPrompt } = format
  if (chatTemplate === undefined || (typeof prompt === "string" && wanted === false)) return undefined
  const messages = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt
  if (systemPrompt === undefined || messages[0]?.role === "system") return messages
  return [{ role: "system", content: systemPrompt }, ...messages]
}

/**
 * Tokens of a problem's prompt. What goes through the chat template is a text as one user message, or the messages of
 * the problem; bare text gets the tokenizer's own special tokens. Without a template messages are joined.
 * @throws ConfigError  when the format asks for a chat template and there is none
 * @throws DataError    when the template fails, the prompt has no token, or holds something the vocabulary cannot say
 */
export function encodePrompt(problem: Problem, tokenizer: Tokenizer, format: PromptFormat = {}): number[] {
  requireTemplate(tokenizer, format)
  const messages = messagesOf(problem.prompt, tokenizer, format)
  const tokens =
    messages === undefined ? tokenizer.encode(bareText(problem.prompt)) : encodeChat(messages, tokenizer, format)
  if (tokens.length > 0) return tokens
  const message = `problem ${problem.id}: expected a prompt of at least one token, got none. Give it a text.`
  throw new DataError(message)
}

function bareText(prompt: Problem["prompt"]): string {
  return typeof prompt === "string" ? prompt : prompt.map(({ content }) => content).join("\n\n")
}

/** @throws DataError with what a user can do about a template that fails */
function encodeChat(
  messages: readonly ChatMessage[],
  tokenizer: Tokenizer,
  { templateVariables = {} }: PromptFormat,
): number[] {
  let text: string
  try {
    text = tokenizer.renderChat(messages, { addGenerationPrompt: true, extra: templateVariables })
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause
    const wayRound = "--raw of pirl sample and pirl chat, rollout.chatTemplate: false in a config"
    throw new DataError(`${cause.message} Or give the model bare text: ${wayRound}.`, { cause })
  }
  return tokenizer.encode(text, { addSpecialTokens: false })
}

function requireTemplate({ chatTemplate }: Tokenizer, { chatTemplate: wanted, systemPrompt }: PromptFormat): void {
  if (chatTemplate !== undefined || (wanted !== true && systemPrompt === undefined)) return
  const path = wanted === true ? "rollout.chatTemplate" : "rollout.systemPrompt"
  const message =
    "expected a model with a chat template, got one without. Leave this setting out (--system of pirl sample and " +
    "pirl chat), or add chat_template.jinja to the model's folder."
  throw new ConfigError([{ path, message }])
}

/** How prompts are put to the model, in words. */
export function describePromptFormat(
  prompts: readonly Problem["prompt"][],
  tokenizer: MaybeChat,
  format: PromptFormat = {},
): string {
  return [...new Set(prompts.map((prompt) => describeOne(prompt, tokenizer, format)))].join("; ")
}

function describeOne(prompt: Problem["prompt"], tokenizer: MaybeChat, format: PromptFormat): string {
  const messages = messagesOf(prompt, tokenizer, format)
  if (messages !== undefined) {
    const isText = typeof prompt === "string"
    const [given, count] = isText ? ["one user message", 1] : ["messages of the task", prompt.length]
    return `the model's chat template (${messages.length > count ? "rollout.systemPrompt and " : ""}${given})`
  }
  if (typeof prompt !== "string") return "messages one after the other (the model has no chat template)"
  const why = tokenizer.chatTemplate === undefined ? "the model has no chat template" : "rollout.chatTemplate: false"
  return `bare text (${why})`
}

/** Tokens of a response that is known: the text and the first end-of-sequence token. */
export function encodeResponse(text: string, tokenizer: Tokenizer, eosTokens: readonly number[]): number[] {
  const tokens = tokenizer.encode(text, { addSpecialTokens: false })
  return eosTokens.length === 0 ? tokens : [...tokens, eosTokens[0]!]
}

/** Text of a sampled response, as a verifier reads it. */
export function decodeResponse(tokens: readonly number[], tokenizer: Pick<Tokenizer, "decode">): string {
  return tokenizer.decode(tokens, { skipSpecialTokens: true })
}

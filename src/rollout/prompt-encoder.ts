/** From problems to tokens and back. */
import type { ChatMessage, Problem } from "../data/task.ts"
import { DataError } from "../errors.ts"
import type { Tokenizer } from "../model/tokenizer.ts"

function textOf(prompt: readonly ChatMessage[], tokenizer: Tokenizer): string {
  if (tokenizer.chatTemplate !== undefined) return tokenizer.renderChat(prompt, { addGenerationPrompt: true })
  return prompt.map(({ content }) => content).join("\n\n")
}

/**
 * Tokens of a problem's prompt: a text with the tokenizer's own special tokens, messages through its chat template (or one
 * after the other where it has none).
 * @throws DataError when the prompt has no token, or holds something the vocabulary cannot say
 */
export function encodePrompt(problem: Problem, tokenizer: Tokenizer): number[] {
  const tokens =
    typeof problem.prompt === "string"
      ? tokenizer.encode(problem.prompt)
      : tokenizer.encode(textOf(problem.prompt, tokenizer), { addSpecialTokens: tokenizer.chatTemplate === undefined })
  if (tokens.length === 0) throw new DataError(`problem ${problem.id}: expected a prompt of at least one token, got none. Give it a text.`)
  return tokens
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

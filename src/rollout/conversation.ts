/** A conversation with a model: messages, answers as they come, and what is forgotten when the context is full. */
import type { ChatMessage } from "../data/task.ts"
import type { Engine, SamplingOptions } from "../engine/engine.ts"
import { DataError } from "../errors.ts"
import { TextStream } from "../model/text-stream.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { decodeResponse, encodePrompt, type PromptFormat } from "./prompt-encoder.ts"
import { responseSeed } from "./rollout.ts"

export interface ConversationOptions {
  readonly engine: Pick<Engine, "sample" | "capabilities">
  readonly tokenizer: Tokenizer
  /** How an answer is sampled; `maxTokens` is its longest, where the context has room. */
  readonly sampling: SamplingOptions
  /**
   * How messages are put to the model. Without a chat template, or with `chatTemplate: false`, each message is a prompt
   * by itself.
   */
  readonly promptFormat: PromptFormat
  /** The same seed and the same messages give the same answers. */
  readonly seed: number
}

export interface AnswerOptions {
  /** Aborts the answer: what came of it is kept. */
  readonly signal?: AbortSignal
  /** Hears of the answer as it comes; the pieces add up to its text. Engines that do not stream give them late. */
  readonly onText?: (piece: string) => void
}

export interface Answer {
  readonly text: string
  /** length: cut at `maxTokens` or at the end of the context. aborted: by the signal. */
  readonly stopReason: "stop" | "length" | "aborted"
  readonly tokens: number
  /** Messages and answers that were dropped to make room, the oldest; 0 when everything fits. */
  readonly forgotten: number
}

/** Share of the context that an answer shall have before old messages are dropped for it. */
const ROOM_SHARE = 0.25

export class Conversation {
  readonly #options: ConversationOptions
  #systemPrompt: string | undefined
  #messages: ChatMessage[] = []
  #turn = 0

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#systemPrompt = options.promptFormat.systemPrompt
  }

  /** Whether earlier messages are part of the prompt: there is a chat template, and it is wanted. */
  get remembers(): boolean {
    return this.#options.tokenizer.chatTemplate !== undefined && this.#options.promptFormat.chatTemplate !== false
  }

  get systemPrompt(): string | undefined {
    return this.#systemPrompt
  }

  /** What was said and is remembered, without the system message. */
  get messages(): readonly ChatMessage[] {
    return this.#messages
  }

  /**
   * Finds out, before the first message, whether the chat template works.
   * @throws ConfigError, DataError  when it fails, or a system message is wanted and there is none
   */
  check(): void {
    if (this.remembers || this.#systemPrompt !== undefined) this.#encode([{ role: "user", content: "?" }])
  }

  /**
   * Begins anew.
   * @param systemPrompt  in place of the one so far; null takes it away
   */
  reset(systemPrompt?: string | null): void {
    this.#messages = []
    this.#turn = 0
    if (systemPrompt !== undefined) this.#systemPrompt = systemPrompt ?? undefined
  }

  /**
   * Answers a message. An answer that is aborted is remembered as far as it came; a message without any answer is not.
   * @throws DataError  when the template refuses the messages, or the message is too long for the context
   */
  async answer(message: string, { signal, onText }: AnswerOptions = {}): Promise<Answer> {
    const { engine, tokenizer, sampling, seed } = this.#options
    const { messages, promptTokens, forgotten } = this.#fit(message)
    const maxTokens = Math.min(sampling.maxTokens, engine.capabilities.contextLength - promptTokens.length)
    const seeds = [responseSeed(seed, this.#turn, 0, 0)]
    const stream = new TextStream(tokenizer)
    const tokens: number[] = []
    const tell = (piece: string): void => void (piece !== "" && onText?.(piece))
    const listener = ({ token }: { readonly token: number }): void => {
      tokens.push(token)
      tell(stream.push(token))
    }
    let stopReason: Answer["stopReason"] = "aborted"
    try {
      const [[sequence]] = await engine.sample(
        [{ promptTokens, seeds, options: { ...sampling, maxTokens } }],
        signal,
        listener,
      )
      // Where the engine told nothing, the answer comes whole.
      for (const token of sequence!.tokens.slice(tokens.length)) listener({ token })
      stopReason = sequence!.stopReason
    } catch (error) {
      if (signal?.aborted !== true) throw error
    }
    tell(stream.end())
    const text = decodeResponse(tokens, tokenizer)
    if (stopReason !== "aborted" || text !== "") {
      this.#turn += 1
      if (this.remembers) this.#messages = [...messages, { role: "assistant", content: text }]
    }
    return { text, stopReason, tokens: tokens.length, forgotten }
  }

  /** The messages with the new one, without the oldest exchanges where the prompt would leave no room for an answer. */
  #fit(message: string): {
    readonly messages: ChatMessage[]
    readonly promptTokens: number[]
    readonly forgotten: number
  } {
    const { engine, sampling } = this.#options
    const { contextLength } = engine.capabilities
    const room = Math.min(sampling.maxTokens, Math.max(1, Math.floor(contextLength * ROOM_SHARE)))
    const all: ChatMessage[] = [...this.#messages, { role: "user", content: message }]
    // Exchanges are dropped whole: most templates want user and assistant in turns.
    for (let forgotten = 0; ; forgotten += 2) {
      const messages = all.slice(forgotten)
      const promptTokens = this.#encode(messages)
      const last = messages.length === 1
      if (promptTokens.length + (last ? 1 : room) <= contextLength) return { messages, promptTokens, forgotten }
      if (!last) continue
      throw new DataError(
        `message: expected at most ${contextLength - 1} tokens, to leave room in the context of ${contextLength}, ` +
          `got ${promptTokens.length}. Shorten it.`,
      )
    }
  }

  #encode(messages: readonly ChatMessage[]): number[] {
    const { tokenizer, promptFormat } = this.#options
    const { systemPrompt: _, ...format } = promptFormat
    const system = this.#systemPrompt
    const prompt = this.remembers ? messages : messages.at(-1)!.content
    return encodePrompt(
      { id: "conversation", prompt, gold: "" },
      tokenizer,
      system === undefined ? format : { ...format, systemPrompt: system },
    )
  }
}

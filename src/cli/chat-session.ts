/** The turns of `pirl chat`: lines in, answers out, commands, interruptions. */
import { ConfigError, DataError } from "../errors.ts"
import type { Answer, Conversation } from "../rollout/conversation.ts"
import { columns } from "./command.ts"
import type { CliContext } from "./command.ts"
import { describeError, exitCodes } from "./exit-code.ts"
import { counted, terminalText } from "./format.ts"
import { exitCodeOfSignal } from "./interrupt.ts"
import type { SignalSource, StopSignal } from "./interrupt.ts"
import { LineReader } from "./line-reader.ts"

const commands: readonly (readonly [string, string])[] = [
  ["/reset", "Forget what was said"],
  ["/system TEXT", "Set the system message and begin anew; without TEXT, show it"],
  ["/help", "Show this text"],
  ["/exit", "End; so does Ctrl-D"],
  ["//TEXT", "A message that begins with a slash"],
]

export interface ChatSessionOptions {
  readonly conversation: Conversation
  readonly maxTokens: number
  readonly contextLength: number
  /** Where signals come from, and what a second one does while an answer is being stopped. */
  readonly signals: SignalSource
  readonly onSecondSignal: (signal: StopSignal) => void
}

/**
 * Answers lines until there are none. Answers alone go to `context.out`, all else to `context.err`.
 * @returns the exit code: 0 ok, 2 when a message of a pipe could not be answered, 130 interrupted
 */
export async function converse(options: ChatSessionOptions, context: CliContext): Promise<number> {
  const session = new ChatSession(options, context)
  try {
    return await session.run()
  } finally {
    session.dispose()
  }
}

class ChatSession {
  readonly #options: ChatSessionOptions
  readonly #context: CliContext
  readonly #lines: LineReader
  /** Stops the answer that is being made. */
  #answering: AbortController | undefined
  #interrupted: StopSignal | undefined
  #refused = false

  constructor(options: ChatSessionOptions, context: CliContext) {
    this.#options = options
    this.#context = context
    this.#lines = new LineReader(context.in, context.err, () => this.#onSignal("SIGINT"))
    options.signals.on("SIGINT", this.#onSignal)
    options.signals.on("SIGTERM", this.#onSignal)
  }

  dispose(): void {
    this.#options.signals.off("SIGINT", this.#onSignal)
    this.#options.signals.off("SIGTERM", this.#onSignal)
    this.#lines.close()
  }

  async run(): Promise<number> {
    if (this.#lines.interactive) this.#say("/help lists commands. Ctrl-C stops an answer, Ctrl-D ends.")
    for (;;) {
      const line = await this.#lines.next()
      if (this.#interrupted !== undefined || line === undefined || this.#isEnd(line)) break
      if (line.trim() === "") continue
      if (line.startsWith("/") && !line.startsWith("//")) this.#obey(line)
      else await this.#answer(line.startsWith("//") ? line.slice(1) : line)
    }
    if (this.#lines.interactive) this.#context.err.write("\n")
    if (this.#interrupted !== undefined) return exitCodeOfSignal(this.#interrupted)
    // At a terminal whoever wrote it has read why, and gone on.
    return this.#refused && !this.#lines.interactive ? exitCodes.badInput : exitCodes.ok
  }

  #isEnd(line: string): boolean {
    return ["/exit", "/quit", "/bye"].includes(line.trim())
  }

  readonly #onSignal = (signal: StopSignal): void => {
    if (this.#answering?.signal.aborted === true) {
      // The engine is in the middle of a computation: nobody waits for its end.
      this.dispose()
      this.#options.onSecondSignal(signal)
      return
    }
    const atTerminal = this.#lines.interactive && signal === "SIGINT"
    const stopped = this.#answering !== undefined
    this.#answering?.abort()
    if (atTerminal && (stopped || this.#lines.clear())) return
    this.#interrupted = signal ?? "SIGINT"
    this.#lines.close()
  }

  async #answer(message: string): Promise<void> {
    const { conversation } = this.#options
    const { out } = this.#context
    const answering = new AbortController()
    this.#answering = answering
    let last = ""
    try {
      const onText = (piece: string): void => {
        last = piece
        out.write(terminalText(piece))
      }
      const answer = await conversation.answer(message, { signal: answering.signal, onText })
      const nothing = answer.stopReason === "aborted" && answer.text === ""
      if (!nothing && !last.endsWith("\n")) out.write("\n")
      for (const note of this.#notesOn(answer)) this.#say(note)
    } catch (error) {
      if (!(error instanceof DataError || error instanceof ConfigError)) throw error
      this.#refused = true
      this.#context.err.write(terminalText(describeError(error, false)))
    } finally {
      this.#answering = undefined
    }
    if (this.#lines.interactive) this.#context.err.write("\n")
  }

  #notesOn({ text, stopReason, tokens, forgotten }: Answer): string[] {
    const { maxTokens, contextLength } = this.#options
    const notes: string[] = []
    if (forgotten > 0)
      notes.push(
        `the context of ${contextLength} tokens was full: the oldest ${counted(forgotten, "message")} are forgotten`,
      )
    if (stopReason === "aborted") notes.push("stopped")
    else if (stopReason === "length" && tokens >= maxTokens)
      notes.push(`cut after ${counted(tokens, "token")}: --max-tokens N allows more`)
    else if (stopReason === "length")
      notes.push(
        `cut after ${counted(tokens, "token")}: the context of ${contextLength} tokens is full; /reset begins anew`,
      )
    else if (text === "") notes.push("no answer: the model ended at once")
    return notes.map((note) => `[${note}]`)
  }

  #obey(line: string): void {
    const { conversation } = this.#options
    const [, name = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(line.trimEnd()) ?? []
    if (name === "help") this.#say(columns(commands).join("\n"))
    else if (name === "reset") {
      conversation.reset()
      this.#say("[begun anew]")
    } else if (name === "system" && !conversation.remembers) this.#say("[bare text has no place for a system message]")
    else if (name === "system" && rest === "")
      this.#say(conversation.systemPrompt ?? "[no system message but the template's own]")
    else if (name === "system") {
      conversation.reset(rest)
      this.#say("[begun anew, with this system message]")
    } else this.#say(`[no command /${name}; /help lists them, //${name} is a message]`)
  }

  #say(text: string): void {
    this.#context.err.write(`${terminalText(text)}\n`)
  }
}

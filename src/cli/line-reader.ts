/** Lines that somebody types, or that come through a pipe, one at a time. */
import { createInterface } from "node:readline"
import type { Interface } from "node:readline"
import { Writable } from "node:stream"
import type { InputStream, OutputStream } from "./command.ts"

const PROMPT = "> "
/** Lines that are read ahead of the one that is asked for. */
const MOST_WAITING = 100
/** Sequences of keys by which readline empties its line: to its end, and all before. */
const LINE_END = { ctrl: true, name: "e" }
const KILL_LINE = { ctrl: true, name: "u" }

export class LineReader {
  /** Somebody sits at a terminal: there are prompts, lines can be edited, Ctrl-C comes as a key. */
  readonly interactive: boolean
  readonly #readline: Interface
  readonly #echo: OutputStream
  readonly #waiting: string[] = []
  #resolve: ((line: string | undefined) => void) | undefined
  #closed = false
  /** What is typed while nobody asks for a line is shown with the next prompt. */
  #quiet = true

  /**
   * @param echo         where prompts and typed text are shown
   * @param onInterrupt  hears Ctrl-C at a terminal, where it is no signal
   */
  constructor(input: InputStream, echo: OutputStream, onInterrupt: () => void) {
    this.interactive = input.isTTY === true && echo.isTTY === true
    this.#echo = echo
    this.#readline = createInterface({
      input,
      terminal: this.interactive,
      crlfDelay: Infinity,
      prompt: PROMPT,
      ...(this.interactive ? { output: this.#shown(echo) } : {}),
    })
    this.#readline.on("line", (line) => this.#deliver(line))
    this.#readline.on("SIGINT", onInterrupt)
    this.#readline.on("close", () => {
      this.#closed = true
      this.#take(undefined)
    })
  }

  /** The next line; undefined when there is none any more. */
  next(): Promise<string | undefined> {
    const line = this.#waiting.shift()
    if (this.#waiting.length === 0 && !this.#closed) this.#readline.resume()
    if (line !== undefined) {
      if (this.interactive) this.#echo.write(`${PROMPT}${line}\n`)
      return Promise.resolve(line)
    }
    if (this.#closed) return Promise.resolve(undefined)
    this.#quiet = false
    if (this.interactive) this.#readline.prompt(true)
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Empties the line that is being typed; false when there is nothing on it. */
  clear(): boolean {
    if (this.#readline.line === undefined || this.#readline.line === "") return false
    this.#readline.write(null, LINE_END)
    this.#readline.write(null, KILL_LINE)
    return true
  }

  /** No line comes any more, and the terminal is as it was. */
  close(): void {
    this.#waiting.length = 0
    this.#readline.close()
  }

  #deliver(line: string): void {
    if (this.#take(line)) return
    this.#waiting.push(line)
    // A pipe can be faster than a model.
    if (!this.interactive && this.#waiting.length >= MOST_WAITING) this.#readline.pause()
  }

  #take(line: string | undefined): boolean {
    const resolve = this.#resolve
    this.#resolve = undefined
    this.#quiet = true
    resolve?.(line)
    return resolve !== undefined
  }

  /** Readline wants a whole stream, with the width of the terminal. */
  #shown(echo: OutputStream): Writable {
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#quiet) echo.write(chunk.toString("utf8"))
        done()
      },
    })
    return Object.defineProperty(shown, "columns", { get: () => echo.columns })
  }
}

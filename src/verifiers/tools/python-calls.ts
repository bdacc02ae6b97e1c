/** Calls in Python syntax, `[f(a=1, b="x"), m.g(c=[2])]`: a parser, never eval. */
import type { ToolCall } from "./tool-call.ts"

const MAXIMUM_CHARACTERS = 20_000
const MAXIMUM_DEPTH = 40
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
}
const CONSTANTS: Readonly<Record<string, unknown>> = {
  True: true,
  False: false,
  None: null,
  true: true,
  false: false,
  null: null,
}

/** Thrown and caught inside this file alone. */
class Rejected extends Error {}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  calls(): ToolCall[] {
    const calls: ToolCall[] = []
    if (this.#take("[")) {
      this.#items("]", () => calls.push(this.#call()))
    } else {
      do calls.push(this.#call())
      while (this.#take(",") || this.#take(";") || /[A-Za-z_]/u.test(this.#peek()))
    }
    if (this.#peek() !== "") throw new Rejected()
    return calls
  }

  #call(): ToolCall {
    const name = this.#name()
    if (!this.#take("(")) throw new Rejected()
    const given: [string, unknown][] = []
    this.#items(")", () => given.push(this.#argument(given.length)))
    return { name, arguments: Object.fromEntries(given) }
  }

  #argument(position: number): [string, unknown] {
    const start = this.#at
    const named = /^\s*([A-Za-z_]\w*)\s*=(?!=)/u.exec(this.#text.slice(start, start + 200))
    if (named === null) return [String(position), this.#value()]
    this.#at += named[0].length
    return [named[1]!, this.#value()]
  }

  #value(): unknown {
    if (++this.#depth > MAXIMUM_DEPTH) throw new Rejected()
    try {
      const next = this.#peek()
      if (next === '"' || next === "'") return this.#strings()
      if (this.#take("[")) return this.#list("]")
      if (this.#take("(")) return this.#list(")")
      if (this.#take("{")) return this.#dictionary()
      const number = /^[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/u.exec(this.#text.slice(this.#at, this.#at + 400))
      if (number !== null) {
        this.#at += number[0].length
        return Number(number[0].replaceAll("_", ""))
      }
      const name = this.#name()
      return Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : name
    } finally {
      this.#depth--
    }
  }

  #list(end: string): unknown[] {
    const items: unknown[] = []
    this.#items(end, () => items.push(this.#value()))
    return items
  }

  #dictionary(): Record<string, unknown> {
    const entries: [string, unknown][] = []
    this.#items("}", () => {
      const key = this.#value()
      if (!this.#take(":")) throw new Rejected()
      entries.push([String(key), this.#value()])
    })
    return Object.fromEntries(entries)
  }

  /** Items up to the closing bracket, commas between them, one more at the end allowed. */
  #items(end: string, read: () => void): void {
    while (!this.#take(end)) {
      read()
      if (this.#take(end)) return
      if (!this.#take(",")) throw new Rejected()
    }
  }

  /** Neighbouring strings are one, as in Python. */
  #strings(): string {
    let text = ""
    for (let quote = this.#peek(); quote === '"' || quote === "'"; quote = this.#peek()) text += this.#string(quote)
    return text
  }

  #string(quote: string): string {
    const fence = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote
    let text = ""
    this.#at += fence.length
    while (!this.#text.startsWith(fence, this.#at)) {
      if (this.#at >= this.#text.length) throw new Rejected()
      const character = this.#text[this.#at++]!
      if (character !== "\\") text += character
      else {
        const escaped = this.#text[this.#at++] ?? ""
        const code = escaped === "u" ? /^[\da-fA-F]{4}/u.exec(this.#text.slice(this.#at, this.#at + 4)) : null
        if (code !== null) this.#at += 4
        text += code === null ? (ESCAPES[escaped] ?? `\\${escaped}`) : String.fromCharCode(Number.parseInt(code[0], 16))
      }
    }
    this.#at += fence.length
    return text
  }

  #name(): string {
    this.#peek()
    const name = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*/u.exec(this.#text.slice(this.#at, this.#at + 300))
    if (name === null) throw new Rejected()
    this.#at += name[0].length
    return name[0]
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at++
    return true
  }

  /** The next character that is not blank, or "" at the end. */
  #peek(): string {
    while (/\s/u.test(this.#text[this.#at] ?? "")) this.#at++
    return this.#text[this.#at] ?? ""
  }
}

/** The calls of a text that is nothing else; undefined when it is not. */
export function parsePythonCalls(text: string): readonly ToolCall[] | undefined {
  if (text.length > MAXIMUM_CHARACTERS) return undefined
  try {
    return new Parser(text.trim()).calls()
  } catch (error) {
    if (error instanceof Rejected) return undefined
    throw error
  }
}

/** Text of tokens as they come: characters whose bytes lie in several tokens come out whole. */
import type { Tokenizer } from "./tokenizer.ts"

/** What a decoder writes for bytes that are no UTF-8, or not yet. */
const REPLACEMENT = "\uFFFD"

/**
 * Decodes a window: the tokens of the last piece and those since. So a token costs the same however long the text is,
 * and a decoder that treats the first token of a text in its own way (a leading space) sees one before the new. The
 * pieces add up to the text that all tokens decode to, special tokens left out.
 */
export class TextStream {
  readonly #tokenizer: Pick<Tokenizer, "decode">
  #window: number[] = []
  /** Tokens of the window that belong to the last piece. */
  #toldTokens = 0
  /** What those decode to. */
  #told = ""

  constructor(tokenizer: Pick<Tokenizer, "decode">) {
    this.#tokenizer = tokenizer
  }

  /** The piece that a token completes; empty while a character lacks bytes. */
  push(token: number): string {
    this.#window.push(token)
    const text = this.#decode()
    if (text.length <= this.#told.length || text.endsWith(REPLACEMENT)) return ""
    const piece = text.slice(this.#told.length)
    this.#window = this.#window.slice(this.#toldTokens)
    this.#toldTokens = this.#window.length
    this.#told = this.#decode()
    return piece
  }

  /** What is left when no token follows: bytes that never became a character are U+FFFD. */
  end(): string {
    const rest = this.#decode().slice(this.#told.length)
    this.#window = []
    this.#toldTokens = 0
    this.#told = ""
    return rest
  }

  #decode(): string {
    return this.#tokenizer.decode(this.#window, { skipSpecialTokens: true })
  }
}

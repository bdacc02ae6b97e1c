/** The tokens of an answer, and what every layer above them asks of a range [start, end). */
import { figureMarks } from "./letter-strings.ts"
import type { LexedAnswer, Token, TokenKind } from "./token.ts"

export class AnswerTokens implements LexedAnswer {
  readonly source: string
  readonly tokens: readonly Token[]
  readonly match: LexedAnswer["match"]
  readonly ambiguousThousands: boolean
  readonly unbalanced: boolean
  /** The kinds of token that the answer has: most answers have none of what a structure is made of. */
  readonly kinds: ReadonlySet<TokenKind>

  constructor(lexed: LexedAnswer) {
    this.source = lexed.source
    this.tokens = lexed.tokens
    this.match = lexed.match
    this.ambiguousThousands = lexed.ambiguousThousands
    this.unbalanced = lexed.unbalanced
    const kinds = new Set<TokenKind>()
    for (const { kind } of lexed.tokens) kinds.add(kind)
    this.kinds = kinds
  }

  /** The tokens [start, end) as text, equal for what reads the same but for its writing. */
  key(start: number, end: number): string {
    let key = ""
    for (let index = start; index < end; index++) {
      const token = this.tokens[index]!
      key += token.kind === "word" ? ` ${token.text} ` : keyMark(token) + token.text
    }
    return key.trim()
  }

  /** Positions in [start, end) on the top level for which the test holds. */
  topLevel(start: number, end: number, test: (token: Token, index: number) => boolean): number[] {
    const found: number[] = []
    for (let index = start; index < end; index++) {
      if (test(this.tokens[index]!, index)) found.push(index)
      const match = this.match[index]!
      if (match > index && match < end) index = match
    }
    return found
  }
}

/** What a token's text does not tell apart: $5 and 5, an angle and a triangle. */
function keyMark({ currency, figure }: Token): string {
  return (currency ?? "") + (figure === undefined ? "" : figureMarks[figure])
}

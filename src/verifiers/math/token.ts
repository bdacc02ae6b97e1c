/** Tokens of an answer. Positions are offsets into the normalised source. */
import type { DecimalLiteral } from "./expression.ts"
import type { Figure } from "./letter-strings.ts"
import type { Rational } from "./rational.ts"

export type TokenKind =
  | "number"
  | "letter"
  | "word"
  | "function"
  | "constant"
  | "command"
  | "operator"
  | "open"
  | "close"
  | "separator"
  | "relation"
  | "setOperator"
  | "colon"
  | "percent"
  | "degree"
  | "plusMinus"
  | "environmentBegin"
  | "environmentEnd"
  | "ampersand"
  | "rowBreak"
  | "dots"
  | "emptySet"
  | "numberSet"
  | "unknown"

export interface Token {
  readonly kind: TokenKind
  /** Canonical text: the function's name, the bracket, the relation, the symbol with its subscript. */
  readonly text: string
  readonly start: number
  readonly end: number
  readonly spaceBefore: boolean
  /** Of a number; undefined when the literal is over the size cap. */
  readonly value?: Rational
  readonly decimal?: DecimalLiteral
  /** Symbol of the currency that stands before or behind it. */
  readonly currency?: string
  /** The figure whose name the letter begins: \angle ABC. */
  readonly figure?: Figure
}

/** Choices between readings of an ambiguous source; see LexedAnswer.ambiguous. */
export interface ReadingOptions {
  /** 100,200 is one number (true) or a list of two. */
  readonly groupThousands: boolean
  /** 1,5 is a decimal (true) or a list. Only for plain text. */
  readonly decimalComma: boolean
  /**
   * Units, currencies and scale words say nothing, and every letter is a factor, as published graders that ask a
   * computer algebra system have it.
   */
  readonly algebraOnly: boolean
}

export interface LexedAnswer {
  readonly source: string
  readonly tokens: readonly Token[]
  /** For each token the index of its matching bracket or environment end, or -1. */
  readonly match: readonly number[]
  /** The other value of groupThousands reads differently. */
  readonly ambiguousThousands: boolean
  /** Brackets or environments that do not close. */
  readonly unbalanced: boolean
}

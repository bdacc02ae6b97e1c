/** Pratt parser of one scalar or matrix expression over a range of tokens. */
import type { Budget } from "./budget.ts"
import { parseBars, parseBigOperation, parseMatrix } from "./compound-parser.ts"
import type { Expression } from "./expression.ts"
import { parseFunction, parseRoot } from "./function-parser.ts"
import { parseBaseNumeral, parseMixedFraction } from "./literal-parser.ts"
import { integer } from "./rational.ts"
import type { LexedAnswer, Token } from "./token.ts"

/** The tokens are not an expression. One instance: its stack trace is never read. */
export class ParseFailure extends Error {
  override readonly name: string = "ParseFailure"
}
const failure = new ParseFailure("not an expression")

/** Deepest nesting of brackets and operators that is read. */
export const maxDepth = 60

export interface ExpressionReading {
  /** The sign that \pm stands for; \mp has the other. */
  readonly plusMinus: 1 | -1
  /** 1/2x is 1/(2x) (true) or x/2. */
  readonly tightDivision: boolean
  /** \log without a base is natural (true) or decimal. */
  readonly naturalLogarithm: boolean
  /** Units behind a value are no part of the grammar; see ReadingOptions. */
  readonly algebraOnly: boolean
}

const additive = 10
const multiplicative = 20
const tight = 25
const powerLevel = 40

export class ExpressionParser {
  position: number
  readonly end: number
  readonly reading: ExpressionReading
  /** The source has a quotient followed by an implicit product: tightDivision matters. */
  ambiguousDivision = false
  /** The source has a logarithm without a base. */
  ambiguousLogarithm = false
  readonly lexed: LexedAnswer
  /** Inside a sum over i, i is its index and no imaginary unit. */
  private boundIndex = false
  private depth = 0
  private readonly budget: Budget

  constructor(lexed: LexedAnswer, start: number, end: number, reading: ExpressionReading, budget: Budget) {
    this.lexed = lexed
    this.position = start
    this.end = end
    this.reading = reading
    this.budget = budget
  }

  get token(): Token | undefined {
    return this.position < this.end ? this.lexed.tokens[this.position] : undefined
  }

  peek(offset: number): Token | undefined {
    return this.position + offset < this.end ? this.lexed.tokens[this.position + offset] : undefined
  }

  fail(): never {
    throw failure
  }

  isOperator(text: string, token: Token | undefined = this.token): boolean {
    return token !== undefined && token.kind === "operator" && token.text === text
  }

  /**
   * Reads an expression whose operators bind at least as tightly as `level`.
   * @throws ParseFailure, BudgetExceeded
   */
  parse(level = 0): Expression {
    if (++this.depth > maxDepth) this.fail()
    this.budget.charge(4)
    let left = this.prefix()
    for (;;) {
      const token = this.token
      if (token === undefined) break
      const next = this.infix(left, token, level)
      if (next === undefined) break
      left = next
    }
    this.depth--
    return left
  }

  /** The expression of a whole range, where {a \over b} and {n \choose k} may stand. */
  parseWhole(): Expression {
    const left = this.parse()
    const infix = this.token
    if (infix?.kind !== "command" || (infix.text !== "choose" && infix.text !== "over")) return left
    this.position++
    const right = this.parse()
    return infix.text === "over" ? { kind: "divide", numerator: left, denominator: right } : { kind: "call", name: "binom", arguments: [left, right] }
  }

  private infix(left: Expression, token: Token, level: number): Expression | undefined {
    const postfix = this.postfix(left, token)
    if (postfix !== undefined) return postfix
    if (token.kind === "operator" && token.text !== "|") {
      if (token.text === "+" || token.text === "-") return level > additive ? undefined : this.sum(left)
      if (token.text === "*" || token.text === "/") {
        // "5 / hour": what follows is a unit.
        if (level > multiplicative || (!this.reading.algebraOnly && this.peek(1)?.kind === "word")) return undefined
        this.position++
        const right = this.parse(token.text === "/" && this.reading.tightDivision ? tight : multiplicative + 1)
        if (token.text === "/" && this.startsFactor(this.token)) this.ambiguousDivision = true
        if (token.text === "*") {
          const factors = [left, right]
          while (this.isOperator("*")) {
            this.position++
            factors.push(this.parse(multiplicative + 1))
          }
          return { kind: "multiply", factors }
        }
        return { kind: "divide", numerator: left, denominator: right }
      }
      if (token.text === "\u2218") {
        if (level > tight) return undefined
        this.position++
        return { kind: "apply", name: token.text, arguments: [left, this.parse(tight + 1)] }
      }
      if (token.text === "^") return level > powerLevel ? undefined : this.power(left)
      return undefined
    }
    if (token.kind === "plusMinus") return level > additive ? undefined : this.sum(left)
    if (!this.startsFactor(token) || this.startsUnit(token)) return undefined
    // Two numbers side by side are no product.
    if (token.kind === "number" && left.kind === "number" && this.lexed.tokens[this.position - 1]?.kind === "number") this.fail()
    if (level > tight || (level > multiplicative && !this.reading.tightDivision)) return undefined
    const factors = [left, this.parse(tight + 1)]
    // One flat product, however long: its evaluation does not recurse.
    while (this.continuesProduct()) factors.push(this.parse(tight + 1))
    return { kind: "multiply", factors }
  }

  private continuesProduct(): boolean {
    const { token } = this
    return token !== undefined && token.kind !== "number" && this.startsFactor(token) && !this.startsUnit(token)
  }

  /** A fraction or a \mu with a unit's words in it ends the value: 5 \frac{\text{m}}{\text{s}}, 5 \mu\text{m}. */
  private startsUnit(token: Token): boolean {
    if (this.reading.algebraOnly) return false
    return this.peek(token.text === "frac" ? 2 : 1)?.kind === "word" && (token.text === "frac" || token.text === "\\mu")
  }

  private sum(first: Expression): Expression {
    const terms = [first]
    for (let token = this.token; token !== undefined; token = this.token) {
      const sign = this.sign(token)
      if (sign === 0) break
      this.position++
      const term = this.parse(additive + 1)
      terms.push(sign > 0 ? term : { kind: "negate", operand: term })
    }
    return { kind: "add", terms }
  }

  private sign(token: Token): number {
    if (token.kind === "plusMinus") return token.text === "pm" ? this.reading.plusMinus : -this.reading.plusMinus
    return this.isOperator("+", token) ? 1 : this.isOperator("-", token) ? -1 : 0
  }

  private postfix(left: Expression, token: Token): Expression | undefined {
    if (token.kind === "percent") {
      this.position++
      return { kind: "percent", operand: left }
    }
    if (token.kind === "degree") {
      this.position++
      const scale = this.token
      if (scale?.kind === "letter" && (scale.text === "C" || scale.text === "F")) {
        this.position++
        return { kind: "degree", operand: left, scale: scale.text }
      }
      return { kind: "degree", operand: left }
    }
    if (!this.isOperator("!", token)) return undefined
    this.position++
    if (!this.isOperator("!")) return { kind: "call", name: "factorial", arguments: [left] }
    this.position++
    return { kind: "call", name: "doubleFactorial", arguments: [left] }
  }

  private power(base: Expression): Expression {
    this.position++
    const exponent = this.exponent()
    return { kind: "power", base, exponent }
  }

  /** What stands after ^: a group, or a signed factor (10^-6), which takes a power of its own (2^3^2). */
  exponent(): Expression {
    const token = this.token
    if (token === undefined) this.fail()
    const sign = this.sign(token)
    if (sign !== 0) {
      this.position++
      const operand = this.exponent()
      return sign > 0 ? operand : { kind: "negate", operand }
    }
    const operand = this.primary()
    if (!this.isOperator("^")) return operand
    this.position++
    return { kind: "power", base: operand, exponent: this.exponent() }
  }

  /** Tokens that can begin a factor of an implicit product. */
  startsFactor(token: Token | undefined): boolean {
    switch (token?.kind) {
      case "number":
      case "letter":
      case "constant":
      case "function":
      case "open":
      case "environmentBegin":
        return true
      case "command":
        return token.text !== "choose" && token.text !== "over"
      case "operator":
        return token.text === "|" && this.opensBars()
      default:
        return false
    }
  }

  /** A bar opens an absolute value when an odd number of bars is left on its level. */
  private opensBars(): boolean {
    this.budget.charge((this.end - this.position) / 8)
    let bars = 0
    for (let index = this.position; index < this.end; index++) {
      const token = this.lexed.tokens[index]!
      const match = this.lexed.match[index]!
      if (match > index) index = match
      else if (token.kind === "close") break
      else if (this.isOperator("|", token)) bars++
    }
    return bars % 2 === 0
  }

  private prefix(): Expression {
    const token = this.token
    if (token === undefined) this.fail()
    const sign = this.sign(token)
    if (sign !== 0) {
      this.position++
      const operand = this.parse(multiplicative)
      return sign > 0 ? operand : { kind: "negate", operand }
    }
    return this.primary()
  }

  /**
   * One operand without operators around it.
   * @throws ParseFailure
   */
  primary(): Expression {
    const token = this.token
    if (token === undefined) this.fail()
    switch (token.kind) {
      case "number":
        return this.number(token)
      case "letter":
        return this.letter(token)
      case "constant":
        this.position++
        if (token.text === "i" && this.boundIndex) return { kind: "symbol", name: "i" }
        return { kind: "constant", name: token.text as "pi" | "e" | "i" | "infinity" }
      case "function":
        return token.text === "sqrt" ? parseRoot(this) : parseFunction(this)
      case "command":
        return this.command(token)
      case "open":
        return this.group()
      case "environmentBegin":
        return parseMatrix(this)
      case "operator":
        if (token.text === "|") return parseBars(this)
        return this.fail()
      default:
        return this.fail()
    }
  }

  private number(token: Token): Expression {
    this.position++
    if (token.value === undefined) this.fail()
    const value = token.value
    if (this.isOperator("_")) {
      const numeral = parseBaseNumeral(this, token.text)
      if (numeral !== undefined) return numeral
    }
    const mixed = /^\d+$/.test(token.text) ? parseMixedFraction(this, value) : undefined
    if (mixed !== undefined) return { kind: "number", value: mixed }
    return { kind: "number", value, ...(token.decimal === undefined ? {} : { decimal: token.decimal }) }
  }

  private letter(token: Token): Expression {
    this.position++
    const braced = this.token?.text === "{" && this.peek(1)?.text === "(" && this.lexed.match[this.position + 1] === this.lexed.match[this.position]! - 1
    if (braced) {
      // u{\left(t\right)}, as computer algebra systems write it.
      const outer = this.lexed.match[this.position]!
      this.position++
      const applied = this.application(token)
      if (applied !== undefined) this.position = outer + 1
      else this.position--
      return applied ?? { kind: "symbol", name: token.text }
    }
    return this.application(token) ?? { kind: "symbol", name: token.text }
  }

  /** f(x), the parser standing on the bracket; undefined when the letter is a factor before it. */
  private application(token: Token): Expression | undefined {
    const open = this.token
    if (open?.kind === "open" && open.text === "(") {
      const close = this.lexed.match[this.position]!
      if (token.text === "\\Gamma" && close > 0 && close < this.end) {
        const [argument] = this.argumentList()
        const less: Expression = { kind: "add", terms: [argument ?? this.fail(), { kind: "number", value: integer(-1) }] }
        return { kind: "call", name: "factorial", arguments: [less] }
      }
      const single = close === this.position + 2 && this.lexed.tokens[this.position + 1]?.kind === "number"
      // Usual function names, a literal argument (I(0), where a product would always be zero) or several arguments.
      if (close > 0 && close < this.end && (single || /^[fghFGH]('|_|$)/.test(token.text) || this.hasComma(this.position + 1, close)))
        return { kind: "apply", name: token.text, arguments: this.argumentList() }
    }
    return undefined
  }

  private hasComma(from: number, to: number): boolean {
    for (let index = from; index < to; index++) {
      if (this.lexed.tokens[index]!.kind === "separator") return true
      if (this.lexed.match[index]! > index) index = this.lexed.match[index]!
    }
    return false
  }

  /** The expressions between a bracket and its match, separated by commas. */
  argumentList(): Expression[] {
    const close = this.lexed.match[this.position] ?? -1
    if (close < 0 || close >= this.end) this.fail()
    this.position++
    const list: Expression[] = []
    while (this.position < close) {
      list.push(this.inner(close, true))
      if (this.token?.kind === "separator") this.position++
    }
    this.position = close + 1
    return list
  }

  /** One expression up to `close`, on a parser of its own range. */
  inner(close: number, toComma = false): Expression {
    const parser = this.within(close)
    const expression = parser.parseWhole()
    if (parser.position !== close && !(toComma && parser.token?.kind === "separator")) this.fail()
    this.ambiguousDivision ||= parser.ambiguousDivision
    this.ambiguousLogarithm ||= parser.ambiguousLogarithm
    this.position = parser.position
    return expression
  }

  /** A bracketed expression. */
  group(): Expression {
    const open = this.token!
    const close = this.lexed.match[this.position]!
    if (close < 0 || close >= this.end || open.text === "\\{" || open.text === "langle") this.fail()
    const closing = this.lexed.tokens[close]!.text
    if ((open.text === "(" && closing !== ")") || (open.text === "[" && closing !== "]")) this.fail()
    this.position++
    if (this.position === close) this.fail()
    const operand = this.inner(close)
    this.position = close + 1
    if (open.text === "lfloor") return { kind: "call", name: "floor", arguments: [operand] }
    if (open.text === "lceil") return { kind: "call", name: "ceil", arguments: [operand] }
    return operand
  }

  private command(token: Token): Expression {
    this.position++
    if (token.text === "frac" || token.text === "binom") {
      const first = this.argument()
      const second = this.argument()
      if (token.text === "binom") return { kind: "call", name: "binom", arguments: [first, second] }
      return { kind: "divide", numerator: first, denominator: second }
    }
    return parseBigOperation(this, token.text === "sum" ? "sum" : "product")
  }

  /** An argument of a command: a group, or one operand. */
  argument(): Expression {
    return this.token?.kind === "open" ? this.group() : this.primary()
  }

  /** One entry of a matrix that ends at `close`. */
  cell(close: number): Expression {
    const parser = this.within(close)
    const entry = parser.parse()
    const after = parser.token?.kind
    if (after !== undefined && after !== "rowBreak" && after !== "ampersand") this.fail()
    this.position = parser.position
    return entry
  }

  /** The body of a sum or product: a product. */
  parseSummand(indexIsI: boolean): Expression {
    const outer = this.boundIndex
    this.boundIndex ||= indexIsI
    const body = this.parse(multiplicative)
    this.boundIndex = outer
    return body
  }

  /** @throws BudgetExceeded */
  charge(steps: number): void {
    this.budget.charge(steps)
  }

  private within(close: number): ExpressionParser {
    const parser = new ExpressionParser(this.lexed, this.position, close, this.reading, this.budget)
    parser.depth = this.depth
    parser.boundIndex = this.boundIndex
    return parser
  }

  /** The level of a product: what an unbracketed function argument may hold. */
  parseFactor(): Expression {
    return this.parse(tight + 1)
  }
}

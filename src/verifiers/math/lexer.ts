/** Cuts an answer (LaTeX, or plain text that looks like it) into tokens. One linear pass. */
import type { Budget } from "./budget.ts"
import type { DecimalLiteral } from "./expression.ts"
import { toLatexCharacters } from "./characters.ts"
import { matchBrackets } from "./brackets.ts"
import { readNumber } from "./number-lexer.ts"
import { looksLikeWord } from "./letter-strings.ts"
import type { Figure } from "./letter-strings.ts"
import { moneySuffix, spokenWord } from "./spoken-words.ts"
import type { Spoken } from "./spoken-words.ts"
import type { Rational } from "./rational.ts"
import type { LexedAnswer, ReadingOptions, Token, TokenKind } from "./token.ts"
import {
  accentCommands,
  currencyCommands,
  faceCommands,
  figureCommands,
  functionNames,
  ignoredCommands,
  letterCommands,
  percentWords,
  plainFunctionNames,
  relationCommands,
  setOperatorCommands,
  textCommands,
  unitWords,
} from "./vocabulary.ts"
import { unitsNamed } from "./units/unit-table.ts"

/** Longest answer that is read, characters; a longer one is none. */
export const maxAnswerCharacters = 2_000

const lastAscii = 0x7f
const currencySymbols = "€£¥₹¢"
const letterRun = /[A-Za-z]+/y
const wordRun = /[A-Za-z\u00c0-\u024f]+(?:[-'][A-Za-z\u00c0-\u024f]+)*/y
const commandName = /\\([A-Za-z]+)\*?/y
const timesSign = /\s*10\s*(?:\^|\*\*)/y
const digitAhead = /\s+\d/y
const functionPrefix = /^(arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log|sqrt|exp)([a-z]?)$/
const gluedSeparator = /^(or|and)([A-Za-z])$/
// "30 sec" is a time, "30 sec x" a secant.
const nothingFollows = /\s*(?:[.,;$})]|$)/y
const ordinals = new Set(["st", "nd", "rd", "th"])
const ordinalMark = /\^\s*(?:\{\s*)?(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*)?(?:st|nd|rd|th)\s*\}*/y
const degreeMark = /\^\s*(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\}|\\degree|o(?![A-Za-z]))/y
const primeMark = /(?:'+|\^\s*(?:\\prime(?![A-Za-z])|\{\s*(?:\\prime\s*)+\}))/y
// Environments that only arrange equations: their rows are a list.
const systems = /^(?:cases|aligned|align\*?|gathered|split|equation\*?|gather\*?)$/
const infinityWords = new Set(["infty", "infinity", "Infinity", "inf", "oo"])
const moduleNames = new Set(["np", "numpy", "math", "sympy", "sp"])

// Every character of every answer is asked these; a regular expression costs several times as much.

/** A space (every kind of it is a plain one here), or TeX's ~. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x7e || (code >= 0x09 && code <= 0x0d)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
}

function groupEnd(source: string, open: number): number {
  let depth = 0
  for (let index = open; index < source.length; index++) {
    const character = source[index]
    if (character === "\\") index++
    else if (character === "{") depth++
    else if (character === "}" && --depth === 0) return index
  }
  return source.length
}

/** Subscripts and accents compare by what they say, not by how they are set. */
function plainName(text: string): string {
  return text.replaceAll(/\\(?:text|textrm|mathrm|mathbf|mathit|operatorname|displaystyle|left|right)(?![A-Za-z])|[\s{}~]|\\[,;:! ]/g, "")
}

/** Where the only dollar sign stands that is neither escaped nor the first of two; -1 for none and for several. */
function loneDollar(source: string): number {
  let found = -1
  for (let at = source.indexOf("$"); at >= 0; at = source.indexOf("$", at + 1)) {
    if (source[at - 1] === "\\" || source[at + 1] === "$") continue
    if (found >= 0) return -1
    found = at
  }
  return found
}

class Lexer {
  readonly tokens: Token[] = []
  readonly stack: string[] = []
  ambiguousThousands = false
  private environmentDepth = 0
  private systemDepth = 0
  /** A currency that waits for its amount. */
  private currency: string | undefined
  /** A figure that waits for its name. */
  private figure: Figure | undefined
  /** A dollar sign that closes no formula: "$5" and not "$5$". */
  private readonly loneDollar: number
  private readonly source: string
  private readonly options: ReadingOptions

  constructor(source: string, options: ReadingOptions) {
    this.source = source
    this.options = options
    this.loneDollar = loneDollar(source)
  }

  private push(
    kind: TokenKind,
    text: string,
    start: number,
    end: number,
    value?: Rational,
    decimal?: DecimalLiteral,
  ): void {
    const spaceBefore = start > 0 && isBlank(this.source.charCodeAt(start - 1))
    const token: { -readonly [Field in keyof Token]: Token[Field] } = { kind, text, start, end, spaceBefore }
    if (value !== undefined) token.value = value
    if (decimal !== undefined) token.decimal = decimal
    if (kind === "number") {
      if (this.currency !== undefined) token.currency = this.currency
      this.currency = undefined
    } else if (kind === "letter" && this.figure !== undefined) token.figure = this.figure
    if (kind !== "open") this.figure = undefined
    this.tokens.push(token)
    if (kind === "open") this.stack.push(text)
    else if (kind === "close") this.stack.pop()
  }

  private get previous(): Token | undefined {
    return this.tokens[this.tokens.length - 1]
  }

  private followsValue(): boolean {
    const kind = this.previous?.kind
    return kind === "number" || kind === "close" || kind === "word" || kind === "degree" || kind === "percent"
  }

  private at(pattern: RegExp, position: number): RegExpExecArray | null {
    pattern.lastIndex = position
    return pattern.exec(this.source)
  }

  /** Lexes source[from, to); textMode reads letters as words. */
  run(from: number, to: number, textMode: boolean): void {
    let position = from
    while (position < to) position = Math.max(position + 1, this.step(position, to, textMode))
  }

  private step(position: number, to: number, textMode: boolean): number {
    const character = this.source[position]!
    const code = this.source.charCodeAt(position)
    if (position === this.loneDollar && /^ ?[\d.]/.test(this.source.slice(position + 1, position + 3)))
      this.amountOf("$", position, position + 1)
    if (isBlank(code) || character === "$" || character === '"') return position + 1
    if (character === "&" && this.environmentDepth === 0) return position + 1
    if (isDigit(code) || (character === "." && isDigit(this.source.charCodeAt(position + 1))))
      return this.number(position)
    if (character === "\\") return this.command(position, to)
    if (!textMode && isLetter(code)) return this.letters(position)
    if (code > lastAscii && currencySymbols.includes(character)) {
      this.amountOf(character, position, position + 1)
      return position + 1
    }
    const word = textMode ? this.at(wordRun, position) : null
    if (word !== null) return this.word(word[0], position)
    if (character === "^") return this.raised(position)
    return this.symbol(character, position)
  }

  /** A power sign, or what it begins: 5^{th}, 45^\circ. */
  private raised(position: number): number {
    const ordinal = this.previous?.kind === "number" ? this.at(ordinalMark, position) : null
    if (ordinal !== null) return this.pushed("word", "th", position, ordinal[0].length)
    const degree = this.at(degreeMark, position)
    if (degree !== null) return this.pushed("degree", "degree", position, degree[0].length)
    return this.symbol("^", position)
  }

  private number(position: number): number {
    const listContext = !this.stack.some((bracket) => bracket !== "{")
    const literal = readNumber(this.source, position, this.options, listContext)
    this.ambiguousThousands ||= literal.plainGrouping
    const text = this.source.slice(position, literal.end)
    this.push("number", text, position, literal.end, literal.value, literal.decimal)
    const suffix = this.previous?.currency === undefined ? undefined : moneySuffix(this.source, literal.end)
    return suffix === undefined ? literal.end : this.spoken(suffix, literal.end)
  }

  /** A currency symbol belongs to the amount behind it, else to the one it touches. */
  private amountOf(symbol: string, position: number, end: number): void {
    if (this.options.algebraOnly) return
    const { previous } = this
    const next = /^[\s~]*\\?[ ,;:!]?\s*[\d.]/.test(this.source.slice(end, end + 6))
    const touches = previous?.kind === "number" && /^\s?$/.test(this.source.slice(previous.end, position))
    if (!next && touches && previous.currency === undefined)
      this.tokens[this.tokens.length - 1] = { ...previous, currency: symbol }
    else this.currency = symbol
  }

  private spoken({ tokens, end }: Spoken, position: number): number {
    for (const { kind, text, value } of tokens) this.push(kind, text, position, end, value)
    return end
  }

  private word(text: string, position: number): number {
    const end = position + text.length
    const lower = text.toLowerCase()
    const spoken = this.options.algebraOnly ? undefined : spokenWord(text, this.previous?.kind, this.source, end)
    if (spoken !== undefined) return this.spoken(spoken, position)
    if (lower === "and" || lower === "or") this.push("separator", lower, position, end)
    else if (percentWords.has(lower)) this.push("percent", "%", position, end)
    else this.push("word", text, position, end)
    return end
  }

  private letters(position: number): number {
    const run = this.at(letterRun, position)![0]
    const end = position + run.length
    const silent = this.options.algebraOnly || run.length < 2
    const spoken = silent ? undefined : spokenWord(run, this.previous?.kind, this.source, end)
    if (spoken !== undefined) return this.spoken(spoken, position)
    const glued = this.followsValue() ? gluedSeparator.exec(run) : null
    if (run === "and" || run === "or") this.push("separator", run, position, end)
    else if (glued !== null) {
      this.push("separator", glued[1]!, position, end - 1)
      return this.letter(glued[2]!, end - 1, end)
    } else if (run === "pi") this.push("constant", "pi", position, end)
    else if (infinityWords.has(run)) this.push("constant", "infinity", position, end)
    else if (
      this.isUnit(run) &&
      (this.followsValue() || this.startsUnit(run)) &&
      (!plainFunctionNames.has(run) || this.at(nothingFollows, end))
    )
      this.push("word", run, position, end)
    else if (ordinals.has(run) && this.previous?.kind === "number" && this.previous.end === position)
      this.push("word", run, position, end)
    else if (plainFunctionNames.has(run)) this.push("function", functionNames.get(run)!, position, end)
    else if (moduleNames.has(run) && this.source[end] === ".") return end + 1
    else if (percentWords.has(run.toLowerCase())) this.push("percent", "%", position, end)
    else if (
      run === "x" &&
      this.previous?.kind === "number" &&
      (this.at(timesSign, end) ?? this.spacedTimes(position, end))
    )
      this.push("operator", "*", position, end)
    else if (run.length > 3 && this.followsValue() && this.previous?.kind !== "close")
      this.push("word", run, position, end)
    else {
      const prefixed = functionPrefix.exec(run)
      if (prefixed !== null && run.length > 2) {
        this.push("function", functionNames.get(prefixed[1]!)!, position, position + prefixed[1]!.length)
        return prefixed[2] === "" ? end : this.letter(prefixed[2]!, end - 1, end)
      }
      if (!this.options.algebraOnly && looksLikeWord(run)) {
        this.push("word", run, position, end)
        return end
      }
      for (let index = position; index < end - 1; index++) this.letter(this.source[index]!, index, index + 1)
      return this.letter(run.at(-1)!, end - 1, end)
    }
    return end
  }

  private isUnit(run: string): boolean {
    return unitWords.has(run) || (!this.options.algebraOnly && run.length > 1 && unitsNamed(run).length > 0)
  }

  /** A unit's name behind "5 /" or "5 \cdot", or a currency's code before its amount. */
  private startsUnit(run: string): boolean {
    if (this.options.algebraOnly) return false
    if (run.length > 2 && (this.previous?.text === "/" || this.previous?.text === "*")) return true
    return /^(?:Rs|RMB|[A-Z]{3})$/.test(run)
  }

  private spacedTimes(position: number, end: number): boolean {
    return /\s/.test(this.source[position - 1] ?? "") && this.at(digitAhead, end) !== null
  }

  /** One letter with its subscript and primes. Returns the position after them. */
  private letter(name: string, start: number, end: number): number {
    let position = end
    let full = name
    for (;;) {
      const prime = this.at(primeMark, position)
      if (prime !== null) {
        full += "'".repeat(Math.max(1, (prime[0].match(/'|prime/g) ?? []).length))
        position += prime[0].length
        continue
      }
      const skipped = /^\s*_\s*/.exec(this.source.slice(position, position + 8))
      if (skipped === null) break
      const at = position + skipped[0].length
      const digits = /^(?:\d+|\\[A-Za-z]+|[A-Za-z])/.exec(this.source.slice(at, at + 24))
      if (this.source[at] === "{") position = Math.min(groupEnd(this.source, at) + 1, this.source.length)
      else if (digits !== null) position = at + digits[0].length
      else break
      full += `_${plainName(this.source.slice(at, position))}`
    }
    if (full === "e" || full === "i") this.push("constant", full, start, position)
    else this.push("letter", full, start, position)
    return position
  }

  private command(position: number, to: number): number {
    const next = this.source[position + 1] ?? ""
    if (next === "\\") {
      // A doubled backslash before a command is an escaped one, except in a matrix, where it ends a row.
      if (this.environmentDepth === 0 && this.systemDepth === 0 && /[A-Za-z]/.test(this.source[position + 2] ?? "")) return position + 1
      if (this.environmentDepth > 0) this.push("rowBreak", "\\\\", position, position + 2)
      else if (this.systemDepth > 0) this.push("separator", ",", position, position + 2)
      return position + 2
    }
    if (!/[A-Za-z]/.test(next)) {
      if (next === "{") this.push("open", "\\{", position, position + 2)
      else if (next === "}") this.push("close", "\\}", position, position + 2)
      else if (next === "%") this.push("percent", "%", position, position + 2)
      else if (next === "|") this.push("operator", "|", position, position + 2)
      else if (next === "$") this.amountOf("$", position, position + 2)
      return position + 2
    }
    const name = this.at(commandName, position)![1]!
    const end = position + 1 + name.length
    const group = this.groupAt(end)
    if (textCommands.has(name) && group !== undefined) {
      this.run(group.start + 1, group.end, true)
      return group.end + 1
    }
    if (faceCommands.has(name) && group !== undefined) return this.face(position, group)
    if (accentCommands.has(name)) return this.accent(name, position, end)
    if (name === "mathbb" || name === "Bbb") {
      const set = group === undefined ? (this.source[end] ?? "") : plainName(this.source.slice(group.start + 1, group.end))
      const after = group === undefined ? end + 1 : group.end + 1
      this.push("numberSet", set, position, after)
      return after
    }
    if (name === "begin" || name === "end") {
      if (group === undefined) return end
      if (systems.test(this.source.slice(group.start + 1, group.end))) {
        this.systemDepth += name === "begin" ? 1 : -1
        return group.end + 1
      }
      this.environmentDepth += name === "begin" ? 1 : -1
      const kind = name === "begin" ? "environmentBegin" : "environmentEnd"
      let after = group.end + 1
      const label = this.source.slice(group.start + 1, group.end)
      if (name === "begin" && label === "array" && this.source[after] === "{") after = groupEnd(this.source, after) + 1
      this.push(kind, label, position, after)
      return after
    }
    return this.plainCommand(name, position, end, to)
  }

  private groupAt(end: number): { start: number; end: number } | undefined {
    let start = end
    while (this.source[start] === " ") start++
    return this.source[start] === "{" ? { start, end: groupEnd(this.source, start) } : undefined
  }

  private face(position: number, group: { start: number; end: number }): number {
    const content = plainName(this.source.slice(group.start + 1, group.end))
    const name = functionNames.get(content)
    if (name !== undefined) this.push("function", name, position, group.end + 1)
    else if (content.length === 1 && /[A-Za-z]/.test(content)) {
      const unit = this.previous?.kind === "number" && content !== "e" && content !== "i" && this.source[group.start + 1] !== content
      if (unit) this.push("word", content, position, group.end + 1)
      else return this.letter(content, position, group.end + 1)
    } else this.run(group.start + 1, group.end, /^[A-Za-z]{2,}/.test(content) || (this.followsValue() && /^[A-Za-z]/.test(content)))
    return group.end + 1
  }

  private accent(name: string, position: number, end: number): number {
    const group = this.groupAt(end)
    const raw = group === undefined ? (/^\s*(\\?[A-Za-z]+|\S)/.exec(this.source.slice(end, end + 24))?.[1] ?? "") : ""
    const content = group === undefined ? raw : this.source.slice(group.start + 1, group.end)
    const after = group === undefined ? this.source.indexOf(raw, end) + raw.length : group.end + 1
    const plain = plainName(content)
    if (name === "vec" || name === "overrightarrow" || (/^over|^wide/.test(name) && !/^\\?[A-Za-z]$/.test(plain))) {
      if (!this.options.algebraOnly && plain.length > 1)
        this.figure = /^(?:vec|overrightarrow)$/.test(name) ? "vector" : "segment"
      this.run(after - content.length - (group === undefined ? 0 : 1), group === undefined ? after : group.end, false)
      return after
    }
    return this.letter(`\\${name === "overline" ? "bar" : name}{${plain}}`, position, after)
  }

  private plainCommand(name: string, position: number, end: number, to: number): number {
    const letter = letterCommands.get(name)
    if (letter !== undefined) return this.letter(letter, position, end)
    const relation = relationCommands.get(name)
    const setOperator = setOperatorCommands.get(name)
    const functionName = functionNames.get(name)
    if (name === "not") {
      const rest = /^\s*(=|\\in(?![A-Za-z]))/.exec(this.source.slice(end, Math.min(to, end + 8)))
      if (rest === null) return end
      this.push("relation", rest[1] === "=" ? "!=" : "notin", position, end + rest[0].length)
      return end + rest[0].length
    }
    const currency = this.options.algebraOnly ? undefined : currencyCommands.get(name)
    if (relation !== undefined) this.push("relation", relation, position, end)
    else if (currency !== undefined) this.amountOf(currency, position, end)
    else if (setOperator !== undefined) this.push("setOperator", setOperator, position, end)
    else if (/^[dtcs]?frac$|^nicefrac$|^[dt]?binom$/.test(name)) this.push("command", name.endsWith("binom") ? "binom" : "frac", position, end)
    else if (functionName !== undefined) this.push("function", functionName, position, end)
    else if (name === "pi") this.push("constant", "pi", position, end)
    else if (name === "infty" || name === "infinity") this.push("constant", "infinity", position, end)
    else if (name === "cdot" || name === "times" || name === "ast") this.push("operator", "*", position, end)
    else if (name === "div") this.push("operator", "/", position, end)
    else if (name === "pm" || name === "mp") this.push("plusMinus", name, position, end)
    else if (name === "emptyset" || name === "varnothing") this.push("emptySet", name, position, end)
    else if (name === "circ" && this.composes(end)) this.push("operator", "\u2218", position, end)
    else if (name === "degree" || name === "circ") this.push("degree", "degree", position, end)
    else if (/^(?:l|c|v|d)?dots[bcmo]?$/.test(name)) this.push("dots", "...", position, end)
    else if (name === "lfloor" || name === "lceil" || name === "langle") this.push("open", name, position, end)
    else if (name === "rfloor" || name === "rceil" || name === "rangle") this.push("close", name, position, end)
    else if (name === "lbrace" || name === "rbrace") this.push(name === "lbrace" ? "open" : "close", name === "lbrace" ? "\\{" : "\\}", position, end)
    else if (name === "lbrack" || name === "rbrack") this.push(name === "lbrack" ? "open" : "close", name === "lbrack" ? "[" : "]", position, end)
    else if (/^[lr]?[vV]ert$/.test(name)) this.push("operator", "|", position, end)
    else if (name === "colon") this.push("colon", ":", position, end)
    else if (name === "land" || name === "wedge" || name === "lor" || name === "vee")
      this.push("separator", name === "land" || name === "wedge" ? "and" : "or", position, end)
    else if (name === "sum" || name === "prod" || name === "choose" || name === "over") this.push("command", name, position, end)
    else if (ignoredCommands.has(name)) {
      const figure = this.options.algebraOnly ? undefined : figureCommands.get(name)
      if (figure !== undefined) this.figure = figure
      if ((name === "left" || name === "right") && this.source[end] === ".") return end + 1
    } else if (name.startsWith("quad") && name.length === 5) return this.letter(name[4]!, end - 1, end)
    else if (name.startsWith("cdot") && name.length === 5) this.push("operator", "*", position, end - 1)
    else this.push("unknown", name, position, end)
    return end
  }

  /** f \circ g, and not 45\circ. */
  private composes(end: number): boolean {
    const kind = this.previous?.kind
    if (this.options.algebraOnly || (kind !== "letter" && kind !== "close")) return false
    return /^[\s~]*(?:[A-Za-z(]|\\(?:left|big|Big)?[A-Za-z(])/.test(this.source.slice(end, end + 12))
  }

  private symbol(character: string, position: number): number {
    const pair = this.source.slice(position, position + 2)
    const single = position + 1
    if (pair === "**") return this.pushed("operator", "^", position, 2)
    // 5!=120 is a factorial, x != 3 is not.
    if (pair === "!=" && /[\d)\]}]/.test(this.source[position - 1] ?? "")) return this.pushed("operator", "!", position, 1)
    if (pair === "<=" || pair === ">=" || pair === "!=" || pair === "==") return this.pushed("relation", pair === "==" ? "=" : pair, position, 2)
    if (pair === "~=") return this.pushed("relation", "~", position, 2)
    if (pair === "->" || pair === "=>") return this.pushed("relation", pair === "->" ? "to" : "implies", position, 2)
    if ("=<>".includes(character)) return this.pushed("relation", character, position, 1)
    if ("+-*/^_!'|&".includes(character)) return this.pushed(character === "&" ? "ampersand" : "operator", character, position, 1)
    if ("([{".includes(character)) return this.pushed("open", character, position, 1)
    if (")]}".includes(character)) return this.pushed("close", character, position, 1)
    if (character === "," || character === ";") return this.pushed("separator", character, position, 1)
    if (character === ":") return this.pushed("colon", ":", position, 1)
    if (character === "%") return this.pushed("percent", "%", position, 1)
    if (/[.?`]/.test(character)) {
      if (this.source.startsWith("...", position)) return this.pushed("dots", "...", position, 3)
      this.push("unknown", character, position, single)
      return single
    }
    const word = this.at(wordRun, position)
    if (word !== null) return this.word(word[0], position)
    this.push("unknown", character, position, single)
    return single
  }

  private pushed(kind: TokenKind, text: string, position: number, length: number): number {
    this.push(kind, text, position, position + length)
    return position + length
  }
}

/**
 * Tokens of an answer, brackets matched.
 * @throws BudgetExceeded
 */
export function lex(text: string, options: ReadingOptions, budget: Budget): LexedAnswer {
  const source = toLatexCharacters(text.slice(0, maxAnswerCharacters))
  budget.charge(source.length)
  const lexer = new Lexer(source, options)
  lexer.run(0, source.length, false)
  const { tokens, match, unbalanced } = matchBrackets(lexer.tokens)
  return { source, tokens, match, unbalanced, ambiguousThousands: lexer.ambiguousThousands }
}

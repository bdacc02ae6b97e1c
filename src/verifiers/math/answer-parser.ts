/** The structure layer: lists, sets, tuples, intervals, unions, relations, ratios; values at the leaves. */
import type { Answer, RelationOperator } from "./answer.ts"
import { AnswerTokens } from "./answer-tokens.ts"
import type { Budget } from "./budget.ts"
import { mayHoldCalendar, parseCalendar } from "./calendar.ts"
import { maxDepth } from "./expression-parser.ts"
import { lex } from "./lexer.ts"
import { parsePiecewise } from "./piecewise.ts"
import { distinctSolutions, isLogic, namedSolutions } from "./solutions.ts"
import type { LexedAnswer, ReadingOptions, Token } from "./token.ts"
import { sumOfParts } from "./units/quantity.ts"
import { ValueParser } from "./value-parser.ts"
import { rewriteForms } from "./written-forms.ts"

export interface Reading extends ReadingOptions {
  readonly tightDivision: boolean
  readonly naturalLogarithm: boolean
  /** Rewrites written forms, and reads dates, clock times and piecewise functions. */
  readonly forms: boolean
}

export interface ParsedAnswer {
  readonly answer: Answer
  /** Which of the choices in `Reading` would read this source differently. */
  readonly ambiguous: { readonly thousands: boolean; readonly division: boolean; readonly logarithm: boolean }
}

/** Most items of a list, set or tuple. */
const maxItems = 200

// Words before a value that say nothing about it.
const fillerWords = new Set(
  "approximately about roughly exactly around only is are be the a an total of answer equals equal to value final x= simply just we get have either both all".split(" "),
)

const relationOperators: ReadonlySet<string> = new Set(["=", "!=", "<", "<=", ">", ">=", "in", "notin"])

/**
 * Reads an answer. What cannot be read is a "text" answer.
 * @throws BudgetExceeded
 */
export function parseAnswer(source: string, reading: Reading, budget: Budget): ParsedAnswer {
  const lexed = lex(reading.forms ? rewriteForms(source) : source, reading, budget)
  const ambiguous = { thousands: lexed.ambiguousThousands, division: false, logarithm: false }
  const pieces = reading.forms
    ? parsePiecewise(lexed.source, (part) => parseAnswer(part, reading, budget).answer)
    : undefined
  if (pieces !== undefined) return { answer: pieces, ambiguous }
  const parser = new AnswerParser(lexed, reading, budget)
  const answer = parser.range(0, lexed.tokens.length)
  return {
    answer,
    ambiguous: { ...ambiguous, division: parser.values.ambiguousDivision, logarithm: parser.values.ambiguousLogarithm },
  }
}

class AnswerParser {
  readonly values: ValueParser
  private readonly lexed: AnswerTokens
  private readonly reading: Reading
  private readonly budget: Budget
  private readonly mayHoldCalendar: boolean
  private depth = 0

  constructor(lexed: LexedAnswer, reading: Reading, budget: Budget) {
    this.lexed = new AnswerTokens(lexed)
    this.values = new ValueParser(this.lexed, reading, budget)
    this.reading = reading
    this.budget = budget
    this.mayHoldCalendar = reading.forms && mayHoldCalendar(lexed.source)
  }

  private text(start: number, end: number): Answer {
    if (
      /^(?:(?:all|the|set|of)\s+)*reals?(?:\s+numbers?)?$/i.test(this.lexed.key(start, end).replaceAll(/\s+/g, " "))
    ) {
      return { kind: "numberSet", name: "R", key: this.lexed.key(start, end) }
    }
    const tokens = this.lexed.tokens.slice(start, end)
    const words = !this.reading.algebraOnly && tokens.some(({ kind, text }) => kind === "word" && text.length > 1)
    const garbled = tokens.some(({ kind, text }) => {
      if (kind === "number") return !words
      if (kind === "unknown") return !words || !/^[.?!`]$/.test(text)
      return kind === "command" || kind === "environmentBegin"
    })
    return { kind: "text", garbled, key: this.lexed.key(start, end) }
  }

  /** Reads tokens [start, end). */
  range(from: number, to: number): Answer {
    if (++this.depth > maxDepth) {
      this.depth--
      return { kind: "text", garbled: true, key: this.lexed.key(from, to) }
    }
    this.budget.charge(2 + (to - from))
    const [start, end] = this.trim(from, to)
    const answer =
      this.calendar(start, end) ??
      this.implication(start, end) ??
      this.list(start, end) ??
      this.relation(start, end) ??
      this.setOperation(start, end) ??
      this.bracketed(start, end) ??
      this.ratio(start, end) ??
      this.values.parse(start, end) ??
      this.text(start, end)
    this.depth--
    return answer
  }

  /** Takes off punctuation, fillers and braces that enclose everything. */
  private trim(from: number, to: number): [number, number] {
    let [start, end] = [from, to]
    const { tokens, match } = this.lexed
    for (;;) {
      const first = tokens[start]
      const last = tokens[end - 1]
      if (start >= end || first === undefined || last === undefined) return [start, end]
      if (last.kind === "separator" || last.kind === "colon" || (last.kind === "unknown" && /^[.?!]$/.test(last.text)))
        end--
      else if (first.kind === "separator" || first.kind === "colon") start++
      else if (first.kind === "open" && first.text === "{" && match[start] === end - 1) {
        start++
        end--
      } else if (end - start > 1 && this.isFiller(first)) start++
      else return [start, end]
    }
  }

  private isFiller(token: Token): boolean {
    return (
      token.kind === "word" && fillerWords.has(/^[A-Z][a-z]/.test(token.text) ? token.text.toLowerCase() : token.text)
    )
  }

  private parts(start: number, end: number, cuts: readonly number[]): [number, number][] {
    return [start, ...cuts.map((cut) => cut + 1)].map((from, index) => [from, cuts[index] ?? end])
  }

  private calendar(start: number, end: number): Answer | undefined {
    if (!this.mayHoldCalendar || start >= end) return undefined
    const { source, tokens } = this.lexed
    return parseCalendar(source.slice(tokens[start]!.start, tokens[end - 1]!.end))
  }

  /** a => b: the conclusion is the answer. */
  private implication(start: number, end: number): Answer | undefined {
    if (!this.lexed.kinds.has("relation")) return undefined
    const cuts = this.lexed.topLevel(start, end, (token) => token.kind === "relation" && token.text === "implies")
    const last = cuts.at(-1)
    return last === undefined || last + 1 >= end ? undefined : this.range(last + 1, end)
  }

  private list(start: number, end: number): Answer | undefined {
    if (!this.lexed.kinds.has("separator")) return undefined
    const separators = this.lexed.topLevel(start, end, (token) => token.kind === "separator")
    if (separators.length === 0 || separators.length > maxItems) return undefined
    const words = new Set(separators.map((cut) => this.lexed.tokens[cut]!.text))
    const connective = words.has("or") ? "or" : words.has("and") ? "and" : ","
    // "or" binds less tightly than "and" and commas.
    const cuts = words.has("or") ? separators.filter((cut) => this.lexed.tokens[cut]!.text === "or") : separators
    const ranges = this.parts(start, end, cuts).filter(([from, to]) => to > from)
    const parts = ranges.map(([from, to]) => this.range(from, to))
    const solutions = namedSolutions(parts.flatMap(flatten))
    const items =
      solutions ?? distinctSolutions(parts.flatMap((part) => (isLogic(part, connective) ? [part] : flatten(part))))
    const quantities =
      connective === "or"
        ? []
        : items.flatMap((item) => (item.kind === "expression" && item.units.length > 0 ? [item] : []))
    const whole = quantities.length === items.length ? sumOfParts(quantities) : undefined
    if (whole !== undefined) return { kind: "expression", ...whole, key: this.lexed.key(start, end) }
    if (items.length === 1) return items[0]!
    const [first] = items
    if (
      first?.kind === "relation" &&
      first.operators.join() === "!=" &&
      items.slice(1).every((item) => item.kind === "expression")
    ) {
      // x \ne 1, 2
      const [name] = first.operands
      const excluded = items.map((item): Answer =>
        item === first ? first : { ...first, operands: [name!, item], key: `${name!.key}!=${item.key}` },
      )
      return { kind: "list", items: excluded, connective: "and", key: this.lexed.key(start, end) }
    }
    // A sentence with commas is a sentence.
    if (items.every((item) => item.kind === "text" && / /.test(item.key)) && items.length > 1)
      return this.text(start, end)
    return { kind: "list", items, connective, key: this.lexed.key(start, end) }
  }

  private relation(start: number, end: number): Answer | undefined {
    if (!this.lexed.kinds.has("relation")) return undefined
    const cuts = this.lexed.topLevel(start, end, (token) => token.kind === "relation")
    if (cuts.length === 0) return undefined
    const operators = cuts.map((cut) => this.lexed.tokens[cut]!.text)
    const approximation = operators.indexOf("~")
    if (approximation >= 0) return this.approximation(start, end, cuts[approximation]!)
    if (!operators.every((operator) => relationOperators.has(operator))) return this.text(start, end)
    const ranges = this.parts(start, end, cuts)
    // "= 5" and "x =" are halves of a relation: the other half is the answer.
    const filled = ranges.filter(([from, to]) => to > from)
    if (filled.length === 1) return this.halfRelation(start, end, operators, filled[0]!)
    if (filled.length !== ranges.length) return this.text(start, end)
    const operands = ranges.map(([from, to]) => this.range(from, to))
    const last = operands.at(-1)!
    const key = this.lexed.key(start, end)
    if (operators.at(-1) === "in" && operands.length === 2) return { ...last, key: last.key }
    const relation = (operand: Answer, suffix: string): Answer => ({
      kind: "relation",
      operands: [...operands.slice(0, -1), operand],
      operators: operators as RelationOperator[],
      key: key + suffix,
    })
    const signed =
      cuts.length > 0 && this.lexed.topLevel(ranges.at(-1)![0], end, (token) => token.kind === "plusMinus").length > 0
    if (signed && last.kind === "list" && operators.at(-1) === "=") {
      return {
        kind: "list",
        items: last.items.map((item, index) => relation(item, ` #${index}`)),
        connective: "or",
        key,
      }
    }
    return relation(last, "")
  }

  /** "= 5" and "x =" leave the other half as the answer; "> 5" is no 5, and says it of x. */
  private halfRelation(
    start: number,
    end: number,
    operators: readonly string[],
    [from, to]: readonly [number, number],
  ): Answer {
    const [operator] = operators
    if (operators.length !== 1 || operator === "=") return this.range(from, to)
    const bound = this.range(from, to)
    if (from === start || bound.kind !== "expression" || !this.reading.forms) return this.text(start, end)
    const name: Answer = { kind: "expression", units: [], expression: { kind: "symbol", name: "x" }, key: "x" }
    return {
      kind: "relation",
      operands: [name, bound],
      operators: [operator as RelationOperator],
      key: this.lexed.key(start, end),
    }
  }

  private approximation(start: number, end: number, cut: number): Answer | undefined {
    if (cut === start && !this.reading.forms) return this.range(cut + 1, end)
    const exact = this.range(start, cut)
    if (cut + 1 >= end) return exact
    const approximate = this.range(cut + 1, end)
    // \triangle ABC \cong \triangle DEF approximates nothing.
    const named = (side: Answer): boolean => side.kind === "expression" && side.letters !== undefined
    if (named(exact) && named(approximate)) return this.text(start, end)
    return { kind: "approximation", exact, approximate, key: this.lexed.key(start, end) }
  }

  private setOperation(start: number, end: number): Answer | undefined {
    const cuts = this.lexed.kinds.has("setOperator")
      ? this.lexed.topLevel(start, end, (token) => token.kind === "setOperator")
      : []
    const last = cuts.at(-1)
    if (last === undefined) return this.lexed.kinds.has("open") ? this.plainSetOperation(start, end) : undefined
    const operator = this.lexed.tokens[last]!.text as "cup" | "cap" | "setminus"
    const same = cuts.filter((cut) => this.lexed.tokens[cut]!.text === operator)
    return this.operation(operator, start, end, operator === "setminus" || same.length !== cuts.length ? [last] : cuts)
  }

  /** (1,2) U (3,4) and R - {1}. */
  private plainSetOperation(start: number, end: number): Answer | undefined {
    const unions = this.lexed.topLevel(
      start,
      end,
      (token, index) =>
        token.text === "U" && token.kind === "letter" && this.isClose(index - 1) && this.isOpen(index + 1),
    )
    if (unions.length > 0) return this.operation("cup", start, end, unions)
    if (!this.lexed.kinds.has("numberSet")) return undefined
    const minus = this.lexed.topLevel(
      start,
      end,
      (token, index) =>
        token.text === "-" && this.lexed.tokens[index - 1]?.kind === "numberSet" && this.isOpen(index + 1),
    )
    return minus.length === 1 ? this.operation("setminus", start, end, minus) : undefined
  }

  private isClose(index: number): boolean {
    return this.lexed.tokens[index]?.kind === "close"
  }

  private isOpen(index: number): boolean {
    return this.lexed.tokens[index]?.kind === "open"
  }

  private operation(operator: "cup" | "cap" | "setminus", start: number, end: number, cuts: readonly number[]): Answer {
    const parts = this.parts(start, end, cuts).map(([from, to]) => this.range(from, to))
    return { kind: "setOperation", operator, parts, key: this.lexed.key(start, end) }
  }

  private bracketed(start: number, end: number): Answer | undefined {
    const first = this.lexed.tokens[start]
    if (start >= end || first === undefined) return undefined
    if (end - start === 1 && first.kind === "emptySet") return { kind: "set", items: [], key: "\\{\\}" }
    if (end - start === 1 && first.kind === "numberSet")
      return { kind: "numberSet", name: first.text, key: this.lexed.key(start, end) }
    if (first.kind !== "open" || this.lexed.match[start] !== end - 1) return undefined
    const key = this.lexed.key(start, end)
    const closing = this.lexed.tokens[end - 1]!.text
    if (first.text === "\\{") return this.braces(start + 1, end - 1, key)
    if (first.text !== "(" && first.text !== "[" && first.text !== "langle") return undefined
    const cuts = this.lexed.topLevel(start + 1, end - 1, (token) => token.kind === "separator")
    if (cuts.length > maxItems) return this.text(start, end)
    const ranges = this.parts(start + 1, end - 1, cuts)
    const symmetric = (first.text === "(" && closing === ")") || (first.text === "[" && closing === "]")
    // (p \lor q) is a statement and no pair.
    if (cuts.every((cut) => /^(?:and|or)$/.test(this.lexed.tokens[cut]!.text))) {
      if (!symmetric || start + 1 >= end - 1) return undefined
      const inner = this.range(start + 1, end - 1)
      return inner.kind === "expression" || inner.kind === "text" ? undefined : inner
    }
    if (ranges.some(([from, to]) => to <= from)) return this.text(start, end)
    const items = ranges.map(([from, to]) => this.range(from, to))
    const tuple = (entries: readonly Answer[], suffix: string): Answer => ({
      kind: "tuple",
      items: entries,
      open: first.text === "[" ? "[" : "(",
      close: closing === "]" ? "]" : ")",
      key: key + suffix,
    })
    const signed = this.lexed.topLevel(start + 1, end - 1, (token) => token.kind === "plusMinus").length
    if (signed === 0 || signed > 4 || !items.some((item) => item.kind === "list")) return tuple(items, "")
    // (\pm 1, 0) is two points, (\pm 1, \pm 2) four.
    const points = items.reduce<Answer[][]>(
      (all, item) => all.flatMap((point) => flatten(item).map((each) => point.concat(each))),
      [[]],
    )
    return { kind: "list", items: points.map((point, index) => tuple(point, ` #${index}`)), connective: "or", key }
  }

  private braces(start: number, end: number, key: string): Answer {
    if (start >= end) return { kind: "set", items: [], key: "\\{\\}" }
    const bar = this.lexed.topLevel(
      start,
      end,
      (token) => token.kind === "colon" || token.text === "|" || token.text === "mid",
    ).at(0)
    if (bar !== undefined && this.lexed.topLevel(bar + 1, end, (token) => token.kind === "relation").length > 0) {
      const condition = this.range(bar + 1, end)
      const within = this.lexed.topLevel(start, bar, (token) => token.kind === "relation").at(0)
      // \{x \in \mathbb{Z} : ...\} is not a set of reals.
      if (within === undefined || this.lexed.tokens[bar - 1]?.text === "R")
        return { kind: "setBuilder", condition, key }
      return { kind: "text", garbled: false, key }
    }
    const inner = this.range(start, end)
    return { kind: "set", items: inner.kind === "list" ? inner.items : [inner], key }
  }

  private ratio(start: number, end: number): Answer | undefined {
    if (!this.lexed.kinds.has("colon")) return undefined
    const cuts = this.lexed.topLevel(start, end, (token) => token.kind === "colon")
    if (cuts.length === 0) return undefined
    const ranges = this.parts(start, end, cuts)
    const parts = ranges.map(([from, to]) => this.range(from, to))
    if (parts.every((part) => part.kind === "expression"))
      return { kind: "ratio", parts, key: this.lexed.key(start, end) }
    // "Answer: 5" and "Area: 12": a label.
    const last = parts.at(-1)!
    return parts.slice(0, -1).every((part) => part.kind === "text") && last.kind !== "text"
      ? last
      : this.text(start, end)
  }
}

/** Items of a nested list (from \pm or a bracketless sublist) join the list they stand in. */
function flatten(answer: Answer): readonly Answer[] {
  return answer.kind === "list" ? answer.items.flatMap(flatten) : [answer]
}

/** The leaves of an answer: an expression with the units, currency and scale words that it carries. */
import type { Answer } from "./answer.ts"
import type { AnswerTokens } from "./answer-tokens.ts"
import type { Budget } from "./budget.ts"
import { ExpressionParser, ParseFailure } from "./expression-parser.ts"
import type { ExpressionReading } from "./expression-parser.ts"
import type { Expression } from "./expression.ts"
import type { LetterString } from "./letter-strings.ts"
import { changesValue } from "./phrase.ts"
import type { Token } from "./token.ts"
import { sumOfParts } from "./units/quantity.ts"
import type { Quantity } from "./units/quantity.ts"
import { degreeMeanings, readUnit, spellsUnit, temperatureScale, timesUnit } from "./units/unit-reader.ts"
import { unitsNamed } from "./units/unit-table.ts"
import { isMoney } from "./units/unit.ts"
import type { Unit } from "./units/unit.ts"

export type ValueReading = Omit<ExpressionReading, "plusMinus">

export class ValueParser {
  /** Whether another reading of divisions, or of log, would give another value. */
  ambiguousDivision = false
  ambiguousLogarithm = false
  private readonly lexed: AnswerTokens
  private readonly reading: ValueReading
  private readonly budget: Budget

  constructor(lexed: AnswerTokens, reading: ValueReading, budget: Budget) {
    this.lexed = lexed
    this.reading = reading
    this.budget = budget
  }

  /**
   * Reads tokens [start, end); two values where it has a sign of either kind.
   * @returns undefined when they are no value
   * @throws BudgetExceeded
   */
  parse(start: number, end: number): Answer | undefined {
    if (start >= end) return undefined
    const plusMinus =
      this.lexed.kinds.has("plusMinus") && this.lexed.tokens.slice(start, end).some(({ kind }) => kind === "plusMinus")
    const first = this.expression(start, end, 1)
    if (first === undefined) return undefined
    if (!plusMinus) return first
    const second = this.expression(start, end, -1)
    if (second === undefined) return undefined
    const key = this.lexed.key(start, end)
    return {
      kind: "list",
      items: [
        { ...first, key: `${key} +` },
        { ...second, key: `${key} -` },
      ],
      connective: "or",
      key,
    }
  }

  private expression(start: number, end: number, plusMinus: 1 | -1): Answer | undefined {
    if (end - start > 1 && this.isCurrencyName(this.lexed.tokens[start]!)) {
      const amount = this.expression(start + 1, end, plusMinus)
      if (amount?.kind !== "expression") return amount
      const others = amount.units.filter((unit) => !isMoney(unit))
      return {
        ...amount,
        units: timesUnit(unitsNamed(this.lexed.tokens[start]!.text), others),
        key: this.lexed.key(start, end),
      }
    }
    const parsed = this.scalar(start, end, plusMinus)
    if (parsed === undefined) return this.partsOfUnits(start, end)
    const { expression, stop } = parsed
    const key = this.lexed.key(start, end)
    const own = this.ownUnits(expression, start, stop)
    if (stop === end) {
      const letters = this.letters(start, end)
      if (letters !== undefined) return { kind: "expression", expression, units: own, letters, key }
      const lettersAsUnit = this.lettersAsUnit(start, end)
      return {
        kind: "expression",
        expression,
        units: own,
        key,
        ...(lettersAsUnit === undefined ? {} : { lettersAsUnit, unitStandsApart: this.isNumberAndLetter(start, end) }),
      }
    }
    if (!this.isUnitPhrase(stop, end)) return this.partsOfUnits(start, end)
    return {
      kind: "expression",
      expression,
      units: this.unitsBehind(own, stop, end),
      words: this.lexed.key(stop, end),
      key,
    }
  }

  /** The expression that begins at a token, and where it stops. */
  private scalar(
    start: number,
    end: number,
    plusMinus: 1 | -1,
  ): { readonly expression: Expression; readonly stop: number } | undefined {
    const { tightDivision, naturalLogarithm, algebraOnly } = this.reading
    const reading: ExpressionReading = { plusMinus, tightDivision, naturalLogarithm, algebraOnly }
    const parser = new ExpressionParser(this.lexed, start, end, reading, this.budget)
    try {
      const expression = parser.parseWhole()
      this.ambiguousDivision ||= parser.ambiguousDivision
      this.ambiguousLogarithm ||= parser.ambiguousLogarithm
      return { expression, stop: parser.position }
    } catch (error) {
      if (error instanceof ParseFailure) return undefined
      throw error
    }
  }

  private isCurrencyName({ kind, text }: Token): boolean {
    return (
      !this.reading.algebraOnly &&
      kind === "word" &&
      /^(?:Rs|RMB|[A-Z]{3})$/.test(text) &&
      unitsNamed(text).some(isMoney)
    )
  }

  /** Units that the value itself carries: a currency's symbol, a degree sign. */
  private ownUnits(expression: Expression, start: number, stop: number): readonly Unit[] {
    if (this.reading.algebraOnly) return []
    let currency: string | undefined
    for (let index = start; index < stop; index++) {
      const own = this.lexed.tokens[index]!.currency
      if (own !== undefined && currency !== undefined && own !== currency) return []
      currency ??= own
    }
    if (currency !== undefined) return unitsNamed(currency)
    const bare = expression.kind === "negate" ? expression.operand : expression
    if (bare.kind !== "degree") return []
    const scale = bare.scale === undefined ? undefined : temperatureScale(bare.scale)
    return scale === undefined ? degreeMeanings : [scale]
  }

  private unitsBehind(own: readonly Unit[], start: number, end: number): readonly Unit[] {
    if (this.reading.algebraOnly) return []
    this.budget.charge(2 * (end - start))
    const scale =
      own === degreeMeanings && end === start + 1 ? temperatureScale(this.lexed.tokens[start]!.text) : undefined
    if (scale !== undefined) return [scale]
    const behind = readUnit(this.lexed, start, end)
    // "$5 dollars" names its currency twice.
    return behind.some(isMoney) || own === degreeMeanings ? behind : timesUnit(own, behind)
  }

  /** The range as a string of letters, when it is nothing else. */
  private letters(start: number, end: number): LetterString | undefined {
    if (this.reading.algebraOnly || end - start < 2) return undefined
    let text = ""
    for (let index = start; index < end; index++) {
      const letter = this.lexed.tokens[index]!.text
      if (!/^[A-Za-z]$/.test(letter)) return undefined
      text += letter
    }
    const { figure } = this.lexed.tokens[start]!
    return { text, ...(figure === undefined ? {} : { figure }) }
  }

  /** 5 m/s in letters alone: five times a variable, or a quantity. */
  private lettersAsUnit(start: number, end: number): Quantity | undefined {
    if (this.reading.algebraOnly) return undefined
    let first = start
    while (first < end && !this.startsLetters(first)) first++
    if (first === start || first === end || !spellsUnit(this.lexed, first, end)) return undefined
    const value = this.scalar(start, first, 1)
    if (value?.stop !== first) return undefined
    const own = this.ownUnits(value.expression, start, first)
    return { expression: value.expression, units: timesUnit(own, readUnit(this.lexed, first, end)) }
  }

  /** A number, a blank and one letter: 5 L is written as a quantity is, 5L as a product. */
  private isNumberAndLetter(start: number, end: number): boolean {
    const [number, letter] = [this.lexed.tokens[start]!, this.lexed.tokens[start + 1]!]
    return end === start + 2 && number.kind === "number" && letter.kind === "letter" && letter.start > number.end
  }

  private startsLetters(index: number): boolean {
    const { kind, text } = this.lexed.tokens[index]!
    return (
      kind === "letter" || (kind === "command" && text === "frac" && this.lexed.tokens[index + 2]?.kind === "letter")
    )
  }

  /** "1 hour 30 minutes", "5 ft 6 in". */
  private partsOfUnits(start: number, end: number): Answer | undefined {
    if (this.reading.algebraOnly || end - start > 16 || !this.lexed.kinds.has("word")) return undefined
    const cuts = this.lexed.topLevel(
      start + 1,
      end,
      (token, index) => token.kind === "number" && this.lexed.tokens[index - 1]!.kind === "word",
    )
    if (cuts.length === 0) return undefined
    const quantities: Quantity[] = []
    for (const [index, from] of [start, ...cuts].entries()) {
      const to = cuts[index] ?? end
      const value = this.scalar(from, to, 1)
      if (value === undefined || value.stop === to || !this.isUnitPhrase(value.stop, to)) return undefined
      quantities.push({ expression: value.expression, units: readUnit(this.lexed, value.stop, to) })
    }
    const whole = sumOfParts(quantities)
    return whole === undefined ? undefined : { kind: "expression", ...whole, key: this.lexed.key(start, end) }
  }

  /** Unit words to the end of the range, with exponents, slashes and dots between them. */
  private isUnitPhrase(start: number, end: number): boolean {
    const { algebraOnly } = this.reading
    const first = this.lexed.tokens[start]!
    // "5 more" alone is a comparison; "5 more days" may be asked for as a number.
    if (!algebraOnly && end === start + 1 && /^(?:more|fewer|less)$/i.test(first.text)) return false
    if (first.kind !== "word" && first.text !== "/" && (algebraOnly || !["*", "frac", "\\mu"].includes(first.text)))
      return false
    let depth = 0
    for (let index = start; index < end; index++) {
      const token = this.lexed.tokens[index]!
      if (!algebraOnly && token.kind === "word" && changesValue(token.text)) return false
      if (token.kind === "open") depth++
      else if (token.kind === "close") depth--
      else if (token.kind === "number") {
        const before = this.lexed.tokens[index - 1]!
        const isExponent = before.text === "^" || before.text === "-" || (before.text === "{" && depth > 0)
        // cm2
        const touches = !algebraOnly && before.kind === "word" && before.end === token.start
        if (!isExponent && !touches) return false
      } else if (token.kind === "operator") {
        if (!/^[*/^-]$/.test(token.text)) return false
      } else if (token.kind === "command") {
        if (algebraOnly || token.text !== "frac") return false
      } else if (
        token.kind !== "letter" &&
        token.kind !== "word" &&
        token.kind !== "unknown" &&
        token.kind !== "degree"
      )
        return false
    }
    return true
  }
}

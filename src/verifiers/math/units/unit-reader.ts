/** Reads a unit behind a value: "km/h", "dollars per hour", "kg m^2 s^{-2}", "square feet", "\frac{m}{s}". */
import type { LexedAnswer, Token } from "../token.ts"
import { compound, isMoney, maxExponent, unitless } from "./unit.ts"
import type { Unit } from "./unit.ts"
import { celsius, fahrenheit, unitsNamed } from "./unit-table.ts"

/** Most meanings of one unit that are followed. */
const maxMeanings = 12

const powerPrefixes: ReadonlyMap<string, number> = new Map([["square", 2], ["sq", 2], ["cubic", 3], ["cu", 3]])
const powerWords: ReadonlyMap<string, number> = new Map([["squared", 2], ["cubed", 3]])
const articles: ReadonlySet<string> = new Set(["a", "an", "each", "every"])
const twoWords: ReadonlyMap<string, string> = new Map([
  ["nautical mile", "nmi"], ["nautical miles", "nmi"], ["light year", "ly"], ["light years", "ly"],
  ["fl oz", "oz"], ["fluid ounce", "oz"], ["fluid ounces", "oz"],
])
const scales: ReadonlyMap<string, Unit> = new Map([
  ["C", celsius], ["Celsius", celsius], ["celsius", celsius], ["centigrade", celsius],
  ["F", fahrenheit], ["Fahrenheit", fahrenheit], ["fahrenheit", fahrenheit],
])

/** The meanings of a degree sign: an angle, or a temperature on either scale. */
export const degreeMeanings: readonly Unit[] = [...unitsNamed("deg"), celsius, fahrenheit]

/** The temperature scale that a letter behind a degree sign names. */
export function temperatureScale(name: string): Unit | undefined {
  return scales.get(name)
}

function combine(left: readonly Unit[], right: readonly Unit[], exponent: number): readonly Unit[] {
  return left.flatMap((a) => right.flatMap((b) => compound(a, b, exponent) ?? [])).slice(0, maxMeanings)
}

class UnitReader {
  private position: number
  private readonly start: number
  private readonly lexed: LexedAnswer
  private readonly end: number

  constructor(lexed: LexedAnswer, start: number, end: number) {
    this.lexed = lexed
    this.start = start
    this.position = start
    this.end = end
  }

  private get token(): Token | undefined {
    return this.position < this.end ? this.lexed.tokens[this.position] : undefined
  }

  private isText(text: string): boolean {
    return this.token?.text === text
  }

  /** All the meanings of the unit; none when no factor of it is a unit. */
  read(): readonly Unit[] {
    let total: readonly Unit[] = [unitless]
    let named = false
    let sign = 1
    /** The next factor stands first, or behind a sign. */
    let expected = true
    for (let token = this.token; token !== undefined; token = this.token) {
      if (this.isText("/") || this.isText("per") || this.isArticle(token)) {
        sign = -1
        expected = true
        this.position++
      } else if (this.isText("*")) {
        sign = 1
        expected = true
        this.position++
      } else {
        const before = this.position
        const factor = this.factor(expected)
        if (factor === undefined) {
          // Words behind a whole unit say no more of it: "5 km from home".
          if (named && !expected) break
          this.position = before + 1
        } else if (named || expected || factor.units.some(isMoney)) {
          const exponent = sign * factor.exponent
          // A factor that stays alone keeps the zero of its scale.
          total = !named && exponent === 1 ? factor.units : combine(total, factor.units, exponent)
          named = true
        }
        expected = false
      }
    }
    return named ? total.filter((unit) => unit.dimension.size > 0) : []
  }

  /** "60 miles an hour", "5 people a day". */
  private isArticle({ kind, text }: Token): boolean {
    const next = this.position + 1 < this.end ? this.lexed.tokens[this.position + 1]! : undefined
    if (kind !== "word" || !articles.has(text) || this.position === this.start) return false
    return next !== undefined && unitsNamed(next.text).length > 0
  }

  private factor(inchAllowed: boolean): { readonly units: readonly Unit[]; readonly exponent: number } | undefined {
    let exponent = 1
    let prefix = this.token?.kind === "word" ? powerPrefixes.get(this.token.text.toLowerCase()) : undefined
    while (prefix !== undefined) {
      exponent *= prefix
      this.position++
      while (this.isText(".")) this.position++
      prefix = this.token === undefined ? undefined : powerPrefixes.get(this.token.text.toLowerCase())
    }
    const units = this.base(inchAllowed || exponent !== 1)
    if (units.length === 0) return undefined
    return { units, exponent: exponent * this.exponent() }
  }

  /** One named unit, a bracketed one, or a fraction of units. */
  private base(inchAllowed: boolean): readonly Unit[] {
    const token = this.token
    if (token === undefined) return []
    const match = this.lexed.match[this.position]!
    if (token.kind === "open" && match > this.position && match < this.end) {
      const inner = new UnitReader(this.lexed, this.position + 1, match).read()
      this.position = match + 1
      return inner
    }
    if (token.kind === "command" && token.text === "frac") {
      this.position++
      const [above, below] = [this.base(true), this.base(true)]
      return above.length === 0 || below.length === 0 ? [] : combine(above, below, -1)
    }
    if (token.kind !== "word" && token.kind !== "letter") return []
    const next = this.position + 1 < this.end ? this.lexed.tokens[this.position + 1] : undefined
    const double = twoWords.get(`${token.text} ${next?.text ?? ""}`.toLowerCase())
    if (double !== undefined) {
      this.position += 2
      return unitsNamed(double).filter((unit) => double !== "oz" || unit.dimension.has("m"))
    }
    if (token.text === "\\mu" && next !== undefined) {
      const micro = unitsNamed(`\\mu${next.text}`)
      if (micro.length > 0) this.position += 2
      return micro
    }
    if (/^deg(?:rees?)?$/i.test(token.text)) return this.degrees(next)
    if (token.text === "in" && !inchAllowed) return []
    const units = unitsNamed(token.text)
    if (units.length > 0) this.position++
    return units
  }

  private degrees(next: Token | undefined): readonly Unit[] {
    const scale = next === undefined ? undefined : temperatureScale(next.text)
    this.position += scale === undefined ? 1 : 2
    return scale === undefined ? degreeMeanings : [scale]
  }

  private exponent(): number {
    const token = this.token
    const power = token?.kind === "word" ? powerWords.get(token.text) : undefined
    if (power !== undefined) {
      this.position++
      return power
    }
    // cm2 is written for cm^2.
    const touches = this.lexed.tokens[this.position - 1]!.end === token?.start
    if (token?.kind === "number" && touches) return this.digits(token)
    if (!this.isText("^")) return 1
    this.position++
    const braced = this.isText("{") || this.isText("(")
    if (braced) this.position++
    const negative = this.isText("-")
    if (negative) this.position++
    const number = this.token
    const value = number?.kind === "number" ? this.digits(number) : 1
    if (braced && this.token?.kind === "close") this.position++
    return negative ? -value : value
  }

  private digits(token: Token): number {
    this.position++
    const value = Number(token.text)
    return Number.isInteger(value) && value <= maxExponent ? value : maxExponent + 1
  }
}

/**
 * The meanings of the unit in tokens [start, end): more than one for "pounds" or "oz". Nouns that are no units count
 * nothing; empty when nothing there is a unit.
 */
export function readUnit(lexed: LexedAnswer, start: number, end: number): readonly Unit[] {
  return new UnitReader(lexed, start, end).read()
}

/** The meanings of one unit times those of another. */
export function timesUnit(left: readonly Unit[], right: readonly Unit[]): readonly Unit[] {
  if (left.length === 0 || right.length === 0) return left.length === 0 ? right : left
  return combine(left, right, 1)
}

/** Can every letter from a token on be read as a unit: 5 m/s? */
export function spellsUnit(lexed: LexedAnswer, start: number, end: number): boolean {
  let letters = 0
  for (let index = start; index < end; index++) {
    const { kind, text } = lexed.tokens[index]!
    const before = index === start ? "" : lexed.tokens[index - 1]!.text
    if (kind === "letter" || kind === "word") {
      letters++
      if (text !== "\\mu" && unitsNamed(text).length === 0) return false
    } else if (kind === "number") {
      if (!/^\d{1,2}$/.test(text) || !/^[{^-]$/.test(before)) return false
    } else if (text === "-") {
      if (!/^[{^(]$/.test(before)) return false
    } else if (kind !== "open" && kind !== "close" && text !== "frac" && !/^[*/^]$/.test(text)) return false
  }
  return letters > 0
}

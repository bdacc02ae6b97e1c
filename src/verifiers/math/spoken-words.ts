/** Words that are arithmetic: scale words ("1.5 million"), "5 squared", "8 out of 10", "3 to 4", "negative 5". */
import type { Rational } from "./rational.ts"
import { integer } from "./rational.ts"
import type { TokenKind } from "./token.ts"

/** A token that a word stands for. */
export interface SpokenToken {
  readonly kind: TokenKind
  readonly text: string
  readonly value?: Rational
}

export interface Spoken {
  readonly tokens: readonly SpokenToken[]
  /** Position in the source behind what was read. */
  readonly end: number
}

const scales: ReadonlyMap<string, Rational> = new Map(
  (
    [
      ["dozen dozens", 12n],
      ["hundred hundreds", 100n],
      ["thousand thousands", 1000n],
      ["lakh lakhs", 100_000n],
      ["million millions", 1_000_000n],
      ["crore crores", 10_000_000n],
      ["billion billions bn", 1_000_000_000n],
      ["trillion trillions", 1_000_000_000_000n],
      ["quadrillion", 1_000_000_000_000_000n],
    ] as const
  ).flatMap(([names, value]) => names.split(" ").map((name): [string, Rational] => [name, integer(value)])),
)
const fractions: ReadonlyMap<string, bigint> = new Map([
  ["tenth", 10n],
  ["tenths", 10n],
  ["hundredth", 100n],
  ["hundredths", 100n],
  ["thousandth", 1000n],
  ["thousandths", 1000n],
  ["millionth", 1_000_000n],
  ["millionths", 1_000_000n],
])
const powers: ReadonlyMap<string, number> = new Map([
  ["squared", 2],
  ["cubed", 3],
])
const signs: ReadonlyMap<string, string> = new Map([
  ["negative", "-"],
  ["minus", "-"],
  ["plus", "+"],
])

const beforeNumber = /[\s}~$]*(?:\\(?:text|mathrm)\s*\{)?[\s~]*(?=[\d.])/y
const ofNumber = /[\s~]+of[\s}~$]*(?=\d)/y

function times(value: Rational): SpokenToken[] {
  return [
    { kind: "operator", text: "*" },
    {
      kind: "number",
      text: value.denominator === 1n ? String(value.numerator) : `${value.numerator}/${value.denominator}`,
      value,
    },
  ]
}

function standsBefore(pattern: RegExp, source: string, position: number): boolean {
  pattern.lastIndex = position
  return pattern.test(source)
}

/**
 * The arithmetic that a word stands for, or undefined.
 * @param previous  kind of the token before it
 * @param end       position behind the word
 */
export function spokenWord(
  word: string,
  previous: TokenKind | undefined,
  source: string,
  end: number,
): Spoken | undefined {
  const lower = word.toLowerCase()
  const afterNumber = previous === "number"
  if (afterNumber || previous === "close" || previous === "letter") {
    const scale = scales.get(lower)
    if (scale !== undefined) return { tokens: times(scale), end }
    const power = powers.get(lower)
    if (power !== undefined) {
      const number: SpokenToken = { kind: "number", text: String(power), value: integer(power) }
      return { tokens: [{ kind: "operator", text: "^" }, number], end }
    }
  }
  const part = afterNumber ? fractions.get(lower) : undefined
  if (part !== undefined) return { tokens: times({ numerator: 1n, denominator: part }), end }
  if (lower === "out" && afterNumber) {
    if (!standsBefore(ofNumber, source, end)) return undefined
    return { tokens: [{ kind: "operator", text: "/" }], end: source.indexOf("of", end) + 2 }
  }
  const sign = signs.get(lower)
  if ((sign === undefined && lower !== "to") || !standsBefore(beforeNumber, source, end)) return undefined
  if (sign === undefined) return afterNumber ? { tokens: [{ kind: "colon", text: ":" }], end } : undefined
  return lower === "negative" && afterNumber ? undefined : { tokens: [{ kind: "operator", text: sign }], end }
}

/** "$5M" and "$2.5bn": the factor of a letter behind an amount of money. */
export function moneySuffix(source: string, position: number): Spoken | undefined {
  suffix.lastIndex = position
  const found = suffix.exec(source)
  return found === null ? undefined : { tokens: times(suffixes.get(found[1]!)!), end: position + found[0].length }
}

const suffix = / ?(k|K|bn|mn|m|M|B)(?![A-Za-z\\])/y
const suffixes: ReadonlyMap<string, Rational> = new Map([
  ["k", integer(1000)],
  ["K", integer(1000)],
  ["m", integer(1_000_000)],
  ["mn", integer(1_000_000)],
  ["M", integer(1_000_000)],
  ["bn", integer(1_000_000_000)],
  ["B", integer(1_000_000_000)],
])

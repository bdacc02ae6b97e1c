/**
 * The units of the algebraic reading: the few simple ones that the ports of published graders convert. Kept apart from
 * the unit table, so that those graders stay what they are when it grows.
 */
import type { Rational } from "../rational.ts"

export interface SimpleUnit {
  readonly kind: "length" | "mass" | "time" | "money"
  /** In the base unit of its kind. */
  readonly size: Rational
}

const sizes: ReadonlyMap<string, SimpleUnit> = new Map(
  (
    [
      ["length", 1n, 1000n, "mm millimeter millimeters"],
      ["length", 1n, 1n, "m meter meters metre metres"],
      ["length", 1n, 100n, "cm centimeter centimeters centimetre centimetres"],
      ["length", 1000n, 1n, "km kilometer kilometers kilometre kilometres"],
      ["length", 254n, 10_000n, "in inch inches"],
      ["length", 3048n, 10_000n, "ft foot feet"],
      ["length", 9144n, 10_000n, "yd yard yards"],
      ["length", 1_609_344n, 1000n, "mi mile miles"],
      ["mass", 1n, 1n, "g gram grams gm"],
      ["mass", 1000n, 1n, "kg kilogram kilograms"],
      ["mass", 1n, 1000n, "mg"],
      ["time", 1n, 1n, "s sec secs second seconds"],
      ["time", 60n, 1n, "min mins minute minutes"],
      ["time", 3600n, 1n, "h hr hrs hour hours"],
      ["time", 86_400n, 1n, "day days"],
      ["time", 604_800n, 1n, "week weeks"],
      ["money", 1n, 100n, "cent cents"],
      ["money", 1n, 1n, "dollar dollars usd"],
    ] as const
  ).flatMap(([kind, numerator, denominator, names]) => {
    const unit: SimpleUnit = { kind, size: { numerator, denominator } }
    return names.split(" ").map((name): [string, SimpleUnit] => [name, unit])
  }),
)

/** The unit that words behind a value name; undefined for none and for a compound one. */
export function simpleUnit(words: string): SimpleUnit | undefined {
  const trimmed = words.trim()
  return /[*^/]|\s[a-zA-Z]/.test(trimmed) ? undefined : sizes.get(/^[A-Za-z]+/.exec(trimmed)?.[0] ?? "")
}

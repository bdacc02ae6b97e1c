/**
 * Units by name. Factors are exact: SI brochure (9th edition, 2019), the international yard and pound of 1959, and the
 * US customary measures of NIST Handbook 44, appendix C.
 */
import type { Rational } from "../rational.ts"
import { multiply, parseDecimal, rational } from "../rational.ts"
import type { Dimension, Unit } from "./unit.ts"

/** [names, factor to the base units, dimension as "m.s-2", power of pi] */
type Row = readonly [names: string, factor: string, dimension: string, pi?: number]

/** Symbols that take the prefixes of SI: kPa, mL, MeV. */
const prefixedSymbols: readonly Row[] = [
  ["m", "1", "m"],
  ["g", "1/1000", "kg"],
  ["s", "1", "s"],
  ["A", "1", "A"],
  ["K", "1", "K"],
  ["mol", "1", "mol"],
  ["cd", "1", "cd"],
  ["Hz", "1", "s-1"],
  ["N", "1", "kg.m.s-2"],
  ["Pa", "1", "kg.m-1.s-2"],
  ["J", "1", "kg.m2.s-2"],
  ["W", "1", "kg.m2.s-3"],
  ["C", "1", "A.s"],
  ["V", "1", "kg.m2.s-3.A-1"],
  ["F", "1", "kg-1.m-2.s4.A2"],
  ["\\Omega", "1", "kg.m2.s-3.A-2"],
  ["S", "1", "kg-1.m-2.s3.A2"],
  ["Wb", "1", "kg.m2.s-2.A-1"],
  ["T", "1", "kg.s-2.A-1"],
  ["H", "1", "kg.m2.s-2.A-2"],
  ["lm lx", "1", "cd"],
  ["Bq", "1", "s-1"],
  ["Gy Sv", "1", "m2.s-2"],
  ["L l", "1/1000", "m3"],
  ["bar", "100000", "kg.m-1.s-2"],
  ["eV", "1.602176634e-19", "kg.m2.s-2"],
  ["cal", "4.184", "kg.m2.s-2"],
  ["Wh", "3600", "kg.m2.s-2"],
  ["Ah", "3600", "A.s"],
  ["rad", "1", "rad"],
  ["Nm", "1", "kg.m2.s-2"],
  ["B", "8", "bit"],
  ["bit b", "1", "bit"],
  ["bps", "1", "bit.s-1"],
]

/** Words that take them: kilometer, megawatts. A plural s is understood. */
const prefixedWords: readonly Row[] = [
  ["meter metre", "1", "m"],
  ["gram gramme", "1/1000", "kg"],
  ["second", "1", "s"],
  ["ampere amp", "1", "A"],
  ["kelvin", "1", "K"],
  ["mole", "1", "mol"],
  ["candela", "1", "cd"],
  ["hertz", "1", "s-1"],
  ["newton", "1", "kg.m.s-2"],
  ["pascal", "1", "kg.m-1.s-2"],
  ["joule", "1", "kg.m2.s-2"],
  ["watt", "1", "kg.m2.s-3"],
  ["coulomb", "1", "A.s"],
  ["volt", "1", "kg.m2.s-3.A-1"],
  ["farad", "1", "kg-1.m-2.s4.A2"],
  ["ohm", "1", "kg.m2.s-3.A-2"],
  ["weber", "1", "kg.m2.s-2.A-1"],
  ["tesla", "1", "kg.s-2.A-1"],
  ["henry henries", "1", "kg.m2.s-2.A-2"],
  ["lumen lux", "1", "cd"],
  ["becquerel", "1", "s-1"],
  ["liter litre", "1/1000", "m3"],
  ["calorie", "4.184", "kg.m2.s-2"],
  ["electronvolt", "1.602176634e-19", "kg.m2.s-2"],
  ["radian", "1", "rad"],
  ["byte", "8", "bit"],
  ["bit", "1", "bit"],
]

const symbols: readonly Row[] = [
  ["KG Kg kgs Kgs KGs", "1", "kg"],
  ["gm gms", "1/1000", "kg"],
  ["KM Km kms", "1000", "m"],
  ["CM Cm cms", "1/100", "m"],
  ["cc", "1e-6", "m3"],
  ["in", "0.0254", "m"],
  ["ft", "0.3048", "m"],
  ["yd yds", "0.9144", "m"],
  ["mi", "1609.344", "m"],
  ["nmi", "1852", "m"],
  ["\\AA", "1e-10", "m"],
  ["ly", "9460730472580800", "m"],
  ["au AU", "149597870700", "m"],
  ["lb lbs", "0.45359237", "kg"],
  ["oz", "0.028349523125", "kg"],
  ["oz", "2.95735295625e-5", "m3"],
  ["t", "1000", "kg"],
  ["min mins", "60", "s"],
  ["h hr hrs", "3600", "s"],
  ["sec secs", "1", "s"],
  ["d", "86400", "s"],
  ["wk wks", "604800", "s"],
  ["mo mos", "1", "month"],
  ["yr yrs", "12", "month"],
  ["yr yrs", "31536000", "s"],
  ["ha", "10000", "m2"],
  ["gal gals", "3.785411784e-3", "m3"],
  ["qt qts", "9.46352946e-4", "m3"],
  ["pt pts", "4.73176473e-4", "m3"],
  ["tbsp", "1.478676478125e-5", "m3"],
  ["tsp", "4.92892159375e-6", "m3"],
  ["mph", "0.44704", "m.s-1"],
  ["kph kmh kmph", "5/18", "m.s-1"],
  ["kt kts", "463/900", "m.s-1"],
  ["fps", "0.3048", "m.s-1"],
  ["rpm", "1/30", "rad.s-1", 1],
  ["psi", "6894.757293168361", "kg.m-1.s-2"],
  ["atm", "101325", "kg.m-1.s-2"],
  ["mmHg", "133.322387415", "kg.m-1.s-2"],
  ["lbf", "4.4482216152605", "kg.m.s-2"],
  ["hp", "745.69987158227022", "kg.m2.s-3"],
  ["deg", "1/180", "rad", 1],
  ["KB", "8000", "bit"],
  ["KB KiB", "8192", "bit"],
  ["MB MiB", "8388608", "bit"],
  ["GB GiB", "8589934592", "bit"],
  ["TB TiB", "8796093022208", "bit"],
  ["$ USD US$", "1", "USD"],
  ["€ EUR", "1", "EUR"],
  ["£ GBP", "1", "GBP"],
  ["₹ INR Rs", "1", "INR"],
  ["¥ CNY RMB", "1", "CNY"],
  ["¥ JPY", "1", "JPY"],
  ["CAD", "1", "CAD"],
  ["AUD", "1", "AUD"],
  ["CHF", "1", "CHF"],
  ["¢ ct cts", "1/100", "USD"],
  ["¢ ct cts", "1/100", "EUR"],
]

const words: readonly Row[] = [
  ["inch inches", "0.0254", "m"],
  ["foot feet", "0.3048", "m"],
  ["yard", "0.9144", "m"],
  ["mile", "1609.344", "m"],
  ["light-year lightyear", "9460730472580800", "m"],
  ["micron", "1e-6", "m"],
  ["angstrom", "1e-10", "m"],
  ["furlong", "201.168", "m"],
  ["fathom", "1.8288", "m"],
  ["pound", "0.45359237", "kg"],
  ["pound", "1", "GBP"],
  ["ounce", "0.028349523125", "kg"],
  ["ounce", "2.95735295625e-5", "m3"],
  ["stone", "6.35029318", "kg"],
  ["ton", "907.18474", "kg"],
  ["ton tonne", "1000", "kg"],
  ["minute", "60", "s"],
  ["hour", "3600", "s"],
  ["day", "86400", "s"],
  ["week", "604800", "s"],
  ["fortnight", "1209600", "s"],
  ["month", "1", "month"],
  ["year", "12", "month"],
  ["year", "31536000", "s"],
  ["decade", "120", "month"],
  ["century centuries", "1200", "month"],
  ["acre", "4046.8564224", "m2"],
  ["hectare", "10000", "m2"],
  ["gallon", "3.785411784e-3", "m3"],
  ["quart", "9.46352946e-4", "m3"],
  ["pint", "4.73176473e-4", "m3"],
  ["cup", "2.365882365e-4", "m3"],
  ["tablespoon", "1.478676478125e-5", "m3"],
  ["teaspoon", "4.92892159375e-6", "m3"],
  ["knot", "463/900", "m.s-1"],
  ["horsepower", "745.69987158227022", "kg.m2.s-3"],
  ["atmosphere", "101325", "kg.m-1.s-2"],
  ["degree", "1/180", "rad", 1],
  ["revolution", "2", "rad", 1],
  ["dollar buck", "1", "USD"],
  ["euro", "1", "EUR"],
  ["rupee", "1", "INR"],
  ["yuan renminbi", "1", "CNY"],
  ["yen", "1", "JPY"],
  ["cent", "1/100", "USD"],
  ["cent", "1/100", "EUR"],
  ["penny pennies", "1/100", "USD"],
  ["penny pennies pence", "1/100", "GBP"],
  ["paise paisa", "1/100", "INR"],
  ["peso", "1", "MXN"],
  ["ruble rouble", "1", "RUB"],
  ["franc", "1", "CHF"],
  ["unit", "1", "unit"],
]

const prefixes: readonly (readonly [symbol: string, word: string, exponent: number])[] = [
  ["T", "tera", 12],
  ["G", "giga", 9],
  ["M", "mega", 6],
  ["k", "kilo", 3],
  ["h", "hecto", 2],
  ["da", "deca", 1],
  ["d", "deci", -1],
  ["c", "centi", -2],
  ["m", "milli", -3],
  ["\\mu", "micro", -6],
  ["u", "micro", -6],
  ["n", "nano", -9],
  ["p", "pico", -12],
  ["f", "femto", -15],
]

function exact(text: string): Rational {
  const [, digits = "", fraction = "", exponent = "0", denominator = "1"] =
    /^(\d+)(?:\.(\d+))?(?:e(-?\d+))?(?:\/(\d+))?$/.exec(text) ?? []
  const value = parseDecimal(digits, fraction, Number(exponent))
  return rational(value!.numerator, value!.denominator * BigInt(denominator))!
}

function dimensionOf(text: string): Dimension {
  return new Map(
    text.split(".").map((part) => {
      const [, base = "", exponent = "1"] = /^([A-Za-z]+)(-?\d+)?$/.exec(part) ?? []
      return [base, Number(exponent)]
    }),
  )
}

function scaled(unit: Unit, exponent: number): Unit {
  return { ...unit, factor: multiply(unit.factor, parseDecimal("1", "", exponent)!)! }
}

/** Degrees Celsius and Fahrenheit; kelvins alone are a scale whose zero is zero. */
export const celsius: Unit = { dimension: dimensionOf("K"), factor: exact("1"), pi: 0, zero: exact("273.15") }
export const fahrenheit: Unit = { dimension: dimensionOf("K"), factor: exact("5/9"), pi: 0, zero: exact("45967/180") }

// A decibel and an acidity, no prefixed units.
const notPrefixed = new Set(["dB", "pH"])

const byName = new Map<string, readonly Unit[]>()

function define(name: string, unit: Unit): void {
  byName.set(name, [...(byName.get(name) ?? []), unit])
}

function eachRow(rows: readonly Row[], use: (name: string, unit: Unit) => void): void {
  for (const [names, factor, dimension, pi = 0] of rows) {
    const unit: Unit = { dimension: dimensionOf(dimension), factor: exact(factor), pi }
    for (const name of names.split(" ")) use(name, unit)
  }
}

function defineWord(name: string, unit: Unit): void {
  define(name, unit)
  if (!name.endsWith("s")) define(`${name}s`, unit)
}

eachRow(symbols, define)
eachRow(prefixedSymbols, define)
eachRow(words, defineWord)
eachRow(prefixedWords, defineWord)
for (const name of ["Celsius", "celsius", "centigrade", "C"]) define(name, celsius)
for (const name of ["Fahrenheit", "fahrenheit", "F"]) define(name, fahrenheit)
const plain = new Set(byName.keys())
for (const [symbol, word, exponent] of prefixes) {
  eachRow(prefixedSymbols, (name, unit) => {
    const full = symbol + name
    // "min" is a minute and no milli-inch, "cd" a candela and no centiday. MB has both of its meanings.
    if ((!plain.has(full) || /^[KMGT]B$/.test(full)) && !notPrefixed.has(full)) define(full, scaled(unit, exponent))
  })
  if (symbol !== "u") eachRow(prefixedWords, (name, unit) => defineWord(word + name, scaled(unit, exponent)))
}

/** Everything that a name may mean, by its exact spelling, then in lower case; empty for no unit. */
export function unitsNamed(name: string): readonly Unit[] {
  return byName.get(name) ?? (name.length > 3 ? byName.get(name.toLowerCase()) : undefined) ?? []
}

/**
 * Outputs of code, compared outside the process or interpreter that ran it. Code gets inputs and gives back data as
 * JSON text; expected values and the comparison stay here, so that nothing the code redefines or finds can change a
 * result.
 */

/** JSON with every digit: whole numbers are bigint, numbers with a point or an exponent are number. */
export type OutputValue =
  null | boolean | bigint | number | string | readonly OutputValue[] | ReadonlyMap<string, OutputValue>

/** How numbers compare; everything else has one rule. */
export interface OutputRules {
  /**
   * True: a whole number that is expected must be met exactly (Python, whose integers have any length). False: all
   * numbers compare within a relative 1e-9 (JavaScript, which has one kind of number).
   */
  readonly wholeNumbersExact: boolean
}

const MAXIMUM_DEPTH = 500
const RELATIVE_TOLERANCE = 1e-9
const SHOWN_CHARACTERS = 120
const SPACE = /[ \t\n\r]*/uy
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/suy
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/uy
/** What Python writes for floats that JSON has no word for. */
const WORDS: ReadonlyMap<string, OutputValue> = new Map<string, OutputValue>([
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
])

class OutputReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): OutputValue {
    const value = this.#value(0)
    this.#match(SPACE)
    if (this.#at < this.#text.length) throw this.#error("the end")
    return value
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  /** Skips white space, and the character when it comes next. */
  #take(character: string): boolean {
    this.#match(SPACE)
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #error(wanted: string): SyntaxError {
    return new SyntaxError(`expected ${wanted} at character ${this.#at} of the output`)
  }

  #value(depth: number): OutputValue {
    if (depth > MAXIMUM_DEPTH) throw new SyntaxError(`expected at most ${MAXIMUM_DEPTH} levels of lists and objects`)
    if (this.#take("[")) return this.#list(depth)
    if (this.#take("{")) return this.#object(depth)
    const string = this.#string()
    if (string !== undefined) return string
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    const number = this.#match(NUMBER)
    if (number === undefined) throw this.#error("a value")
    return /^-?\d+$/u.test(number) ? BigInt(number) : Number(number)
  }

  #string(): string | undefined {
    const text = this.#match(STRING)
    return text === undefined ? undefined : String(JSON.parse(text))
  }

  #list(depth: number): readonly OutputValue[] {
    const values: OutputValue[] = []
    if (this.#take("]")) return values
    do values.push(this.#value(depth + 1))
    while (this.#take(","))
    if (!this.#take("]")) throw this.#error("a comma or ]")
    return values
  }

  #object(depth: number): ReadonlyMap<string, OutputValue> {
    const members = new Map<string, OutputValue>()
    if (this.#take("}")) return members
    do {
      this.#match(SPACE)
      const key = this.#string()
      if (key === undefined) throw this.#error("a string")
      if (!this.#take(":")) throw this.#error(":")
      members.set(key, this.#value(depth + 1))
    } while (this.#take(","))
    if (!this.#take("}")) throw this.#error("a comma or }")
    return members
  }
}

/**
 * Reads JSON text without losing digits; NaN, Infinity and -Infinity are numbers too.
 * @throws SyntaxError  when it is none, or nested deeper than 500 levels
 */
export function readOutput(text: string): OutputValue {
  return new OutputReader(text).whole()
}

function isNumber(value: OutputValue): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number"
}

function sameNumber(expected: bigint | number, given: bigint | number, { wholeNumbersExact }: OutputRules): boolean {
  if (typeof expected === "bigint" && wholeNumbersExact)
    return typeof given === "bigint" ? given === expected : Number.isInteger(given) && BigInt(given) === expected
  if (expected === given) return true
  const [wanted, got] = [Number(expected), Number(given)]
  if (!Number.isFinite(wanted) || !Number.isFinite(got)) return wanted === got
  return Math.abs(got - wanted) <= RELATIVE_TOLERANCE * Math.max(1, Math.abs(got), Math.abs(wanted))
}

function isList(value: OutputValue): value is readonly OutputValue[] {
  return Array.isArray(value)
}

/** True when a value is the expected one: same kind, same elements in order, same members in any order. */
export function sameOutput(expected: OutputValue, given: OutputValue, rules: OutputRules): boolean {
  if (isNumber(expected)) return isNumber(given) && sameNumber(expected, given, rules)
  if (isList(expected)) {
    if (!isList(given) || given.length !== expected.length) return false
    return expected.every((one, i) => sameOutput(one, given[i]!, rules))
  }
  if (expected instanceof Map) {
    if (!(given instanceof Map) || given.size !== expected.size) return false
    for (const [key, one] of expected) {
      const other: OutputValue | undefined = given.get(key)
      if (other === undefined || !sameOutput(one, other, rules)) return false
    }
    return true
  }
  return expected === given
}

/** Text of a reason, cut after 120 characters. */
export function shownOutput(text: string): string {
  const line = text.replaceAll(/\s+/gu, " ").trim()
  return line.length <= SHOWN_CHARACTERS ? line : `${line.slice(0, SHOWN_CHARACTERS - 3)}...`
}

/**
 * What is wrong with the result of a call, in words; undefined when it is what was expected. Data sets wrap the result
 * of some functions in a list of one (APPS): the element alone is right too. Text that is no data is wrong, whoever
 * wrote it.
 * @param expected  JSON text of the ground truth
 * @param given  JSON text that the code's process gave
 * @throws SyntaxError  when the expected text is no JSON
 */
export function outputDifference(expected: string, given: string, rules: OutputRules): string | undefined {
  const wanted = readOutput(expected)
  let got: OutputValue
  try {
    got = readOutput(given)
  } catch {
    return `expected ${shownOutput(expected)}, got no data`
  }
  if (sameOutput(wanted, got, rules)) return undefined
  if (isList(wanted) && wanted.length === 1 && sameOutput(wanted[0]!, got, rules)) return undefined
  return `expected ${shownOutput(expected)}, got ${shownOutput(given)}`
}

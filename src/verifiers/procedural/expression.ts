/**
 * A parser for arithmetic with + - * / and parentheses over whole numbers, with exact values. Model output goes through
 * this, never through eval; length and nesting are limited.
 */
import { combine, rational } from "./rational.ts"
import type { Rational } from "./rational.ts"

export interface ParsedExpression {
  readonly value: Rational
  /** The numbers as they stand in the text, from left to right. */
  readonly numbers: readonly bigint[]
}

export interface ExpressionProblem {
  /** What is wrong and at which character (from 1). */
  readonly problem: string
}

const MAXIMUM_CHARACTERS = 500
const MAXIMUM_DEPTH = 50
const MAXIMUM_DIGITS = 15

/** Thrown and caught inside this file alone. */
class Rejected extends Error {}

class Parser {
  readonly #text: string
  readonly numbers: bigint[] = []
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Rational {
    const value = this.#sum()
    if (this.#peek() !== "") throw this.#reject(`expected an operator or the end, got ${JSON.stringify(this.#peek())}`)
    return value
  }

  #sum(): Rational {
    let value = this.#product()
    for (let operator = this.#peek(); operator === "+" || operator === "-"; operator = this.#peek()) {
      this.#at++
      value = this.#apply(value, operator, this.#product())
    }
    return value
  }

  #product(): Rational {
    let value = this.#atom()
    for (let operator = this.#peek(); operator === "*" || operator === "/"; operator = this.#peek()) {
      this.#at++
      value = this.#apply(value, operator, this.#atom())
    }
    return value
  }

  #apply(left: Rational, operator: "+" | "-" | "*" | "/", right: Rational): Rational {
    const value = combine(left, operator, right)
    if (value === undefined) throw this.#reject("division by zero")
    return value
  }

  #atom(): Rational {
    if (this.#peek() === "(") {
      if (++this.#depth > MAXIMUM_DEPTH) throw this.#reject(`more than ${MAXIMUM_DEPTH} nested parentheses`)
      this.#at++
      const value = this.#sum()
      if (this.#peek() !== ")") throw this.#reject(`expected ")", got ${this.#describe()}`)
      this.#at++
      this.#depth--
      return value
    }
    const start = this.#at
    while (this.#at < this.#text.length && /\d/.test(this.#text[this.#at])) this.#at++
    const digits = this.#text.slice(start, this.#at)
    if (digits === "") throw this.#reject(`expected a number or "(", got ${this.#describe()}`)
    if (digits.length > MAXIMUM_DIGITS) throw this.#reject(`a number of more than ${MAXIMUM_DIGITS} digits`)
    const number = BigInt(digits)
    this.numbers.push(number)
    return rational(number) as Rational
  }

  /** The next character that is not blank, or "" at the end. */
  #peek(): string {
    while (this.#at < this.#text.length && /\s/.test(this.#text[this.#at])) this.#at++
    return this.#text[this.#at] ?? ""
  }

  #describe(): string {
    const next = this.#peek()
    return next === "" ? "the end" : JSON.stringify(next)
  }

  #reject(problem: string): Rejected {
    return new Rejected(`${problem} at character ${this.#at + 1}`)
  }
}

/**
 * Value and numbers of an arithmetic expression. Operators are binary (there is no sign in front of a number);
 * `×`, `·`, `÷` and `−` are read as `*`, `*`, `/` and `-`.
 */
export function parseExpression(text: string): ParsedExpression | ExpressionProblem {
  if (text.length > MAXIMUM_CHARACTERS) return { problem: `an expression of more than ${MAXIMUM_CHARACTERS} characters` }
  const parser = new Parser(text.replace(/[×·]/g, "*").replaceAll("÷", "/").replaceAll("−", "-"))
  try {
    return { value: parser.parse(), numbers: parser.numbers }
  } catch (error) {
    if (error instanceof Rejected) return { problem: error.message }
    throw error
  }
}

/** The countdown game: reach a target from given numbers. */
import { z } from "zod"
import { countdownGold, countdownVerifier } from "../../verifiers/procedural/countdown.ts"
import { drawnTask } from "../procedural-task.ts"
import type { RandomStream } from "../../random.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

/** A partial result. Precedence: 1 sum or difference, 2 product or quotient, 3 number. */
interface Term {
  readonly value: number
  readonly text: string
  readonly precedence: 1 | 2 | 3
}

const LARGEST_INTERMEDIATE = 10_000

function inParentheses(term: Term, least: number): string {
  return term.precedence < least ? `(${term.text})` : term.text
}

/** What two terms can be joined to so that the result is a positive whole number. */
function joins(a: Term, b: Term): Term[] {
  const [high, low] = a.value >= b.value ? [a, b] : [b, a]
  const found: Term[] = [{ value: a.value + b.value, text: `${inParentheses(a, 1)}+${inParentheses(b, 1)}`, precedence: 1 }]
  if (high.value > low.value) {
    const text = `${inParentheses(high, 1)}-${inParentheses(low, 2)}`
    found.push({ value: high.value - low.value, text, precedence: 1 })
  }
  if (a.value * b.value <= LARGEST_INTERMEDIATE) {
    found.push({ value: a.value * b.value, text: `${inParentheses(a, 2)}*${inParentheses(b, 2)}`, precedence: 2 })
  }
  if (low.value > 1 && high.value % low.value === 0) {
    const text = `${inParentheses(high, 2)}/${inParentheses(low, 3)}`
    found.push({ value: high.value / low.value, text, precedence: 2 })
  }
  return found
}

/** Joins two terms at random until one is left. */
function randomExpression(numbers: readonly number[], random: RandomStream): Term {
  const terms: Term[] = numbers.map((value) => ({ value, text: `${value}`, precedence: 3 }))
  while (terms.length > 1) {
    const [a] = terms.splice(random.below(terms.length), 1)
    const [b] = terms.splice(random.below(terms.length), 1)
    terms.push(random.pick(joins(a, b)))
  }
  return terms[0]
}

interface CountdownLimits {
  readonly count: number
  readonly maximumNumber: number
  readonly maximumTarget: number
}

function drawProblem(random: RandomStream, { count, maximumNumber, maximumTarget }: CountdownLimits): Problem {
  for (;;) {
    const numbers = Array.from({ length: count }, () => random.between(1, maximumNumber)).sort((a, b) => a - b)
    const expression = randomExpression(numbers, random)
    // A target that is itself one of the numbers asks for nothing.
    if (expression.value > maximumTarget || numbers.includes(expression.value)) continue
    const question = `${numbers.join(" ")}=${expression.value}`
    return {
      id: `countdown/${question}`,
      prompt: `${question}:`,
      gold: countdownGold({ numbers, target: expression.value }),
      solution: expression.text,
      unique: false,
    }
  }
}

/**
 * Prompt `3 5 7=56:`, response an expression with that value, `(3+5)*7`. Each number may be used at most once; with
 * `useAll` each must be used. Numbers stand in ascending order, so that a problem has one form only. The solution uses
 * all numbers and whole intermediate results; the checker allows any exact fraction.
 */
export const countdown: TaskDefinition = defineTask({
  name: "countdown",
  description: "reach a target with + - * / from numbers used at most once each, prompt 3 5 7=56:, response (3+5)*7",
  schema: z.strictObject({
    ...splitOptions,
    difficulty: difficultyOption(2, 6, 3, "how many numbers are given"),
    useAll: z.boolean().default(false).describe("every number must be used"),
    maximumNumber: z.int().min(2).max(999).default(20).describe("the largest number given; the smallest is 1"),
    maximumTarget: z.int().min(10).max(9999).default(100).describe("the largest target; the smallest is 1"),
  }),
  build({ seed, heldOutSize, difficulty: count, useAll, maximumNumber, maximumTarget }) {
    const digits = String(maximumNumber).length
    const parenthesesCharacters = 2 * (count - 1)
    return drawnTask({
      name: "countdown",
      seed,
      heldOutSize,
      draw: (random) => drawProblem(random, { count, maximumNumber, maximumTarget }),
      verifier: countdownVerifier({ useAll }),
      alphabet: "0123456789 =:+-*/()",
      maxPromptCharacters: count * (digits + 1) + String(maximumTarget).length + 1,
      maxResponseCharacters: count * digits + (count - 1) + parenthesesCharacters,
    })
  },
})

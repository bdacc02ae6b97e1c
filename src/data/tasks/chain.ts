/** Word problems of several steps, answered in a box. */
import { z } from "zod"
import { createVerifier } from "../../verifiers/registry.ts"
import { drawnTask } from "../procedural-task.ts"
import type { RandomStream } from "../../random.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

const NAMES = ["Ada", "Boris", "Chen", "Dana", "Emeka", "Farah"]
const OBJECTS = ["apples", "coins", "marbles", "pencils", "shells", "stamps"]
const LARGEST_VALUE = 999

interface Step {
  /** Applies to a running value that `allows` it. */
  readonly sign: "+" | "-" | "*" | "/"
  readonly sentences: readonly string[]
  operand(value: number, random: RandomStream): number
  allows(value: number): boolean
  apply(value: number, operand: number): number
}

const LARGEST_ADDEND = 99
const FACTORS = [2, 3, 4, 5]

const STEPS: readonly Step[] = [
  {
    sign: "+",
    sentences: ["NAME finds N more.", "NAME buys N more.", "A friend gives NAME N more."],
    operand: (value, random) => random.between(1, Math.min(LARGEST_ADDEND, LARGEST_VALUE - value)),
    allows: (value) => value < LARGEST_VALUE,
    apply: (value, operand) => value + operand,
  },
  {
    sign: "-",
    sentences: ["NAME gives N away.", "NAME loses N.", "NAME sells N."],
    operand: (value, random) => random.between(1, Math.min(LARGEST_ADDEND, value - 1)),
    allows: (value) => value > 1,
    apply: (value, operand) => value - operand,
  },
  {
    sign: "*",
    sentences: ["A magic hat makes N of each.", "Then NAME has N times as many."],
    operand: (value, random) => random.pick(FACTORS.filter((factor) => value * factor <= LARGEST_VALUE)),
    allows: (value) => value * FACTORS[0] <= LARGEST_VALUE,
    apply: (value, operand) => value * operand,
  },
  {
    sign: "/",
    sentences: ["NAME makes N equal piles and keeps one.", "NAME shares them equally among N people and keeps one share."],
    operand: (value, random) => random.pick(FACTORS.filter((factor) => value % factor === 0)),
    allows: (value) => FACTORS.some((factor) => value % factor === 0),
    apply: (value, operand) => value / operand,
  },
]

const OPENING = "NAME has N OBJECT."
const QUESTION = "How many OBJECT does NAME have now? Answer in \\boxed{}.\n"
const BOX = "\\boxed{}"

function drawProblem(random: RandomStream, steps: number): Problem {
  const name = random.pick(NAMES)
  const object = random.pick(OBJECTS)
  const fill = (template: string, number: number): string =>
    template.replace("NAME", name).replace("OBJECT", object).replace(/\bN\b/, String(number))
  let value = random.between(2, LARGEST_ADDEND)
  let arithmetic = String(value)
  const sentences = [fill(OPENING, value)]
  const work: string[] = []
  for (let i = 0; i < steps; i++) {
    const step = random.pick(STEPS.filter((candidate) => candidate.allows(value)))
    const operand = step.operand(value, random)
    const next = step.apply(value, operand)
    sentences.push(fill(random.pick(step.sentences), operand))
    work.push(`${value}${step.sign}${operand}=${next}\n`)
    arithmetic += `${step.sign}${operand}`
    value = next
  }
  return {
    // The arithmetic alone: a held-out problem never comes back in training under another name.
    id: `chain/${arithmetic}`,
    prompt: `${sentences.join(" ")} ${fill(QUESTION, 0)}`,
    gold: String(value),
    solution: `${work.join("")}\\boxed{${value}}`,
    unique: false,
  }
}

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length))
}

/**
 * A word problem and the request to box the answer; the solution writes one equation per line and then `\boxed{n}`.
 * Values stay whole and in 1..999. Judged by the whole number in the last box.
 */
export const chain: TaskDefinition = defineTask({
  name: "chain",
  description: "word problems of several steps of arithmetic, answer in \\boxed{}",
  schema: z.strictObject({ ...splitOptions, difficulty: difficultyOption(1, 20, 2, "number of steps") }),
  build({ seed, heldOutSize, difficulty: steps }) {
    const sentences = STEPS.flatMap((step) => step.sentences)
    // A name and an object occur at most once in a sentence, and stand for at least the letter they replace.
    const filled = longest(NAMES) + longest(OBJECTS)
    return drawnTask({
      name: "chain",
      seed,
      heldOutSize,
      draw: (random) => drawProblem(random, steps),
      verifier: createVerifier("boxed-integer"),
      alphabet: ["0123456789 +-*/=\n", BOX, ...NAMES, ...OBJECTS, ...sentences, OPENING, QUESTION].join(""),
      maxPromptCharacters: OPENING.length + QUESTION.length + 1 + 2 * filled + steps * (longest(sentences) + 1 + filled),
      maxResponseCharacters: steps * "999+99=999\n".length + BOX.length + String(LARGEST_VALUE).length,
    })
  },
})

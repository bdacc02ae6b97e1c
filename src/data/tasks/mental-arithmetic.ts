/** Sums and differences asked in words, for models that already speak. */
import { z } from "zod"
import { createVerifier } from "../../verifiers/registry.ts"
import { drawnTask, indexedTask, type ProceduralSpace } from "../procedural-task.ts"
import type { RandomStream } from "../../random.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { splitOptions } from "../task-options.ts"

const SMALLEST = 2
const WORDS = { "+": " plus ", "-": " minus " } as const
type Sign = keyof typeof WORDS

/** @param terms  the first number, then signs with theirs */
function problemOf(first: number, terms: readonly (readonly [sign: Sign, number: number])[]): Problem {
  const value = terms.reduce((total, [sign, number]) => (sign === "+" ? total + number : total - number), first)
  const formula = terms.map(([sign, number]) => `${sign}${number}`).join("")
  const words = terms.map(([sign, number]) => `${WORDS[sign]}${number}`).join("")
  const answer = String(value)
  return { id: `mental-arithmetic/${first}${formula}`, prompt: `What is ${first}${words}?`, gold: answer, solution: answer, unique: false }
}

/** A sum for each ordered pair of numbers, then a difference for each pair that leaves at least 0. */
function pairAt(index: number, numbers: number): Problem {
  const at = (rank: number): number => SMALLEST + rank
  if (index < numbers * numbers) return problemOf(at(Math.floor(index / numbers)), [["+", at(index % numbers)]])
  const rank = index - numbers * numbers
  // Pairs with the smaller second, larger by larger: the one with the larger a has a (a + 1) / 2 before it.
  const larger = Math.floor((Math.sqrt(8 * rank + 1) - 1) / 2)
  return problemOf(at(larger), [["-", at(rank - (larger * (larger + 1)) / 2)]])
}

function drawChain(random: RandomStream, terms: number, largest: number): Problem {
  const first = random.between(SMALLEST, largest)
  let value = first
  const chain = Array.from({ length: terms - 1 }, (): readonly [Sign, number] => {
    const sign: Sign = value >= SMALLEST && random.below(2) === 1 ? "-" : "+"
    const number = random.between(SMALLEST, sign === "-" ? Math.min(largest, value) : largest)
    value += sign === "+" ? number : -number
    return [sign, number]
  })
  return problemOf(first, chain)
}

/** `What is 39 minus 3?`, judged by the last whole number of the response; no value on the way is below 0. */
export const mentalArithmetic: TaskDefinition = defineTask({
  name: "mental-arithmetic",
  description: "sums and differences in words, prompt What is 39 minus 3?, judged by the last whole number",
  schema: z.strictObject({
    ...splitOptions,
    largest: z.int().min(3).max(1_000_000).default(60).describe(`largest number in a question; the smallest is ${SMALLEST}`),
    terms: z.int().min(2).max(10).default(2).describe("numbers in a question, 2 to 10"),
  }),
  build({ seed, heldOutSize, largest, terms }) {
    const digits = String(largest).length
    const space: ProceduralSpace = {
      name: "mental-arithmetic",
      seed,
      heldOutSize,
      verifier: createVerifier("integer"),
      alphabet: "0123456789What is?plusmn",
      maxPromptCharacters: "What is ?".length + terms * digits + (terms - 1) * WORDS["-"].length,
      maxResponseCharacters: digits + 1,
    }
    if (terms > 2) return drawnTask({ ...space, draw: (random) => drawChain(random, terms, largest) })
    const numbers = largest - SMALLEST + 1
    return indexedTask({
      ...space,
      size: numbers * numbers + (numbers * (numbers + 1)) / 2,
      problemAt: (index) => pairAt(index, numbers),
    })
  },
})

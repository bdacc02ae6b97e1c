/** Arithmetic modulo a number. */
import { z } from "zod"
import { exactMatchVerifier } from "../../verifiers/procedural/exact-match.ts"
import { indexedTask } from "../procedural-task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

type Sign = "+" | "-" | "*"

const SIGNS: Readonly<Record<string, readonly Sign[]>> = {
  add: ["+"],
  subtract: ["-"],
  multiply: ["*"],
  mixed: ["+", "-", "*"],
}

/** The largest prime of so many digits. */
const LARGEST_PRIME: readonly number[] = [0, 7, 97, 997, 9973]

function reduce(a: number, sign: Sign, b: number, modulus: number): number {
  const value = sign === "+" ? a + b : sign === "-" ? a - b : a * b
  return ((value % modulus) + modulus) % modulus
}

/** Prompt `(a+b)%m=`, response the remainder in 0..m-1. Operands are 0..m-1. */
export const modular: TaskDefinition = defineTask({
  name: "modular",
  description: "modular arithmetic, prompt (a+b)%m=, response the remainder",
  schema: z.strictObject({
    ...splitOptions,
    difficulty: difficultyOption(1, 4, 2, "digits of the modulus (the largest prime that has them: 7, 97, 997, 9973)"),
    modulus: z.int().min(2).max(9999).optional().describe("the modulus itself, in place of the one that difficulty gives"),
    operation: z.enum(["add", "subtract", "multiply", "mixed"]).default("add").describe("add, subtract, multiply or mixed"),
  }),
  build({ seed, heldOutSize, difficulty, modulus: given, operation }) {
    const modulus = given ?? LARGEST_PRIME[difficulty]
    const signs = SIGNS[operation]
    const digits = String(modulus - 1).length
    return indexedTask({
      name: "modular",
      seed,
      heldOutSize,
      size: signs.length * modulus * modulus,
      problemAt(index) {
        const sign = signs[index % signs.length]
        const pair = Math.floor(index / signs.length)
        const [a, b] = [Math.floor(pair / modulus), pair % modulus]
        const text = `(${a}${sign}${b})%${modulus}`
        const answer = String(reduce(a, sign, b, modulus))
        return { id: `modular/${text}`, prompt: `${text}=`, gold: answer, solution: answer, unique: true }
      },
      verifier: exactMatchVerifier({ trim: false }),
      alphabet: `0123456789()%=${signs.join("")}`,
      maxPromptCharacters: 2 * digits + String(modulus).length + "(+)%=".length,
      maxResponseCharacters: digits,
    })
  },
})

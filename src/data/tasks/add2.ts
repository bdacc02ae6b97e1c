/** Two-digit addition in a fixed format: small enough to learn from scratch in seconds, with one right answer each. */
import { z } from "zod"
import { exactMatchVerifier } from "../../verifiers/procedural/exact-match.ts"
import { indexedTask } from "../procedural-task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { splitOptions } from "../task-options.ts"

const DIGITS = 2

/**
 * Prompt `abcd=`, response the zero-padded sum ab + cd in exactly three digits: `4739=` gives `086`. All 10,000 pairs.
 */
export const add2: TaskDefinition = defineTask({
  name: "add2",
  description: "two-digit addition, prompt abcd=, response exactly the three digits of ab + cd",
  schema: z.strictObject(splitOptions),
  build: ({ seed, heldOutSize }) =>
    indexedTask({
      name: "add2",
      seed,
      heldOutSize,
      size: 10_000,
      problemAt(index) {
        const operands = String(index).padStart(2 * DIGITS, "0")
        const sum = Number(operands.slice(0, DIGITS)) + Number(operands.slice(DIGITS))
        const answer = String(sum).padStart(DIGITS + 1, "0")
        return { id: `add2/${operands}`, prompt: `${operands}=`, gold: answer, solution: answer, unique: true }
      },
      verifier: exactMatchVerifier({ trim: false }),
      alphabet: "0123456789=",
      maxPromptCharacters: 2 * DIGITS + 1,
      maxResponseCharacters: DIGITS + 1,
    }),
})

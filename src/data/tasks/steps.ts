/** Arithmetic of several steps, worked from left to right and answered in a box. */
import { z } from "zod"
import { ConfigError } from "../../errors.ts"
import type { RandomStream } from "../../random.ts"
import { createVerifier } from "../../verifiers/registry.ts"
import { drawnTask } from "../procedural-task.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

type Sign = "+" | "-" | "*"

const SIGNS: Readonly<Record<"add" | "add-subtract" | "all", readonly Sign[]>> = {
  add: ["+"],
  "add-subtract": ["+", "-"],
  all: ["+", "-", "*"],
}

/** Products stay at or below it, so that "all" does not grow out of small numbers. */
const LARGEST_PRODUCT = 999
const EMPTY_BOX = "\\boxed{}"

interface Shape {
  readonly minSteps: number
  readonly maxSteps: number
  readonly largest: number
  readonly signs: readonly Sign[]
}

function apply(value: number, sign: Sign, operand: number): number {
  return sign === "+" ? value + operand : sign === "-" ? value - operand : value * operand
}

/** Operands are 1..largest of the shape; this is the bound that the running value puts on them, below 1 where the sign cannot be used. */
function largestOperand(value: number, sign: Sign, largest: number): number {
  if (sign === "-") return Math.min(largest, value)
  if (sign === "*") return Math.min(largest, value === 0 ? 0 : Math.floor(LARGEST_PRODUCT / value))
  return largest
}

function drawProblem(random: RandomStream, { minSteps, maxSteps, largest, signs }: Shape): Problem {
  const steps = random.between(minSteps, maxSteps)
  let value = random.between(1, largest)
  let question = String(value)
  let work = ""
  for (let step = 0; step < steps; step++) {
    const sign = random.pick(signs.filter((candidate) => largestOperand(value, candidate, largest) >= 1))
    const operand = random.between(1, largestOperand(value, sign, largest))
    const next = apply(value, sign, operand)
    question += `${sign}${operand}`
    work += `${value}${sign}${operand}=${next};`
    value = next
  }
  return {
    id: `steps/${question}`,
    prompt: `${question}=`,
    gold: String(value),
    solution: `${work}\\boxed{${value}}`,
    unique: false,
  }
}

/**
 * Prompt `7+5-3+8=`, solution `7+5=12;12-3=9;9+8=17;\boxed{17}`. The number of operations is drawn evenly from
 * minSteps..difficulty, so that responses differ in length; every operation applies to the value so far (also `*`, which
 * "all" adds), which is never negative. Judged by the number in the last box; a response without a box is no answer.
 * Held-out problems are different from each other, so that among them short problems, of which there are few, are rarer
 * than in the training stream.
 */
export const steps: TaskDefinition = defineTask({
  name: "steps",
  description: "arithmetic from left to right with the work written out, prompt 7+5-3=, response 7+5=12;12-3=9;\\boxed{9}",
  schema: z.strictObject({
    ...splitOptions,
    difficulty: difficultyOption(1, 12, 3, "most operations of a problem"),
    minSteps: z.int().min(1).max(12).default(1).describe("fewest operations of a problem, at most difficulty"),
    largest: z.int().min(1).max(999).default(9).describe("the largest operand; the smallest is 1"),
    operations: z.enum(["add", "add-subtract", "all"]).default("add-subtract").describe("add, add-subtract or all (with *)"),
  }),
  build({ seed, heldOutSize, difficulty: maxSteps, minSteps, largest, operations }) {
    if (minSteps > maxSteps) {
      const message = `task "steps": expected minSteps of at most difficulty, ${maxSteps}, got ${minSteps}. Change task.minSteps or task.difficulty.`
      throw new ConfigError([{ path: "task.minSteps", message }])
    }
    const signs = SIGNS[operations]
    const operandDigits = String(largest).length
    const reachable = largest * (maxSteps + 1)
    const largestValue = signs.includes("*") ? Math.max(LARGEST_PRODUCT + largest * maxSteps, reachable) : reachable
    const valueDigits = String(largestValue).length
    return drawnTask({
      name: "steps",
      seed,
      heldOutSize,
      draw: (random) => drawProblem(random, { minSteps, maxSteps, largest, signs }),
      // LaTeX alone: an unfinished response must not be judged by the last number in it.
      verifier: createVerifier({ name: "math", matchTypes: ["latex"] }),
      alphabet: `0123456789${signs.join("")}=;${EMPTY_BOX}`,
      maxPromptCharacters: (maxSteps + 1) * (operandDigits + 1),
      maxResponseCharacters: maxSteps * (2 * valueDigits + operandDigits + "+=;".length) + EMPTY_BOX.length + valueDigits,
    })
  },
})

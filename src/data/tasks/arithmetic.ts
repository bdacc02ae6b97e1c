/** Addition, subtraction and multiplication of whole numbers, plain or with the work written out. */
import { z } from "zod"
import { exactMatchVerifier } from "../../verifiers/procedural/exact-match.ts"
import { numericAnswerVerifier } from "../../verifiers/procedural/numeric-answer.ts"
import { MAXIMUM_INDEXED_SIZE, drawnTask, indexedTask } from "../procedural-task.ts"
import type { ProceduralSpace } from "../procedural-task.ts"
import type { RandomStream } from "../../random.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"
import { additionScratchpad, multiplicationScratchpad, subtractionScratchpad } from "./scratchpads.ts"

/** Stands before the final answer of a scratchpad. */
export const ANSWER_MARKER = "#"

interface Operation {
  readonly name: "addition" | "subtraction" | "multiplication"
  readonly sign: "+" | "-" | "*"
  readonly defaultDigits: number
  readonly maximumDigits: number
  apply(a: bigint, b: bigint): bigint
  scratchpad(a: bigint, b: bigint): string
  /** Longest answer and longest scratchpad, in characters, for operands of so many digits. */
  answerCharacters(digits: number): number
  scratchpadCharacters(digits: number): number
}

const OPERATIONS: readonly Operation[] = [
  {
    name: "addition",
    sign: "+",
    defaultDigits: 3,
    maximumDigits: 30,
    apply: (a, b) => a + b,
    scratchpad: additionScratchpad,
    answerCharacters: (digits) => digits + 1,
    scratchpadCharacters: (digits) => digits * "9+9+1=19,".length - 1,
  },
  {
    name: "subtraction",
    sign: "-",
    defaultDigits: 3,
    maximumDigits: 30,
    apply: (a, b) => a - b,
    scratchpad: subtractionScratchpad,
    answerCharacters: (digits) => digits + 1,
    scratchpadCharacters: (digits) => "-,".length + digits * "0-9-1=10,".length - 1,
  },
  {
    name: "multiplication",
    sign: "*",
    defaultDigits: 2,
    maximumDigits: 12,
    apply: (a, b) => a * b,
    scratchpad: multiplicationScratchpad,
    answerCharacters: (digits) => 2 * digits,
    scratchpadCharacters: (digits) => multiplicationScratchpad(10n ** BigInt(digits) - 1n, 10n ** BigInt(digits) - 1n).length,
  },
]

function randomOperand(digits: number, random: RandomStream): bigint {
  let text = ""
  for (let i = 0; i < digits; i++) text += random.below(10)
  return BigInt(text)
}

function defineOperation(operation: Operation): TaskDefinition {
  const { name, sign } = operation
  return defineTask({
    name,
    description: `${name} of two whole numbers, prompt a${sign}b=, response the number or a scratchpad that ends in #number`,
    schema: z.strictObject({
      ...splitOptions,
      difficulty: difficultyOption(1, operation.maximumDigits, operation.defaultDigits, "most digits of each operand"),
      scratchpad: z.boolean().default(false).describe("write the work out before the answer; only the answer is judged"),
    }),
    build({ seed, heldOutSize, difficulty: digits, scratchpad }) {
      const problem = (a: bigint, b: bigint): Problem => {
        const answer = operation.apply(a, b).toString()
        return {
          id: `${name}/${a}${sign}${b}`,
          prompt: `${a}${sign}${b}=`,
          gold: answer,
          solution: scratchpad ? `${operation.scratchpad(a, b)}${ANSWER_MARKER}${answer}` : answer,
          unique: !scratchpad,
        }
      }
      const answerCharacters = operation.answerCharacters(digits)
      const space: ProceduralSpace = {
        name,
        seed,
        heldOutSize,
        verifier: scratchpad
          ? numericAnswerVerifier({ name: "marked-integer", place: { marker: ANSWER_MARKER }, integer: true })
          : exactMatchVerifier({ trim: false }),
        // The work of a multiplication also adds.
        alphabet: `0123456789${name === "subtraction" ? "-" : ""}${sign}=${scratchpad ? `+,${ANSWER_MARKER}` : ""}`,
        maxPromptCharacters: 2 * digits + 2,
        maxResponseCharacters: scratchpad
          ? operation.scratchpadCharacters(digits) + ANSWER_MARKER.length + answerCharacters
          : answerCharacters,
      }
      const operands = 10 ** digits
      if (operands * operands > MAXIMUM_INDEXED_SIZE) {
        return drawnTask({ ...space, draw: (random) => problem(randomOperand(digits, random), randomOperand(digits, random)) })
      }
      return indexedTask({
        ...space,
        size: operands * operands,
        problemAt: (index) => problem(BigInt(Math.floor(index / operands)), BigInt(index % operands)),
      })
    },
  })
}

/** `addition`, `subtraction` and `multiplication`. Difficulty is the number of digits that an operand has at most. */
export const arithmetic: readonly TaskDefinition[] = OPERATIONS.map(defineOperation)

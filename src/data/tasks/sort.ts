/** Sorting a list of numbers. */
import { z } from "zod"
import { exactMatchVerifier } from "../../verifiers/procedural/exact-match.ts"
import { MAXIMUM_INDEXED_SIZE, drawnTask, indexedTask } from "../procedural-task.ts"
import type { ProceduralSpace } from "../procedural-task.ts"
import type { Problem } from "../task.ts"
import { defineTask } from "../task-definition.ts"
import type { TaskDefinition } from "../task-definition.ts"
import { difficultyOption, splitOptions } from "../task-options.ts"

/** Prompt `31 4 15>`, response the same numbers in ascending order, `4 15 31`. Numbers may occur more than once. */
export const sort: TaskDefinition = defineTask({
  name: "sort",
  description: "sort a list of numbers in ascending order, prompt 31 4 15>, response 4 15 31",
  schema: z.strictObject({
    ...splitOptions,
    difficulty: difficultyOption(2, 64, 5, "length of the list"),
    maximum: z.int().min(1).max(999_999).default(99).describe("the largest number that occurs; the smallest is 0"),
  }),
  build({ seed, heldOutSize, difficulty: length, maximum }) {
    const problem = (numbers: readonly number[]): Problem => {
      const answer = numbers.toSorted((a, b) => a - b).join(" ")
      const text = numbers.join(" ")
      return { id: `sort/${text}`, prompt: `${text}>`, gold: answer, solution: answer, unique: true }
    }
    const listCharacters = length * (String(maximum).length + 1) - 1
    const space: ProceduralSpace = {
      name: "sort",
      seed,
      heldOutSize,
      verifier: exactMatchVerifier({ trim: false }),
      alphabet: "0123456789 >",
      maxPromptCharacters: listCharacters + 1,
      maxResponseCharacters: listCharacters,
    }
    const values = maximum + 1
    const size = values ** length
    if (size > MAXIMUM_INDEXED_SIZE) {
      return drawnTask({ ...space, draw: (random) => problem(Array.from({ length }, () => random.below(values))) })
    }
    return indexedTask({
      ...space,
      size,
      problemAt: (index) => problem(Array.from({ length }, (_, place) => Math.floor(index / values ** place) % values)),
    })
  },
})

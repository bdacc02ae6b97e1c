/** A task whose rewards are neither 0 nor 1 alone. */
import { indexedTask } from "../data/procedural-task.ts"
import type { Task } from "../data/task.ts"

const LETTERS = "abcd"

/** Prompt `ab:`; the reward grows with the letters of the response that are in the prompt, from 1/8 on. */
export function gradedTask(): Task {
  return indexedTask({
    name: "letters",
    seed: 0,
    heldOutSize: 8,
    size: 64,
    problemAt(index) {
      const prompt = `${LETTERS[index % 4]}${LETTERS[(index >> 2) % 4]}${LETTERS[(index >> 4) % 4]}:`
      return { id: prompt, prompt, gold: prompt.slice(0, 3) }
    },
    verifier: {
      name: "letters",
      verify: ({ completion, gold }) => {
        const reward = (1 + [...completion].filter((letter) => gold.includes(letter)).length) / 8
        return { status: reward >= 0.5 ? "correct" : "incorrect", reward, reason: "letters of the prompt" }
      },
    },
    alphabet: `${LETTERS}:`,
    maxPromptCharacters: 4,
    maxResponseCharacters: 4,
  })
}

/**
 * A task of one's own, and a model trained on it.
 *
 *     npx tsx examples/custom-task.ts
 *
 * The task: given three letters, write a palindrome of five letters made of them. Six answers are right for each prompt, so
 * nothing can be learnt by heart from one solution: the verifier decides.
 */
import { fileURLToPath } from "node:url"
import { indexedTask, readRun, trainRun, type Task, type TrainObserver, type TrainResult, type Verifier } from "pirl"

const LETTERS = "abcdefghijkl"

/** Right when the response reads the same both ways and is made of all the letters of the prompt, which the gold holds. */
const palindrome: Verifier = {
  name: "palindrome",
  verify({ gold, completion }) {
    if (completion.length !== 5) return { status: "no-answer", reward: 0, reason: `${completion.length} letters` }
    const mirrored = completion === completion.split("").reverse().join("")
    const fits = completion.slice(0, 3).split("").sort().join("") === gold.split("").sort().join("")
    const reason = `${mirrored ? "a" : "no"} palindrome, ${fits ? "of these letters" : "of other letters"}`
    return mirrored && fits ? { status: "correct", reward: 1, reason } : { status: "incorrect", reward: 0, reason }
  },
}

/** All 1,728 triples of letters. A tenth is held out; the others are met in a new order every epoch. */
export const palindromes: Task = indexedTask({
  name: "palindromes",
  seed: 0,
  heldOutSize: undefined,
  size: LETTERS.length ** 3,
  problemAt(index) {
    const [a, b, c] = [index, Math.floor(index / 12), Math.floor(index / 144)].map((i) => LETTERS[i % 12]!)
    return { id: `palindromes/${a}${b}${c}`, prompt: `${a}${b}${c}:`, gold: `${a}${b}${c}`, solution: `${b}${a}${c}${a}${b}` }
  },
  verifier: palindrome,
  alphabet: `${LETTERS}:`,
  maxPromptCharacters: 4,
  maxResponseCharacters: 5,
})

export interface CustomTaskOptions {
  /** New or empty. */
  readonly runDirectory: string
  readonly steps: number
  readonly warmStartSteps: number
  readonly observer?: Partial<TrainObserver>
}

/** Solutions first, until the model is right now and then; from there on rewards. Everything else is a default. */
export function trainOnPalindromes(options: CustomTaskOptions): Promise<TrainResult> {
  const { runDirectory, steps, warmStartSteps, observer = {} } = options
  return trainRun({
    task: palindromes,
    runDirectory,
    observer,
    config: {
      model: { preset: "nano" },
      // So that `pirl eval`, `pirl sample` and the others find the task of the run again.
      task: { module: import.meta.url, export: "palindromes" },
      // The most likely response is right long before most of the sampled ones are: those are what rewards work on.
      warmStart: { targetAccuracy: 0.9, maxSteps: warmStartSteps },
      rollout: { promptsPerStep: 32, groupSize: 8, maxResponseTokens: 6 },
      optimizer: { learningRate: 3e-4 },
      train: { steps },
    },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const runDirectory = `runs/palindromes-${Date.now()}`
  await trainOnPalindromes({
    runDirectory,
    steps: 40,
    warmStartSteps: 500,
    observer: {
      onNote: console.log,
      onStep: ({ step, mu, xi }) => console.log(`step ${step}: reward ${mu.toFixed(3)}, xi ${xi?.toFixed(2) ?? "-"}`),
      onEvaluation: ({ step, greedyAccuracy }) =>
        console.log(`step ${step}: held-out accuracy ${greedyAccuracy?.toFixed(3)} greedy`),
    },
  })
  const rewards = readRun(runDirectory).metrics.map(({ mu }) => mu)
  const mean = (values: readonly number[]): string => (values.reduce((total, x) => total + x, 0) / values.length).toFixed(3)
  console.log(`mean reward of the first five steps ${mean(rewards.slice(0, 5))}, of the last five ${mean(rewards.slice(-5))}`)
}

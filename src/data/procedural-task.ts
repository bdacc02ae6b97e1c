/**
 * From a space of problems to a task. A space is either indexed (every problem has a number, so that the stream can be
 * a permutation of all) or drawn (a generator without end). Both keep held-out and training problems apart by id.
 */
import { ConfigError } from "../errors.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import { MAXIMUM_PERMUTATION_SIZE, deriveSeed, hashText, permutationIndex, randomStream } from "../random.ts"
import type { RandomStream } from "../random.ts"
import type { Problem, Task } from "./task.ts"
import { DEFAULT_HELD_OUT_SIZE } from "./task-options.ts"

/** A task that makes its own problems: character tokenizers and context lengths follow from it. */
export interface ProceduralTask extends Task {
  readonly alphabet: string
  readonly maxResponseCharacters: number
  readonly maxPromptCharacters: number
}

/** What indexed and drawn tasks share. */
export interface ProceduralSpace {
  readonly name: string
  /** Chooses the held-out problems. */
  readonly seed: number
  /** When undefined: 500, or what `heldOutSize` of the task options says for small spaces. */
  readonly heldOutSize: number | undefined
  readonly verifier: Verifier
  /** Characters of prompts and solutions; repeats are dropped. */
  readonly alphabet: string
  readonly maxPromptCharacters: number
  readonly maxResponseCharacters: number
}

export interface IndexedSpace extends ProceduralSpace {
  /** Number of problems, 1 to 2^52. */
  readonly size: number
  /** Problem of an index in 0..size-1; different indices are different problems. */
  problemAt(index: number): Problem
}

export interface DrawnSpace extends ProceduralSpace {
  draw(random: RandomStream): Problem
}

/** Spaces above this size cannot be indexed. */
export const MAXIMUM_INDEXED_SIZE: number = MAXIMUM_PERMUTATION_SIZE

/** Share of a drawn space that belongs to the held-out side. */
const HELD_OUT_SHARE = 0.1
/** So many draws in a row without a new held-out problem mean that (nearly) all have been found. */
const FRUITLESS_DRAWS = 2000
/** Draws for one training problem; one in ten is rejected on average. */
const MAXIMUM_DRAWS = 10_000

function heldOutError(space: ProceduralSpace, found: string): ConfigError {
  const message =
    `task ${JSON.stringify(space.name)}: expected more problems than the ${space.heldOutSize ?? DEFAULT_HELD_OUT_SIZE} to hold out, ` +
    `got ${found}. Lower task.heldOutSize or raise the difficulty.`
  return new ConfigError([{ path: "task.heldOutSize", message }])
}

function common(space: ProceduralSpace): Omit<ProceduralTask, "trainSize" | "trainProblem" | "heldOut"> {
  return {
    name: space.name,
    alphabet: [...new Set(space.alphabet)].join(""),
    maxPromptCharacters: space.maxPromptCharacters,
    maxResponseCharacters: space.maxResponseCharacters,
    verifierFor: () => space.verifier,
  }
}

/**
 * A task over numbered problems. The held-out problems are the first of a permutation seeded with the task's seed; the
 * training stream visits every other problem once per epoch, in an order of its own for each (seed, epoch).
 * @throws ConfigError  when no training problem would be left
 */
export function indexedTask(space: IndexedSpace): ProceduralTask {
  const { size } = space
  const heldOutSize = space.heldOutSize ?? Math.min(DEFAULT_HELD_OUT_SIZE, Math.floor(size / 10))
  if (heldOutSize >= size) throw heldOutError(space, `${size}`)
  const splitSeed = deriveSeed(space.seed, "held-out")
  const problem = (rank: number): Problem => space.problemAt(permutationIndex(splitSeed, 0, size, rank))
  const trainSize = size - heldOutSize
  return {
    ...common(space),
    trainSize,
    trainProblem(seed, position) {
      const epoch = Math.floor(position / trainSize)
      return problem(heldOutSize + permutationIndex(deriveSeed(seed, "train"), epoch, trainSize, position % trainSize))
    },
    heldOut: Array.from({ length: heldOutSize }, (_, rank) => problem(rank)),
  }
}

/**
 * A task over a generator. A problem belongs to the held-out side when the hash of its id falls into a tenth, so that
 * membership needs no list; training draws again until it meets a problem of the other side.
 * @throws ConfigError  when the generator does not yield enough different problems
 */
export function drawnTask(space: DrawnSpace): ProceduralTask {
  const splitSeed = deriveSeed(space.seed, "held-out")
  const wanted = space.heldOutSize ?? DEFAULT_HELD_OUT_SIZE
  const isHeldOut = (problem: Problem): boolean => wanted > 0 && hashText(splitSeed, problem.id) < HELD_OUT_SHARE

  const heldOut = new Map<string, Problem>()
  const heldOutSeed = deriveSeed(space.seed, "held-out draws")
  for (let draw = 0, fruitless = 0; heldOut.size < wanted && fruitless < FRUITLESS_DRAWS; draw++) {
    const problem = space.draw(randomStream(heldOutSeed, draw))
    fruitless++
    if (!isHeldOut(problem) || heldOut.has(problem.id)) continue
    heldOut.set(problem.id, problem)
    fruitless = 0
  }
  if (heldOut.size < (space.heldOutSize ?? 1)) throw heldOutError(space, `${heldOut.size} different held-out problems`)

  const trainProblem = (seed: number, position: number): Problem => {
    const trainSeed = deriveSeed(seed, "train")
    for (let draw = 0; draw < MAXIMUM_DRAWS; draw++) {
      const problem = space.draw(randomStream(trainSeed, position, draw))
      if (!isHeldOut(problem)) return problem
    }
    throw heldOutError(space, "no training problem")
  }
  trainProblem(0, 0)
  return { ...common(space), trainSize: undefined, trainProblem, heldOut: [...heldOut.values()] }
}

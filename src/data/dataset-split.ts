/** Which problems of a data set are trained on, and which are held out. */
import { ConfigError, DataError } from "../errors.ts"
import { deriveSeed, hashText } from "../random.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import type { OverlapPolicy } from "./dataset-options.ts"
import { DEFAULT_HELD_OUT_SIZE } from "./task-options.ts"

/** Problems with the name of where they come from. */
export interface NamedProblems {
  readonly name: string
  readonly problems: readonly PlacedProblem[]
}

export interface Split {
  readonly train: readonly PlacedProblem[]
  readonly heldOut: readonly PlacedProblem[]
  /** Rows whose question is held out too. */
  readonly heldOutDuplicates: number
  /** Questions of held-out files that `heldOutSize` left out. */
  readonly heldOutUnused: number
}

/** The first problem of each question. */
export function distinct(problems: readonly PlacedProblem[]): Map<string, PlacedProblem> {
  const byQuestion = new Map<string, PlacedProblem>()
  for (const placed of problems) if (!byQuestion.has(placed.question)) byQuestion.set(placed.question, placed)
  return byQuestion
}

/** As many questions as asked for, those with the smallest hashes: adding rows to a file moves few of them. */
function choose(problems: ReadonlyMap<string, PlacedProblem>, size: number, seed: number): PlacedProblem[] {
  const splitSeed = deriveSeed(seed, "held-out")
  return [...problems.values()]
    .map((placed) => ({ placed, rank: hashText(splitSeed, placed.question) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, size)
    .map(({ placed }) => placed)
}

function tooFew(name: string, size: number, found: number, expected: string): ConfigError {
  const message = `data set ${name}: expected ${expected} ${size} different questions, got ${found}. Lower task.heldOutSize.`
  return new ConfigError([{ path: "task.heldOutSize", message }])
}

/** Takes the held-out problems out of the training data: a tenth of the questions when no size is given. */
export function splitOne({ name, problems }: NamedProblems, size: number | undefined, seed: number): Split {
  const questions = distinct(problems)
  const heldOutSize = size ?? Math.min(DEFAULT_HELD_OUT_SIZE, Math.floor(questions.size / 10))
  if (heldOutSize >= questions.size) throw tooFew(name, heldOutSize, questions.size, "more than")
  const heldOut = choose(questions, heldOutSize, seed)
  const taken = new Set(heldOut.map(({ question }) => question))
  const train = problems.filter(({ question }) => !taken.has(question))
  return { train, heldOut, heldOutDuplicates: problems.length - train.length - heldOutSize, heldOutUnused: 0 }
}

/** Held-out problems of their own: all of them when no size is given. The training problems must be free of them. */
export function splitTwo(
  train: readonly PlacedProblem[],
  heldOut: NamedProblems,
  size: number | undefined,
  seed: number,
): Split {
  const questions = distinct(heldOut.problems)
  const heldOutSize = size ?? questions.size
  if (heldOutSize > questions.size) throw tooFew(heldOut.name, heldOutSize, questions.size, "at least")
  return {
    train,
    heldOut: size === undefined ? [...questions.values()] : choose(questions, heldOutSize, seed),
    heldOutDuplicates: heldOut.problems.length - questions.size,
    heldOutUnused: questions.size - heldOutSize,
  }
}

/**
 * Training problems without the questions of an evaluation set.
 * @throws DataError  when there are such questions and the policy is "error", or when none is left
 */
export function withoutShared(
  train: NamedProblems,
  evaluation: NamedProblems,
  policy: OverlapPolicy,
): readonly PlacedProblem[] {
  const questions = distinct(evaluation.problems)
  const shared = train.problems.filter(({ question }) => questions.has(question))
  if (shared.length === 0) return train.problems
  const [first] = shared
  const places = `${questions.get(first.question)?.place} and ${first.place}`
  const found =
    `data set ${evaluation.name}: expected no question that is also in ${train.name}, got ${distinct(shared).size} ` +
    `in ${shared.length} of ${train.problems.length} training rows (first: ${places}). `
  if (policy === "error") throw new DataError(`${found}Remove them from one of the files, or set task.overlap: drop.`)
  if (shared.length === train.problems.length)
    throw new DataError(`${found}Nothing is left to train on; choose other data.`)
  return train.problems.filter(({ question }) => !questions.has(question))
}

/** Equal ids must be equal questions, or held-out and training problems could not be told apart. */
export function checkIds(problems: readonly PlacedProblem[]): void {
  const questions = new Map<string, PlacedProblem>()
  for (const placed of problems) {
    const earlier = questions.get(placed.problem.id)
    if (earlier !== undefined && earlier.question !== placed.question) {
      throw new DataError(
        `data set: expected one question per id, got two for ${JSON.stringify(placed.problem.id)} ` +
          `(${earlier.place} and ${placed.place}). Leave task.columns.id out or choose another column.`,
      )
    }
    questions.set(placed.problem.id, placed)
  }
}

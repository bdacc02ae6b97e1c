/** A task over data files: questions with known answers. */
import { ConfigError, DataError } from "../errors.ts"
import { createVerifier } from "../verifiers/registry.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import { isVerifier, parseDatasetOptions } from "./dataset-options.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { readProblems } from "./dataset-problems.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import { deriveSeed, hashText, permutationIndex } from "../random.ts"
import type { Problem, Task } from "./task.ts"
import { DEFAULT_HELD_OUT_SIZE } from "./task-options.ts"

export interface DatasetTask extends Task {
  readonly trainSize: number
  /** What was read and what was left out, for the run's first lines. */
  readonly counts: DatasetCounts
}

export interface DatasetCounts {
  /** Rows of all files. */
  readonly rows: number
  /** Training rows whose question stands in an earlier training row too; they stay. */
  readonly trainDuplicates: number
  /** Rows that were left out because their question is already held out. */
  readonly heldOutDuplicates: number
  /** Rows of `heldOutPath` that `heldOutSize` left out. */
  readonly heldOutUnused: number
}

interface Split {
  readonly train: readonly PlacedProblem[]
  readonly heldOut: readonly PlacedProblem[]
  readonly counts: DatasetCounts
}

/** The first problem of each question. */
function distinct(problems: readonly PlacedProblem[]): Map<string, PlacedProblem> {
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

function tooFew(file: string, size: number, found: number, expected: string): ConfigError {
  const message = `data set ${file}: expected ${expected} ${size} different questions, got ${found}. Lower task.heldOutSize.`
  return new ConfigError([{ path: "task.heldOutSize", message }])
}

function splitOne(file: string, rows: readonly PlacedProblem[], size: number | undefined, seed: number): Split {
  const questions = distinct(rows)
  const heldOutSize = size ?? Math.min(DEFAULT_HELD_OUT_SIZE, Math.floor(questions.size / 10))
  if (heldOutSize >= questions.size) throw tooFew(file, heldOutSize, questions.size, "more than")
  const heldOut = choose(questions, heldOutSize, seed)
  const taken = new Set(heldOut.map(({ question }) => question))
  const train = rows.filter(({ question }) => !taken.has(question))
  return {
    train,
    heldOut,
    counts: {
      rows: rows.length,
      trainDuplicates: train.length - (questions.size - heldOutSize),
      heldOutDuplicates: rows.length - train.length - heldOutSize,
      heldOutUnused: 0,
    },
  }
}

function splitTwo(
  files: { readonly train: string; readonly heldOut: string },
  train: readonly PlacedProblem[],
  heldOutRows: readonly PlacedProblem[],
  size: number | undefined,
  seed: number,
): Split {
  const questions = distinct(heldOutRows)
  const shared = train.filter(({ question }) => questions.has(question))
  if (shared.length > 0) {
    const [first] = shared
    const places = `${questions.get(first.question)?.place} and ${first.place}`
    throw new DataError(
      `data set ${files.heldOut}: expected no question that is also in ${files.train}, got ${distinct(shared).size} ` +
        `in ${shared.length} of ${train.length} training rows (first: ${places}). ` +
        "Remove them from one of the files.",
    )
  }
  const heldOutSize = size ?? questions.size
  if (heldOutSize > questions.size) throw tooFew(files.heldOut, heldOutSize, questions.size, "at least")
  return {
    train,
    heldOut: size === undefined ? [...questions.values()] : choose(questions, heldOutSize, seed),
    counts: {
      rows: train.length + heldOutRows.length,
      trainDuplicates: train.length - distinct(train).size,
      heldOutDuplicates: heldOutRows.length - questions.size,
      heldOutUnused: questions.size - heldOutSize,
    },
  }
}

/** Equal ids must be equal questions, or held-out and training problems could not be told apart. */
function checkIds(problems: readonly PlacedProblem[]): void {
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

type NamedVerifier = (name: string, path: string) => Verifier

function verifiersOf(option: DatasetOptions["verifier"], named: NamedVerifier): (problem: Problem) => Verifier {
  const resolve = (one: string | Verifier, path: string): Verifier => (typeof one === "string" ? named(one, path) : one)
  if (typeof option === "string" || isVerifier(option)) {
    const verifier = resolve(option, "task.verifier")
    return () => verifier
  }
  const bySource = new Map(Object.entries(option).map(([source, one]) => [source, resolve(one, `task.verifier.${source}`)]))
  return (problem) => {
    const verifier = bySource.get(problem.source ?? "")
    if (verifier !== undefined) return verifier
    const message =
      `data set: expected a verifier for source ${JSON.stringify(problem.source ?? "")}, ` +
      `got one for ${[...bySource.keys()].join(", ")}. Add it, or name one verifier for all.`
    throw new ConfigError([{ path: "task.verifier", message }])
  }
}

/**
 * A task over JSONL, parquet, CSV or TSV files. All is read and checked here: after this nothing of the data can fail.
 * The training stream visits every training row once per epoch, in an order of its own for each (seed, epoch).
 * @param named  finds verifiers by name; the registry's when absent
 * @throws ConfigError  for wrong options, a missing file, an unknown verifier, too few questions
 * @throws DataError    for broken files, rows without a value, and questions in both files
 */
export async function createDatasetTask(
  options: DatasetOptions,
  named: NamedVerifier = createVerifier,
): Promise<DatasetTask> {
  const parsed = parseDatasetOptions(options)
  const { path, heldOutPath, heldOutSize, seed } = parsed
  const verifierFor = verifiersOf(parsed.verifier, named)
  const rows = await readProblems(path, "task.path", parsed)
  const split =
    heldOutPath === undefined
      ? splitOne(path, rows, heldOutSize, seed)
      : splitTwo(
          { train: path, heldOut: heldOutPath },
          rows,
          await readProblems(heldOutPath, "task.heldOutPath", parsed),
          heldOutSize,
          seed,
        )
  checkIds([...split.train, ...split.heldOut])
  const train = split.train.map(({ problem }) => problem)
  const heldOut = split.heldOut.map(({ problem }) => problem)
  for (const problem of [...train, ...heldOut]) verifierFor(problem)
  return {
    name: "dataset",
    trainSize: train.length,
    trainProblem(streamSeed, position) {
      const epoch = Math.floor(position / train.length)
      return train[permutationIndex(deriveSeed(streamSeed, "train"), epoch, train.length, position % train.length)]
    },
    heldOut,
    verifierFor,
    counts: split.counts,
  }
}

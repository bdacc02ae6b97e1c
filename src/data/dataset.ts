/** A task over data files: questions with known answers. */
import { createVerifier } from "../verifiers/registry.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import { deriveSeed, permutationIndex } from "../random.ts"
import { locateAll, locateHeldOut, locateTraining } from "./dataset-location.ts"
import type { LocatedFiles } from "./dataset-location.ts"
import { parseDatasetOptions } from "./dataset-options.ts"
import type { DatasetOptions, ParsedDatasetOptions } from "./dataset-options.ts"
import { readProblems } from "./dataset-problems.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import { checkIds, distinct, splitOne, splitTwo, withoutShared } from "./dataset-split.ts"
import type { NamedProblems } from "./dataset-split.ts"
import { checkGold, verifiersOf, withAlternatives } from "./dataset-verifiers.ts"
import type { NamedVerifier } from "./dataset-verifiers.ts"
import { hashFile } from "../integrity/index.ts"
import { limitPrompts } from "./prompt-limit.ts"
import type { Problem, Task } from "./task.ts"

export interface DatasetTask extends Task {
  readonly trainSize: number
  /** What was read and what was left out, for the run's first lines. */
  readonly counts: DatasetCounts
  /** The problems with their places: what the parts of a mixture are compared by. */
  readonly placed: { readonly train: readonly PlacedProblem[]; readonly heldOut: readonly PlacedProblem[] }
}

export interface DatasetCounts {
  /** Rows of all files. */
  readonly rows: number
  /** Rows that `filter` left out. */
  readonly filtered: number
  /** Training rows that were left out because an evaluation set has their question (`overlap: drop`). */
  readonly overlapping: number
  /** Training rows whose question stands in an earlier training row too; they stay unless `deduplicate` is set. */
  readonly trainDuplicates: number
  /** Rows that were left out because their question is already held out. */
  readonly heldOutDuplicates: number
  /** Rows of the held-out files that `heldOutSize` left out. */
  readonly heldOutUnused: number
}

interface Reading extends NamedProblems {
  readonly filtered: number
}

async function read({ name, files, path }: LocatedFiles, options: ParsedDatasetOptions): Promise<Reading> {
  return { name, ...(await readProblems(files, path, { ...options, name })) }
}

async function locateEvaluation(options: ParsedDatasetOptions): Promise<LocatedFiles | undefined> {
  const { heldOutPath, heldOutSplit, split } = options
  if (heldOutSplit !== undefined) return locateHeldOut(options, heldOutSplit, split)
  return heldOutPath === undefined ? undefined : locateAll(heldOutPath, "task.heldOutPath")
}

/** Questions of a set that is only compared with: neither filter nor template of the training data apply to it. */
async function readForbidden(file: string, index: number): Promise<Reading> {
  const { name, files, path } = await locateAll(file, `task.disjointFrom.${index}`)
  return { name, ...(await readProblems(files, path, { name, comparedOnly: true })) }
}

/**
 * A task over JSONL, parquet, CSV or TSV files, in a folder or from the hub. All is read and checked here: after this
 * nothing of the data can fail. The training stream visits every training row once per epoch, in an order of its own for
 * each (seed, epoch).
 * @param named  finds verifiers by name; the registry's when absent
 * @throws ConfigError  for wrong options, a missing file, an unknown verifier, too few questions
 * @throws DataError    for broken files, rows without a value, and questions both in training and evaluation data
 */
export async function createDatasetTask(
  options: DatasetOptions,
  named: NamedVerifier = createVerifier,
): Promise<DatasetTask> {
  const parsed = parseDatasetOptions(options)
  const { heldOutSize, seed, overlap } = parsed
  const verifierOf = verifiersOf(parsed.verifier, named)
  const verifierFor = withAlternatives(verifierOf)
  const training = await locateTraining(parsed, parsed.split)
  const rows = await read(training, parsed)
  const evaluation = await locateEvaluation(parsed)
  const heldOutRows = evaluation === undefined ? undefined : await read(evaluation, parsed)
  const forbidden = await Promise.all(parsed.disjointFrom.map(readForbidden))
  const evaluations = heldOutRows === undefined ? forbidden : [heldOutRows, ...forbidden]
  const apart = evaluations.reduce(
    (problems, one) => withoutShared({ name: rows.name, problems }, one, overlap),
    rows.problems,
  )
  const split =
    heldOutRows === undefined
      ? splitOne({ name: rows.name, problems: apart }, heldOutSize, seed)
      : splitTwo(apart, heldOutRows, heldOutSize, seed)
  const questions = distinct(split.train)
  const placed = { train: parsed.deduplicate ? [...questions.values()] : split.train, heldOut: split.heldOut }
  checkIds([...placed.train, ...placed.heldOut])
  for (const one of [...placed.train, ...placed.heldOut]) checkGold(one, verifierOf(one.problem))
  const counts: DatasetCounts = {
    rows:
      rows.problems.length +
      rows.filtered +
      (heldOutRows === undefined ? 0 : heldOutRows.problems.length + heldOutRows.filtered),
    filtered: rows.filtered + (heldOutRows?.filtered ?? 0),
    overlapping: rows.problems.length - apart.length,
    trainDuplicates: split.train.length - questions.size,
    heldOutDuplicates: split.heldOutDuplicates,
    heldOutUnused: split.heldOutUnused,
  }
  const { maxPromptTokens, overlongPrompts, deduplicate } = parsed
  const paths = [...training.files, ...(evaluation?.files ?? [])]
  const files = paths.map((path) => ({ path, sha256: hashFile(path) }))
  const notes = describeCounts(rows.name, counts, deduplicate)
  const whole: DatasetTask = {
    ...streamOf(placed, verifierFor),
    files,
    counts,
    ...(notes === undefined ? {} : { notes: [notes] }),
  }
  if (maxPromptTokens === undefined) return whole
  return {
    ...whole,
    limitPrompts(tokensOf) {
      const limit = { maxPromptTokens, overlongPrompts }
      const train = limitPrompts(rows.name, placed.train, limit, tokensOf)
      const heldOut = limitPrompts(`${rows.name}, held-out problems`, placed.heldOut, limit, tokensOf)
      const more = [train.note, heldOut.note].filter((note) => note !== undefined)
      const left = streamOf({ train: train.kept, heldOut: heldOut.kept }, verifierFor)
      return { ...whole, ...left, notes: [...(whole.notes ?? []), ...more] }
    },
  }
}

/** The training stream and the held-out problems. */
function streamOf(
  placed: DatasetTask["placed"],
  verifierFor: (problem: Problem) => Verifier,
): Omit<DatasetTask, "counts"> {
  const train = placed.train.map(({ problem }) => problem)
  return {
    name: "dataset",
    trainSize: train.length,
    trainProblem(streamSeed, position) {
      const epoch = Math.floor(position / train.length)
      return train[permutationIndex(deriveSeed(streamSeed, "train"), epoch, train.length, position % train.length)]
    },
    heldOut: placed.heldOut.map(({ problem }) => problem),
    verifierFor,
    placed,
  }
}

/** What was left out, in words; undefined when every row is used once. */
function describeCounts(name: string, counts: DatasetCounts, deduplicate: boolean): string | undefined {
  const { rows, filtered, overlapping, trainDuplicates, heldOutDuplicates, heldOutUnused } = counts
  const parts = [
    [filtered, "left out by task.filter"],
    [overlapping, "left out of training because they are evaluated on"],
    [
      trainDuplicates,
      deduplicate ? "left out as duplicates" : "repeat a question of training (task.deduplicate drops them)",
    ],
    [heldOutDuplicates, "left out because their question is held out already"],
    [heldOutUnused, "held-out questions beyond task.heldOutSize"],
  ] as const
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return told.length === 0 ? undefined : `${name}: of ${rows} rows ${told.join(", ")}`
}

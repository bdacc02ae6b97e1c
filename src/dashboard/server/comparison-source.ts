/** The folder of a comparison as the tables of `pirl compare --show`. */
import { lstatSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { ComparisonState } from "../../compare/index.ts"
import { DataError } from "../../errors.ts"
import type { AccuracyMeasure, ComparisonAnswer, ComparisonQuery, ComparisonTables } from "../api.ts"

const ownFiles = ["plan.json", "results.jsonl", "failures.json"]
/** Of a run folder: read for a run that has not ended. */
const runFiles = ["config.yaml", "metrics.jsonl", "evaluations.jsonl", "events.jsonl", "summary.json", "lock.json", "checkpoints"]
/** What tells of such a run that it has ended. Its metrics grow with every step and are in no table. */
const endFiles = ["config.yaml", "events.jsonl", "summary.json"]

/** A choice that the comparison does not have. */
export class ChoiceError extends Error {}

/** Reading a comparison's results knows how it trains, and so the trainer: no page of plain runs has to load that. */
const loadCompare = (): Promise<typeof import("../../compare/index.ts")> => import("../../compare/index.ts")
type Compare = Awaited<ReturnType<typeof loadCompare>>

interface Cached {
  /** Files whose change makes another answer. */
  readonly files: readonly string[]
  readonly stamp: string
  readonly state: ComparisonState
  /** By query: at most one per match, measure and arm. */
  readonly answers: Map<string, ComparisonTables>
}

/**
 * A comparison. Of runs that have ended only their lines in results.jsonl are read, and nothing is read again before a file has changed
 * that decides what the tables say.
 */
export class ComparisonSource {
  readonly directory: string
  #cached: Cached | undefined

  constructor(directory: string) {
    this.directory = directory
  }

  /**
   * Its tables, or in words why there are none.
   * @throws ChoiceError  when the query names a measure or an arm that it does not have
   */
  async answer(query: ComparisonQuery): Promise<ComparisonAnswer> {
    const name = basename(this.directory)
    if (lstatSync(join(this.directory, "plan.json"), { throwIfNoEntry: false }) === undefined) {
      return { kind: "none", reason: `The folder ${name} holds no comparison that \`pirl compare\` made: it has no plan.json.` }
    }
    try {
      const compare = await loadCompare()
      const { state, answers } = await this.#read()
      const key = JSON.stringify([query.match, query.measure, query.against])
      const answer = answers.get(key) ?? tablesOf(compare, name, state, query)
      answers.set(key, answer)
      return answer
    } catch (error) {
      // What is written in the folder is not the asker's fault.
      if (error instanceof ChoiceError || !(error instanceof DataError)) throw error
      return { kind: "damaged", name, message: error.message.replaceAll(this.directory, name) }
    }
  }

  /** Changes when the comparison's own files do. */
  stamp(): string {
    return stampOf(this.#inside(ownFiles))
  }

  /** What the folder holds. @throws DataError  when it is damaged, or a file of it is a link */
  async state(): Promise<ComparisonState> {
    return (await this.#read()).state
  }

  async #read(): Promise<Cached> {
    const { readComparison } = await loadCompare()
    const cached = this.#cached
    const files = cached?.files ?? this.#inside(ownFiles)
    // Taken before the reading: what changes meanwhile is read the next time.
    const stamp = stampOf(files)
    if (cached?.stamp === stamp) return cached
    this.#cached = undefined
    refuseLinks(this.#inside(ownFiles))
    const folders: string[] = []
    const state = readComparison(this.directory, {
      endedFromLines: true,
      onFolder(folder) {
        refuseLinks([dirname(dirname(folder)), dirname(folder), folder, ...runFiles.map((file) => join(folder, file))])
        folders.push(folder)
      },
    })
    const waiting = state.results.filter((result) => result.state === "waiting").map(({ arm, seed }) => join(this.directory, "runs", arm, `seed-${seed}`))
    const watched = [...this.#inside(ownFiles), ...[...folders, ...waiting].flatMap((folder) => endFiles.map((file) => join(folder, file)))]
    // Where other files count from now on, there is no stamp of theirs from before the reading: it is read once more.
    this.#cached = { files: watched, stamp: watched.join() === files.join() ? stamp : "", state, answers: new Map() }
    return this.#cached
  }

  #inside(names: readonly string[]): string[] {
    return names.map((name) => join(this.directory, name))
  }
}

function tablesOf({ analyse, armCells, differenceCells, notes }: Compare, name: string, { plan, results }: ComparisonState, { match = "rollouts", measure, against }: ComparisonQuery): ComparisonTables {
  const arms = plan.arms.map((arm) => arm.name)
  const finished = results.filter(({ state }) => state === "finished")
  const measures = (["greedy", "expected"] as const satisfies readonly AccuracyMeasure[]).filter((kind) =>
    finished.some((result) => result[kind] !== undefined),
  )
  if (measure !== undefined && !measures.includes(measure)) throw new ChoiceError(`measure: expected one that a finished run has (${measures.join(", ") || "none has"}), got ${measure}`)
  const other = against ?? arms[0] ?? ""
  if (against !== undefined && !arms.includes(against)) throw new ChoiceError(`against: expected an arm of the comparison (${arms.join(", ")}), got ${JSON.stringify(against)}`)
  const analysis = analyse(arms, results, { match, against: arms.length === 0 ? [] : [other], ...(measure === undefined ? {} : { measure }) })
  const count = (state: string): number => results.filter((result) => result.state === state).length
  return {
    kind: "tables",
    name,
    arms,
    seeds: plan.seeds,
    match,
    measure: analysis.measure,
    measures,
    against: other,
    runs: { finished: finished.length, failed: count("failed"), unfinished: count("unfinished"), waiting: count("waiting") },
    armTable: armCells(analysis),
    differenceTable: differenceCells(analysis),
    notes: notes(analysis),
    failures: results.filter(({ state }) => state === "failed").map(({ arm, seed, error }) => ({ arm, seed, reason: error ?? "no reason was written down" })),
  }
}

function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = lstatSync(file, { throwIfNoEntry: false })
      return found === undefined ? "-" : `${found.ino}:${found.size}:${found.mtimeMs}`
    })
    .join()
}

/** Links are not followed: nothing outside the folders that were named is read. */
function refuseLinks(paths: readonly string[]): void {
  const link = paths.find((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
  if (link !== undefined) throw new DataError(`${link}: expected a file or folder of the comparison, got a link, which is not followed. Put what it points to in its place.`)
}

/**
 * Reading runs from outside, also while they are being written.
 */
import { existsSync, readdirSync, statSync } from "node:fs"
import type { Dirent } from "node:fs"
import { basename, join } from "node:path"
import { parse } from "yaml"
import { DataError } from "../errors.ts"
import { listCheckpoints } from "./checkpoints.ts"
import type { CheckpointInfo } from "./checkpoints.ts"
import { readTextFile, reasonOf } from "./durable-files.ts"
import { readJsonl } from "./jsonl-log.ts"
import type { CompletionLine, EvaluationLine, MetricsLine, RunEvent, RunEventKind } from "./records.ts"
import { isRunFolder } from "./run-folder.ts"
import { isHeld, readLock } from "./run-lock.ts"
import { completionFiles } from "./run-tables.ts"
import { describeOwner, isSilent } from "./sign-of-life.ts"
import type { RunSummary } from "./summary.ts"

/**
 * running: a process holds it; silent: a process of another machine holds it, which gave no sign of life for ten minutes; finished: it has a summary; failed: it ended with an error that it wrote down; crashed: the
 * process that held it is gone without a word (killed, out of memory, power cut); stopped: it was asked to.
 */
export type RunState = "running" | "silent" | "finished" | "failed" | "crashed" | "stopped"

/** A run as its folder tells it. */
export interface RunRecord {
  readonly directory: string
  readonly name: string
  readonly state: RunState
  /** Who holds it, in words, while it is running or silent. */
  readonly holder: string | undefined
  /** Text of config.yaml. */
  readonly configYaml: string
  readonly metrics: readonly MetricsLine[]
  readonly evaluations: readonly EvaluationLine[]
  readonly events: readonly RunEvent[]
  /** Complete checkpoints, oldest first. */
  readonly checkpoints: readonly CheckpointInfo[]
  readonly summary: RunSummary | undefined
  /** Last change of the metrics, or of the config when there are none. */
  readonly updated: Date
}

/**
 * Reads a run. Lines that are half-written at this moment are left out.
 * @throws DataError  when there is no run in the folder, or a log was damaged or cannot be read
 */
export function readRun(directory: string, now: number = Date.now()): RunRecord {
  if (!isRunFolder(directory)) {
    throw new DataError(`run ${directory}: expected the folder of a run, got none (no config.yaml). Check the path.`)
  }
  const records = (name: string): readonly Readonly<Record<string, unknown>>[] =>
    readJsonl(join(directory, name)).records
  const summary = readSummary(directory)
  const events = records("events.jsonl") as unknown as readonly RunEvent[]
  return {
    directory,
    name: basename(directory),
    state: runStateOf(directory, summary !== undefined, events.at(-1)?.kind, now),
    holder: holderOf(directory, now),
    configYaml: readTextFile(join(directory, "config.yaml")),
    metrics: records("metrics.jsonl") as unknown as readonly MetricsLine[],
    evaluations: records("evaluations.jsonl") as unknown as readonly EvaluationLine[],
    events,
    checkpoints: listCheckpoints(join(directory, "checkpoints")).complete,
    summary,
    updated: lastChange(directory),
  }
}

/**
 * The settings of a run as a tree; null for an empty config.yaml. No setting is checked: an older version may have had others.
 * @throws DataError  when it is no YAML
 */
export function settingsOf({ directory, configYaml }: RunRecord): unknown {
  try {
    return parse(configYaml) as unknown
  } catch (cause) {
    const got = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!.replace(/:$/, "")
    throw new DataError(`${join(directory, "config.yaml")}: expected YAML, got: ${got}. Correct that line.`, { cause })
  }
}

/** The responses a run has kept, in the order of the steps. */
export function readCompletions(directory: string): readonly CompletionLine[] {
  return completionFiles(directory).flatMap((path) => readJsonl(path).records) as unknown as readonly CompletionLine[]
}

function readSummary(directory: string): RunSummary | undefined {
  const path = join(directory, "summary.json")
  if (!existsSync(path)) return undefined
  const text = readTextFile(path)
  try {
    return JSON.parse(text) as RunSummary
  } catch (cause) {
    const got = reasonOf(cause)
    throw new DataError(`${path}: expected JSON, got ${got}. Remove the file and resume the run.`, { cause })
  }
}

/**
 * State of a run, from whether it has a summary and what its last event was.
 * @param now  ms since 1970: tells which owners are silent
 */
export function runStateOf(directory: string, hasSummary: boolean, lastEvent: RunEventKind | undefined, now: number): RunState {
  const owner = readLock(directory)
  if (owner !== undefined && isHeld(owner)) return isSilent(directory, owner, now) ? "silent" : "running"
  if (hasSummary) return "finished"
  if (lastEvent === "failure") return "failed"
  // A process that ends by its own will gives the lock back.
  return owner !== undefined && lastEvent !== "interrupt" ? "crashed" : "stopped"
}

/** Who holds a run, in words; undefined when nobody does. */
export function holderOf(directory: string, now: number): string | undefined {
  const owner = readLock(directory)
  return owner !== undefined && isHeld(owner) ? describeOwner(directory, owner, now) : undefined
}

/** How deep runs may lie below the folder that is listed: DIR/comparison/runs/arm/seed-1. */
const deepest = 5

/**
 * Folders of runs below a folder, at any depth down to comparison/runs/arm/seed (or the folder itself, when it is a run),
 * newest change last. Nothing is looked for inside a run, in hidden folders and in node_modules.
 * @param onUnreadable  hears of each folder that cannot be read, which is then left out
 * @throws DataError  when a folder cannot be read and nobody hears of it
 */
export function listRunFolders(root: string, onUnreadable: (error: DataError) => void = raise): string[] {
  const found: string[] = []
  const visit = (folder: string, depth: number): void => {
    if (isRunFolder(folder)) {
      found.push(folder)
      return
    }
    if (depth === deepest) return
    for (const entry of entriesOf(folder, onUnreadable)) {
      if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules") visit(join(folder, entry.name), depth + 1)
    }
  }
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === true) visit(root, 0)
  const changed = new Map(found.map((folder) => [folder, lastChange(folder).getTime()]))
  return found.sort((a, b) => changed.get(a)! - changed.get(b)!)
}

function raise(error: DataError): never {
  throw error
}

function entriesOf(folder: string, onUnreadable: (error: DataError) => void): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (cause) {
    const got = reasonOf(cause)
    // Deleted since its parent was read.
    if (got !== "ENOENT") onUnreadable(new DataError(`folder ${folder}: expected one that can be read, got ${got}. Correct its permissions, or name the runs one by one.`, { cause }))
    return []
  }
}

/** Last change of the metrics, or of the config when there are none; the beginning of time for a run that was deleted meanwhile. */
function lastChange(directory: string): Date {
  const changes = ["metrics.jsonl", "config.yaml"].map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtime)
  return changes.find((change) => change !== undefined) ?? new Date(0)
}

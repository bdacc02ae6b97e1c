/**
 * Reading runs from outside, also while they are being written.
 */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { DataError } from "../errors.ts"
import { listCheckpoints } from "./checkpoints.ts"
import type { CheckpointInfo } from "./checkpoints.ts"
import { reasonOf } from "./durable-files.ts"
import { readJsonl } from "./jsonl-log.ts"
import type { CompletionLine, EvaluationLine, MetricsLine, RunEvent } from "./records.ts"
import { isRunFolder } from "./run-folder.ts"
import { isHeld, readLock } from "./run-lock.ts"
import type { RunSummary } from "./summary.ts"

/** running: a process holds it; finished: it has a summary; failed: its last event says so; stopped: all others. */
export type RunState = "running" | "finished" | "failed" | "stopped"

/** A run as its folder tells it. */
export interface RunRecord {
  readonly directory: string
  readonly name: string
  readonly state: RunState
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
 * @throws DataError  when there is no run in the folder, or a log was damaged
 */
export function readRun(directory: string): RunRecord {
  if (!isRunFolder(directory)) {
    throw new DataError(`run ${directory}: expected the folder of a run, got none (no config.yaml). Check the path.`)
  }
  const records = (name: string): readonly Readonly<Record<string, unknown>>[] =>
    readJsonl(join(directory, name)).records
  const summary = readSummary(directory)
  const events = records("events.jsonl") as unknown as readonly RunEvent[]
  const metricsPath = join(directory, "metrics.jsonl")
  return {
    directory,
    name: basename(directory),
    state: stateOf(directory, summary, events),
    configYaml: readFileSync(join(directory, "config.yaml"), "utf8"),
    metrics: records("metrics.jsonl") as unknown as readonly MetricsLine[],
    evaluations: records("evaluations.jsonl") as unknown as readonly EvaluationLine[],
    events,
    checkpoints: listCheckpoints(join(directory, "checkpoints")).complete,
    summary,
    updated: statSync(existsSync(metricsPath) ? metricsPath : join(directory, "config.yaml")).mtime,
  }
}

/** The responses a run has kept, in the order of the steps. */
export function readCompletions(directory: string): readonly CompletionLine[] {
  const folder = join(directory, "completions")
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl")) : []
  return files.sort().flatMap((name) => readJsonl(join(folder, name)).records) as unknown as readonly CompletionLine[]
}

function readSummary(directory: string): RunSummary | undefined {
  const path = join(directory, "summary.json")
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, "utf8")) as RunSummary
  } catch (cause) {
    const got = reasonOf(cause)
    throw new DataError(`${path}: expected JSON, got ${got}. Remove the file and resume the run.`, { cause })
  }
}

function stateOf(directory: string, summary: RunSummary | undefined, events: readonly RunEvent[]): RunState {
  const owner = readLock(directory)
  if (owner !== undefined && isHeld(owner)) return "running"
  if (summary !== undefined) return "finished"
  return events.at(-1)?.kind === "failure" ? "failed" : "stopped"
}

/** Folders of runs directly below a folder (or the folder itself, when it is a run), newest change last. */
export function listRunFolders(root: string): string[] {
  if (isRunFolder(root)) return [root]
  if (!existsSync(root)) return []
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isRunFolder(join(root, entry.name)))
    .map((entry) => join(root, entry.name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
}

/** A run folder as a report reads it: whatever its state, its version and the damage of its logs. */
import { existsSync, readFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { parse } from "yaml"
import { runDetails } from "../analysis/index.ts"
import { findAlarms } from "../dashboard/analysis/alarms.ts"
import { queryTable } from "../dashboard/analysis/buckets.ts"
import { columnsOf, type RunColumns } from "../dashboard/analysis/run-columns.ts"
import type { Table } from "../dashboard/analysis/table.ts"
import { improvementTimeline } from "../dashboard/analysis/timeline.ts"
import type { Alarm, RunEventInfo, TimelineAnswer } from "../dashboard/api.ts"
import { ColumnLog } from "../dashboard/server/column-log.ts"
import { EventLog } from "../dashboard/server/event-log.ts"
import { DataError } from "../errors.ts"
import {
  holderOf,
  isRunFolder,
  loggedLook,
  runStateOf,
  summarizeRun,
  type LookRow,
  type RunState,
  type RunSummary,
  type SummarizedStep,
} from "../runs/index.ts"

/** Buckets of a curve: what a picture of some hundred pixels can show. */
const points = 300

/** What a report says of a run. */
export interface RunLogs {
  readonly directory: string
  readonly name: string
  readonly state: RunState
  /** Who holds it, in words, while it is running or silent. */
  readonly holder: string | undefined
  readonly configYaml: string
  /** The config as a tree; undefined when it is no YAML. */
  readonly config: unknown
  readonly metrics: Table
  /** Curves, in buckets where the run is long. */
  readonly columns: RunColumns
  readonly timeline: TimelineAnswer
  readonly events: readonly RunEventInfo[]
  readonly alarms: readonly Alarm[]
  /** What the run said before its first update; empty where the log does not hold it. */
  readonly start: readonly LookRow[]
  /** Versions that made the run, in words; empty where it does not say. */
  readonly programs: readonly string[]
  /** From the logs as far as they go. */
  readonly summary: RunSummary
  /** What could not be read, in words. */
  readonly problems: readonly string[]
}

/**
 * Reads a run, which may be written to meanwhile: half-written last lines wait for another time, damaged ones are left out and counted.
 * @throws DataError  when there is no run in the folder
 */
export async function readRunLogs(directory: string, now: number): Promise<RunLogs> {
  if (!isRunFolder(directory)) throw new DataError(`report ${directory}: expected the folder of a run, got none (no config.yaml). Check the path.`)
  const metrics = new ColumnLog(join(directory, "metrics.jsonl"))
  const evaluations = new ColumnLog(join(directory, "evaluations.jsonl"))
  const eventLog = new EventLog(join(directory, "events.jsonl"))
  await Promise.all([metrics.refresh(), evaluations.refresh(), eventLog.refresh()])
  const configYaml = readFileSync(join(directory, "config.yaml"), "utf8")
  const config = parsed(configYaml)
  const state = runStateOf(directory, existsSync(join(directory, "summary.json")), eventLog.lastKind, now)
  const holder = holderOf(directory, now)
  const { events } = eventLog
  // What it notes of damage is said below, for all logs alike.
  const details = runDetails(directory, [])
  const damaged = metrics.damaged + evaluations.damaged + eventLog.damaged
  return {
    directory,
    name: basename(resolve(directory)),
    state,
    holder,
    configYaml,
    config,
    metrics,
    columns: columnsOf(queryTable(metrics, metrics.names, { log: "metrics", points }, 1), queryTable(evaluations, evaluations.names, { log: "evaluations", points }, 1)),
    timeline: improvementTimeline(metrics, evaluations, points),
    events,
    start: loggedLook(eventLog.start, details.evaluations.find(({ step }) => step === 0)),
    programs: eventLog.programs,
    alarms: findAlarms({ metrics, evaluations, events, state, holder, now }),
    summary: summarizeRun(metricsLines(metrics), details.evaluations, details.signal),
    problems: [
      ...(config === undefined ? ["config.yaml is no YAML: what it says is left out."] : []),
      ...(damaged === 0 ? [] : [`${damaged === 1 ? "1 line of the logs is" : `${damaged} lines of the logs are`} no JSON object with a step, and left out.`]),
    ],
  }
}

function parsed(yaml: string): unknown {
  try {
    return parse(yaml) ?? null
  } catch {
    return undefined
  }
}

const numbers = ["mu", "xi", "muHis", "muStandardError", "expectedAccuracy", "offPolicySteps", "sampledTokens", "trainedTokens"] as const
const times = ["seconds", "sampleSeconds", "trainSeconds", "serverSeconds", "clientSeconds"] as const

/** Lines of the metrics with what a summary reads of them; what a line lacks is absent. */
function metricsLines(table: Table): SummarizedStep[] {
  const steps = table.column("step") ?? []
  const verdicts = table.column("verdict")
  const words = table.labels("verdict") ?? []
  return Array.from({ length: table.rows }, (_, row) => {
    const known = (prefix: string, names: readonly string[]): Record<string, number> =>
      Object.fromEntries(names.flatMap((name) => {
        const value = table.column(`${prefix}${name}`)?.[row] ?? Number.NaN
        return Number.isNaN(value) ? [] : [[name, value]]
      }))
    const verdict = words[verdicts?.[row] ?? -1]
    return { step: steps[row]!, mu: null, ...known("", numbers), ...(verdict === undefined ? {} : { verdict }), time: known("time.", times) }
  })
}

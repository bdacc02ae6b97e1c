/** One run folder as the answers that the page asks for. Nothing is read before it is asked for, and nothing twice. */
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { parse } from "yaml"
import { holderOf, loggedLook, runStateOf } from "../../runs/index.ts"
import { findAlarms } from "../analysis/alarms.ts"
import { queryTable } from "../analysis/buckets.ts"
import { improvementReward, judgementOf } from "../analysis/judging.ts"
import { runNumbers, startPoint } from "../analysis/run-numbers.ts"
import { improvementTimeline } from "../analysis/timeline.ts"
import type {
  AccuracyMeasure,
  ColumnsAnswer,
  ColumnsQuery,
  CompletionPage,
  CompletionsQuery,
  GroupAnswer,
  RunDetail,
  RunInfo,
  RunNumbers,
  TimelineAnswer,
} from "../api.ts"
import { ColumnLog, parseObject } from "./column-log.ts"
import { CompletionIndex, readBytes } from "./completion-index.ts"
import { readGroup, readWholeCompletion, searchCompletions } from "./completion-search.ts"
import { EventLog } from "./event-log.ts"
import { openLog } from "./line-tail.ts"

const largestConfig = 1 << 20

/** A run by its place below the folder that was named. */
export interface RunPlace {
  readonly id: string
  readonly directory: string
  readonly name: string
  readonly arm: string | null
  readonly comparison: string | null
  /** Folder of the comparison that the run belongs to; null when it is outside the folders that were named, and so not served. */
  readonly comparisonFolder: string | null
}

/** Sizes of a run's logs: what has changed when they have. */
export type LogSizes = Readonly<Record<"metrics" | "evaluations" | "events" | "completions", string>>

export class RunSource {
  readonly place: RunPlace
  readonly #metrics: ColumnLog
  readonly #evaluations: ColumnLog
  readonly #events: EventLog
  readonly #completions: CompletionIndex
  #config: { readonly stamp: string; readonly text: string; readonly tree: unknown } | undefined

  constructor(place: RunPlace) {
    const inside = (name: string): string => join(place.directory, name)
    this.place = place
    this.#metrics = new ColumnLog(inside("metrics.jsonl"))
    this.#evaluations = new ColumnLog(inside("evaluations.jsonl"))
    this.#events = new EventLog(inside("events.jsonl"))
    this.#completions = new CompletionIndex(place.directory)
  }

  /** The run's line in the list. Metrics are not read for it, only their last line. What cannot be read is a problem of this run alone. */
  async info(): Promise<RunInfo> {
    const { directory, ...place } = this.place
    const refused: string[] = []
    const readable = <T>(reading: Promise<T>): Promise<T | undefined> =>
      reading.catch((error: unknown) => {
        refused.push(error instanceof Error ? error.message : String(error))
        return undefined
      })
    const [, , , last] = await Promise.all([
      readable(this.#evaluations.refresh()),
      readable(this.#events.refresh()),
      readable(this.#readConfig()),
      readable(lastRecord(join(directory, "metrics.jsonl"))),
    ])
    const config = this.#config?.tree
    const now = Date.now()
    const state = runStateOf(directory, (await modified(join(directory, "summary.json"))) !== undefined, this.#events.lastKind, now)
    return {
      id: place.id,
      name: place.name,
      arm: place.arm,
      comparison: place.comparison,
      state,
      step: numberAt(last, "step"),
      steps: numberAt(config, "train", "steps"),
      final: this.#evaluations.last("greedyAccuracy") ?? this.#evaluations.last("expectedAccuracy"),
      measure: this.#measure(),
      updated: new Date((await modified(join(directory, "metrics.jsonl"))) ?? (await modified(join(directory, "config.yaml"))) ?? 0).toISOString(),
      problems: [...(state === "silent" ? [`Held by ${holderOf(directory, now)}`] : []), ...refused, ...this.#problems()],
    }
  }

  /** What is shown when the run is opened. Reads the metrics. */
  async detail(now: number): Promise<RunDetail> {
    // What refuses to be read is said by `info`.
    await this.#metrics.refresh().catch(() => undefined)
    const info = await this.info()
    const events = this.#events.events
    return {
      info,
      configYaml: this.#config?.text ?? "",
      config: this.#config?.tree ?? null,
      events: events.slice(-200),
      start: loggedLook(this.#events.start, startPoint(this.#evaluations)),
      alarms: findAlarms({ metrics: this.#metrics, evaluations: this.#evaluations, events, state: info.state, holder: holderOf(this.place.directory, now), now }),
    }
  }

  async columns(query: ColumnsQuery): Promise<ColumnsAnswer> {
    const log = query.log === "metrics" ? this.#metrics : this.#evaluations
    await log.refresh()
    return { generation: log.generation, damaged: log.damaged, ...queryTable(log, log.names, query, log.generation) }
  }

  async timeline(points: number): Promise<TimelineAnswer> {
    await Promise.all([this.#metrics.refresh(), this.#evaluations.refresh()])
    return improvementTimeline(this.#metrics, this.#evaluations, points)
  }

  /** The run in numbers, from every line of its logs. */
  async numbers(): Promise<RunNumbers> {
    await Promise.all([this.#metrics.refresh(), this.#evaluations.refresh()])
    return runNumbers(this.#metrics, this.#evaluations)
  }

  completions(query: CompletionsQuery): Promise<CompletionPage> {
    return searchCompletions(this.#completions, query)
  }

  /** The responses to a prompt in a step, and how a later step looked back at them. */
  async group(step: number, group: number | null): Promise<GroupAnswer> {
    const [found] = await Promise.all([readGroup(this.#completions, step, group), this.#metrics.refresh(), this.#readConfig()])
    const judged = judgementOf(this.#metrics, step)
    return {
      completions: found.map((completion) => ({ ...completion, piReward: improvementReward(completion.attribution, judged) })),
      judged,
      size: numberAt(this.#config?.tree, "rollout", "groupSize"),
    }
  }

  wholeCompletion(key: string): Promise<string | undefined> {
    return readWholeCompletion(this.#completions, key)
  }

  /** What changes when a log changes; undefined when the run is gone. */
  async sizes(): Promise<LogSizes | undefined> {
    const { directory } = this.place
    if ((await modified(join(directory, "config.yaml"))) === undefined) return undefined
    const [metrics, evaluations, events, summary] = await Promise.all(["metrics.jsonl", "evaluations.jsonl", "events.jsonl", "summary.json"].map((name) => stamp(join(directory, name))))
    return { metrics: metrics!, evaluations: evaluations!, events: `${events} ${summary}`, completions: await newestStamp(join(directory, "completions")) }
  }

  #measure(): RunInfo["measure"] {
    const isMeasured = (kind: AccuracyMeasure): boolean => this.#evaluations.last(`${kind}Accuracy`) !== null
    return (["greedy", "expected"] as const).find(isMeasured) ?? null
  }

  #problems(): string[] {
    const damaged = this.#metrics.damaged + this.#evaluations.damaged + this.#events.damaged
    const lines = damaged === 1 ? "1 line of its logs is" : `${damaged} lines of its logs are`
    return [
      ...(this.#config === undefined ? ["config.yaml cannot be read"] : this.#config.tree === undefined ? ["config.yaml is no YAML"] : []),
      ...(damaged === 0 ? [] : [`${lines} no JSON object with a step; left out`]),
    ]
  }

  async #readConfig(): Promise<void> {
    const path = join(this.place.directory, "config.yaml")
    const now = await stamp(path)
    if (this.#config?.stamp === now) return
    const file = await openLog(path)
    if (file === undefined) {
      this.#config = undefined
      return
    }
    const text = (await readBytes(file, 0, Math.min(largestConfig, (await file.stat()).size)).finally(() => file.close())).toString("utf8")
    let tree: unknown
    try {
      tree = parse(text) ?? null
    } catch {
      tree = undefined
    }
    this.#config = { stamp: now, text, tree }
  }
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (typeof node === "object" && node !== null ? (node as Record<string, unknown>)[name] : undefined), tree)
}

function numberAt(tree: unknown, ...path: string[]): number | null {
  const value = at(tree, path)
  return typeof value === "number" && Number.isFinite(value) ? value : null
}

/** Time of the last change in ms since 1970; undefined without the file. */
async function modified(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return undefined
  }
}

async function stamp(path: string): Promise<string> {
  try {
    const { size, ino, mtimeMs } = await stat(path)
    return `${ino}:${size}:${mtimeMs}`
  } catch {
    return ""
  }
}

async function newestStamp(folder: string): Promise<string> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl")).sort()
    return names.length === 0 ? "" : `${names.length} ${await stamp(join(folder, names.at(-1)!))}`
  } catch {
    return ""
  }
}

/** The last whole line of a log that is an object. */
async function lastRecord(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const file = await openLog(path)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const bytes = await readBytes(file, Math.max(0, size - (64 << 10)), size)
    const lines = bytes.subarray(0, bytes.lastIndexOf(10) + 1).toString("utf8").split("\n")
    for (const line of lines.reverse()) {
      const record = line === "" ? undefined : parseObject(line)
      if (record !== undefined) return record
    }
    return undefined
  } finally {
    await file.close()
  }
}

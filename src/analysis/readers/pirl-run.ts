/** A run folder of ours: metrics.jsonl, and beside it evaluations.jsonl and config.yaml where they are. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { parse } from "yaml"
import type { EvaluationPoint } from "../held-out.ts"
import { verdictIn } from "../run-signal.ts"
import { verdictSigns } from "../signal-agreement.ts"
import type { TraceOptions } from "../signal-trace.ts"
import { isObject, jsonRecords } from "./json-log.ts"
import { textLines } from "./lines.ts"
import { TableBuilder, type LogTable, type RunDetails } from "./log-table.ts"

/** A line of metrics.jsonl as we write it. */
export function isPirlLine(record: unknown): boolean {
  return isObject(record) && typeof record["step"] === "number" && "mu" in record && isObject(record["time"])
}

/** Verdicts become numbers: 1 improved, -1 regressed, 0 undecided. */
export function readPirlRun(metricsPath: string): LogTable {
  const table = new TableBuilder()
  for (const record of jsonRecords(textLines(readFileSync(metricsPath)))) {
    if (record === undefined) {
      table.unreadable++
      continue
    }
    const { verdict: _verdict, time: _time, ...metrics } = record
    const verdict = verdictIn(record)
    if (verdict !== null) table.set("verdict", verdictSigns[verdict])
    table.addRecord(metrics)
  }
  return table.finish("pirl run", runDetails(dirname(metricsPath), table.notes))
}

/**
 * Evaluations of a run folder, and what its config says of batch and window.
 * @param notes  takes what could not be read
 */
export function runDetails(directory: string, notes: string[]): RunDetails {
  return { evaluations: evaluationsOf(directory, notes), ...settingsOf(directory, notes) }
}

function evaluationsOf(directory: string, notes: string[]): EvaluationPoint[] {
  const path = join(directory, "evaluations.jsonl")
  if (!existsSync(path)) return []
  const points: EvaluationPoint[] = []
  let broken = 0
  for (const record of jsonRecords(textLines(readFileSync(path)))) {
    if (typeof record?.["step"] === "number") points.push(record as unknown as EvaluationPoint)
    else broken++
  }
  if (broken > 0) notes.push(`${broken} lines of evaluations.jsonl could not be read`)
  return points
}

function settingsOf(directory: string, notes: string[]): Omit<RunDetails, "evaluations"> {
  const path = join(directory, "config.yaml")
  if (!existsSync(path)) return {}
  let config: unknown
  try {
    config = parse(readFileSync(path, "utf8"))
  } catch {
    notes.push("config.yaml could not be read: the window of the signal is the default one")
    return {}
  }
  const section = (name: string): Readonly<Record<string, unknown>> => {
    const value = isObject(config) ? config[name] : undefined
    return isObject(value) ? value : {}
  }
  const [rollout, pipo] = [section("rollout"), section("pipo")]
  const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
  const signal: TraceOptions = {
    ...defined("window", number(pipo["window"])),
    ...defined("minSteps", number(pipo["minSteps"])),
    ...defined("threshold", number(pipo["threshold"])),
    ...(pipo["windowConvention"] === "reference-code" ? { windowConvention: "reference-code" } : {}),
    ...(pipo["sigma"] === "population" ? { sigma: "population" } : {}),
  }
  return { ...defined("prompts", number(rollout["promptsPerStep"])), ...defined("groupSize", number(rollout["groupSize"])), signal }
}

function defined<K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, number>>
}

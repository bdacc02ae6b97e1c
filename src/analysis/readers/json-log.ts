/** JSON and JSONL: one object per line, a list of objects, or an object of lists. */
import { TableBuilder, type LogTable } from "./log-table.ts"

/** NaN and infinities, which Python writes and JSON does not know, become null. */
const pythonNumbers = /(?<=[:[,]\s*)(?:-?Infinity|NaN)(?=\s*[,}\]])/g

/** Parsed JSON, also with Python's NaN; undefined when it is not JSON. */
export function parseLenient(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (!/NaN|Infinity/.test(text)) return undefined
  }
  try {
    return JSON.parse(text.replace(pythonNumbers, "null"))
  } catch {
    return undefined
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The objects of JSONL; undefined for a line that is none. Empty lines are passed over. */
export function* jsonRecords(lines: Iterable<string>): Generator<JsonObject | undefined> {
  for (const line of lines) {
    if (line.trim() === "") continue
    const record = parseLenient(line)
    yield isObject(record) ? record : undefined
  }
}

/** One object per line. Lines that are none are counted; the metrics may lie under `data`, as verl's file logger has them, `metrics` or `logs`. */
export function readJsonLog(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  for (const record of jsonRecords(lines)) {
    if (record === undefined) table.unreadable++
    else table.addRecord(unwrapped(record))
  }
  return table.finish("JSONL")
}

/** Names under which loggers put the metrics of a step, beside its number. */
const wrappers = ["data", "metrics", "logs"]

function unwrapped(record: JsonObject): JsonObject {
  const wrapper = wrappers.find((name) => isObject(record[name]))
  if (wrapper === undefined) return record
  const { [wrapper]: metrics, ...others } = record
  return { ...others, ...(metrics as JsonObject) }
}

/** A list of objects, or an object whose values are lists of one length. Undefined for other JSON. */
export function readJsonDocument(document: unknown): LogTable | undefined {
  const table = new TableBuilder()
  if (Array.isArray(document)) {
    for (const record of document as unknown[]) {
      if (isObject(record)) table.addRecord(unwrapped(record))
      else table.unreadable++
    }
    return table.finish("JSON")
  }
  if (!isObject(document)) return undefined
  const lists = Object.entries(document).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
  const length = lists[0]?.[1].length ?? 0
  if (length === 0 || lists.some(([, list]) => list.length !== length)) return undefined
  for (let row = 0; row < length; row++) table.addRecord(Object.fromEntries(lists.map(([name, list]) => [name, list[row]])))
  return table.finish("JSON")
}

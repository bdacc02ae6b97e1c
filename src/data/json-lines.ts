/** A streaming reader of JSONL: one JSON object per line. */
import { createReadStream } from "node:fs"
import { DataError } from "../errors.ts"
import type { PlacedRow, Row } from "./rows.ts"

/**
 * Lines of a UTF-8 file, split at line feeds alone (JSON text may hold other separators, e.g. U+2028). A byte order mark
 * and carriage returns before line feeds are dropped.
 */
async function* readLines(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let pending = ""
  let lines = 0
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
    } catch (cause) {
      throw new DataError(`data set ${file}: expected UTF-8 text, got other bytes after line ${lines}. Convert the file.`, {
        cause,
      })
    }
  }
  for await (const bytes of createReadStream(file) as AsyncIterable<Uint8Array>) {
    const parts = decode(bytes).split("\n")
    parts[0] = pending + parts[0]
    pending = parts.pop() ?? ""
    for (const part of parts) {
      lines++
      yield part
    }
  }
  pending += decode(undefined)
  if (pending !== "") yield pending
}

function parseRow(text: string, file: string, line: number): Row {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataError(
      `data set ${file}, line ${line}: expected a JSON object, got text that is not JSON (${reason}). ` +
        "Mend the line; if it is the last, the file may be cut short.",
      { cause },
    )
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const got = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`
    throw new DataError(`data set ${file}, line ${line}: expected a JSON object, got ${got}. Write one object per line.`)
  }
  return value as Row
}

/**
 * Rows of a JSONL file. Blank lines are skipped and counted in the line numbers.
 * @throws DataError  naming file and line, when a line is not a JSON object or the file is not UTF-8
 */
export async function* readJsonLines(file: string): AsyncGenerator<PlacedRow> {
  let line = 0
  for await (const text of readLines(file)) {
    line++
    if (text.trim() !== "") yield { row: parseRow(text, file, line), place: `line ${line}` }
  }
}

/** A streaming reader of JSONL: one JSON object per line. */
import { DataError } from "../errors.ts"
import { parseJson } from "./json-text.ts"
import type { PlacedRow, Row } from "./rows.ts"
import { readTexts } from "./text-file.ts"

/** Characters of a line. */
export const maximumLineCharacters: number = 2 ** 26

function checkLength(characters: number, file: string, line: number): void {
  if (characters <= maximumLineCharacters) return
  throw new DataError(
    `data set ${file}, line ${line}: expected a line of at most ${maximumLineCharacters} characters, ` +
      "got a longer one. " +
      "Write one object per line; the file may be damaged.",
  )
}

/**
 * Lines of a UTF-8 file, split at line feeds alone (JSON text may hold other separators, e.g. U+2028). A byte order mark
 * and carriage returns before line feeds are dropped.
 * @throws DataError  at the part of a line that is too long, before the rest of it is read
 */
async function* readLines(file: string): AsyncGenerator<string> {
  let pending = ""
  let line = 1
  for await (const text of readTexts(file)) {
    const parts = text.split("\n")
    checkLength(pending.length + parts[0]!.length, file, line)
    parts[0] = pending + parts[0]
    pending = parts.pop() ?? ""
    line += parts.length
    yield* parts
  }
  if (pending !== "") yield pending
}

function parseRow(text: string, file: string, line: number): Row {
  let value: unknown
  try {
    value = parseJson(text)
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

/** Rows of a data file, one at a time, each with the place it stands at. */
import { stat } from "node:fs/promises"
import { ConfigError, DataError } from "../errors.ts"
import { dataEnding, dataEndingsText, refusedForm } from "./data-endings.ts"
import { readJsonDocument } from "./json-document.ts"
import { readJsonLines } from "./json-lines.ts"
import { readTable } from "./table-reader.ts"

export type Row = Readonly<Record<string, unknown>>

export interface PlacedRow {
  readonly row: Row
  /** For messages: `row 17` (of the data, from 1) or `line 17` (of the file). */
  readonly place: string
}

const readers: Readonly<Record<string, (file: string) => AsyncIterable<PlacedRow>>> = {
  ".jsonl": readJsonLines,
  ".ndjson": readJsonLines,
  ".json": readJsonDocument,
  ".parquet": (file) => readTable(file, "parquet"),
  ".csv": (file) => readTable(file, "csv"),
  ".tsv": (file) => readTable(file, "tsv"),
}

/**
 * Rows of a JSON, JSONL, parquet, CSV or TSV file, by its ending; texts may be packed with gzip.
 * @param path  place in the config that a missing or unknown file is reported at
 * @throws ConfigError  when there is no such file or its ending is not known
 * @throws DataError    when the file is broken or holds no row
 */
export async function* readRows(file: string, path: string): AsyncGenerator<PlacedRow> {
  const reader = readers[dataEnding(file)?.replace(/\.gz$/, "") ?? ""]
  if (reader === undefined) {
    const advice = refusedForm(file) ?? "Convert it."
    const message = `data set: expected a file that ends in ${dataEndingsText}, got ${file}. ${advice}`
    throw new ConfigError([{ path, message }])
  }
  const found = await stat(file).catch(() => undefined)
  if (found === undefined || !found.isFile()) {
    const got = found === undefined ? "nothing" : "something else"
    throw new ConfigError([{ path, message: `data set: expected a file at ${file}, got ${got} there. Check the path.` }])
  }
  let empty = true
  for await (const row of reader(file)) {
    empty = false
    yield row
  }
  if (empty) throw new DataError(`data set ${file}: expected at least one row, got none. Check the file.`)
}

/** Parquet, CSV and TSV files, read with DuckDB. */
import { DataError } from "../errors.ts"
import type { PlacedRow } from "./rows.ts"

/** Memory of the reader: of a page of a parquet file that is unpacked, and of a line of CSV. */
const READER_MEMORY = "1GB"

export type TableFormat = "parquet" | "csv" | "tsv"

/** A path as an SQL string in which DuckDB finds no wildcard. */
function quotePath(file: string): string {
  const literal = file.replace(/[*?[]/g, (character) => `[${character}]`)
  return `'${literal.replaceAll("'", "''")}'`
}

function query(file: string, format: TableFormat): string {
  if (format === "parquet") return `select * from read_parquet(${quotePath(file)})`
  // Everything is text: 007 stays 007. The dialect is fixed, because a guess turns a broken file into one odd column.
  const delimiter = format === "csv" ? "," : "\\t"
  const packed = file.toLowerCase().endsWith(".gz") ? "gzip" : "none"
  const dialect =
    `delim = '${delimiter}', quote = '"', escape = '"', header = true, all_varchar = true, strict_mode = true, ` +
    `compression = '${packed}'`
  return `select * from read_csv(${quotePath(file)}, ${dialect})`
}

/** Characters of the reader's own message that are shown: it may quote a line of megabytes. */
const SHOWN_CHARACTERS = 300

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const place = /CSV Error on Line: \d+/.exec(message)?.[0]
  if (place !== undefined && /Maximum line size/i.test(message)) return `${place}: a line longer than is read`
  const text = message.split("\n\nLINE ")[0]!.trim().replaceAll("\n", " ")
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text
}

/** True where a text is longer than any that JavaScript can hold. */
function isTooLong(error: unknown): boolean {
  return error instanceof Error && (error instanceof RangeError || /string longer than|Invalid string/.test(error.message))
}

/**
 * Rows of a table file in its order. Lists and structs come as arrays and objects, 64-bit integers and decimals as text;
 * fields of CSV and TSV are text, empty ones null.
 * @throws DataError  naming the file, when it is cut short or broken
 */
export async function* readTable(file: string, format: TableFormat): AsyncGenerator<PlacedRow> {
  // Loaded here, so that runs without such files do not load a database.
  const { DuckDBInstance, JsonDuckDBValueConverter: convert } = await import("@duckdb/node-api")
  // Nothing is fetched: the readers are built in, and extensions are not looked for.
  const database = await DuckDBInstance.create(":memory:", {
    threads: "1",
    memory_limit: READER_MEMORY,
    // Else it would write to a disk what does not fit.
    max_temp_directory_size: "0KB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  })
  const connection = await database.connect()
  try {
    let number = 0
    const result = await connection.stream(query(file, format))
    const names = result.deduplicatedColumnNames()
    for await (const chunk of result) {
      // One row at a time: a few bytes of a file may stand for a long text in each of thousands of rows.
      for (let index = 0; index < chunk.rowCount; index++) {
        const row: Record<string, unknown> = {}
        chunk.visitRowValues(index, (value, _row, column, type) => {
          row[names[column]!] = convert(value, type, convert)
        })
        yield { row, place: `row ${++number}` }
      }
    }
  } catch (cause) {
    if (describe(cause).startsWith("Out of Memory Error") || isTooLong(cause)) {
      const got = "a page or a text that takes more"
      const advice = "Write it again with smaller pages and texts, or do not use it."
      throw new DataError(`data set ${file}: expected what fits into ${READER_MEMORY} of memory, got ${got}. ${advice}`, {
        cause,
      })
    }
    throw new DataError(
      `data set ${file}: expected a readable ${format} file, got an error from the reader: ${describe(cause)}. ` +
        "Fetch or write the file again.",
      { cause },
    )
  } finally {
    connection.closeSync()
    database.closeSync()
  }
}

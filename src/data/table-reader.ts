/** Parquet, CSV and TSV files, read with DuckDB. */
import type { DuckDBConnection, DuckDBListType, DuckDBStructType, DuckDBType } from "@duckdb/node-api"
import { DataError } from "../errors.ts"
import { loadDuckDb } from "./duckdb.ts"
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
  if (message.includes("Error when sniffing")) return "no table of this form, or a line longer than is read"
  const text = message.split("\n\nLINE ")[0]!.trim().replaceAll("\n", " ")
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text
}

/** Rows that the reader hands over at a time. */
const ROWS_AT_A_TIME = 2048
/** What they may hold, bytes. */
const MAXIMUM_BYTES_AT_A_TIME = 2 ** 29

/** SQL for the bytes of texts in a value of a type, in all depths; undefined where there are none. */
function sizeOf(type: DuckDBType, value: string, depth: number): string | undefined {
  if (type.typeId === TypeId.text) return `coalesce(strlen(${value}), 0)`
  if (type.typeId === TypeId.bytes) return `coalesce(octet_length(${value}), 0)`
  if (type.typeId === TypeId.struct) {
    const { entryNames, entryTypes } = type as DuckDBStructType
    const parts = entryNames.flatMap((name, i) => {
      const part = sizeOf(entryTypes[i]!, `${value}.${quoteName(name)}`, depth + 1)
      return part === undefined ? [] : [part]
    })
    return parts.length === 0 ? undefined : `(${parts.join(" + ")})`
  }
  if (type.typeId !== TypeId.list) return undefined
  const item = `item${depth}`
  const inside = sizeOf((type as DuckDBListType).valueType, item, depth + 1)
  return inside === undefined ? undefined : `coalesce(list_sum(list_transform(${value}, lambda ${item}: ${inside})), 0)`
}

/** Numbers of the types, which are loaded with the reader. */
const TypeId = { text: 17, bytes: 18, list: 24, struct: 25 } as const

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A text that stands once in a parquet file may be that of a million rows, and the reader writes it out for each. So
 * the bytes are added up before any row is handed over.
 * @throws DataError  naming the rows that hold too much
 */
async function checkParquet(connection: DuckDBConnection, file: string): Promise<void> {
  const rows = `read_parquet(${quotePath(file)}, file_row_number = true)`
  const { columnCount, columnName, columnType } = await columnsOf(connection, rows)
  const sizes = Array.from({ length: columnCount }, (_, i) => sizeOf(columnType(i), quoteName(columnName(i)), 0))
  const known = sizes.filter((size) => size !== undefined)
  if (known.length === 0) return
  const grouped = `file_row_number // ${ROWS_AT_A_TIME} as part`
  const sums = `select ${grouped}, sum(${known.join(" + ")})::double as bytes from ${rows} group by part`
  const [largest] = await (await connection.run(`${sums} order by bytes desc limit 1`)).getRowsJson()
  const [part, bytes] = [Number(largest?.[0] ?? 0), Number(largest?.[1] ?? 0)]
  if (bytes <= MAXIMUM_BYTES_AT_A_TIME) return
  const place = `rows ${part * ROWS_AT_A_TIME + 1} to ${(part + 1) * ROWS_AT_A_TIME}`
  const expected = `expected at most ${MAXIMUM_BYTES_AT_A_TIME} bytes of text in ${ROWS_AT_A_TIME} rows`
  throw new DataError(
    `data set ${file}, ${place}: ${expected}, got ${bytes}. Do not use it, or write it anew with shorter texts.`,
  )
}

interface Columns {
  readonly columnCount: number
  columnName(index: number): string
  columnType(index: number): DuckDBType
}

async function columnsOf(connection: DuckDBConnection, rows: string): Promise<Columns> {
  const result = await connection.run(`select * from ${rows} limit 0`)
  return {
    columnCount: result.columnCount,
    columnName: (index) => result.columnName(index),
    columnType: (index) => result.columnType(index),
  }
}

/** True where a text is longer than any that JavaScript can hold. */
function isTooLong(error: unknown): boolean {
  return (
    error instanceof Error && (error instanceof RangeError || /string longer than|Invalid string/.test(error.message))
  )
}

/**
 * Rows of a table file in its order. Lists and structs come as arrays and objects, 64-bit integers and decimals as text;
 * fields of CSV and TSV are text, empty ones null.
 * @throws DataError  naming the file, when it is cut short or broken, or the package that reads it is not installed
 */
export async function* readTable(file: string, format: TableFormat): AsyncGenerator<PlacedRow> {
  const { DuckDBInstance, JsonDuckDBValueConverter: convert } = await loadDuckDb(`data set ${file}: a ${format} file`)
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
    if (format === "parquet") await checkParquet(connection, file)
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
    if (cause instanceof DataError) throw cause
    if (describe(cause).startsWith("Out of Memory Error") || isTooLong(cause)) {
      const got = "a page or a text that takes more"
      const advice = "Write it again with smaller pages and texts, or do not use it."
      throw new DataError(
        `data set ${file}: expected what fits into ${READER_MEMORY} of memory, got ${got}. ${advice}`,
        {
          cause,
        },
      )
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

/** Parquet, CSV and TSV files, read with DuckDB. */
import { DataError } from "../errors.ts"
import { loadDuckDb } from "./duckdb.ts"
import type { PlacedRow } from "./rows.ts"

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

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split("\n\nLINE ")[0].trim().replaceAll("\n", " ")
}

/**
 * Rows of a table file in its order. Lists and structs come as arrays and objects, 64-bit integers and decimals as text;
 * fields of CSV and TSV are text, empty ones null.
 * @throws DataError  naming the file, when it is cut short or broken, or the package that reads it is not installed
 */
export async function* readTable(file: string, format: TableFormat): AsyncGenerator<PlacedRow> {
  const { DuckDBInstance } = await loadDuckDb(`data set ${file}: a ${format} file`)
  // Nothing is fetched: the readers are built in, and extensions are not looked for.
  const database = await DuckDBInstance.create(":memory:", {
    threads: "1",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  })
  const connection = await database.connect()
  try {
    let number = 0
    const result = await connection.stream(query(file, format))
    for await (const rows of result.yieldRowObjectJson()) {
      for (const row of rows) yield { row, place: `row ${++number}` }
    }
  } catch (cause) {
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

/**
 * Results of a query as a table for reading, as CSV, or as JSON lines.
 */
import { csvOf, textOf } from "../runs/index.ts"
import type { QueryResult, QueryValue } from "../runs/index.ts"
import type { OutputStream } from "./command.ts"
import { counted, terminalLine } from "./format.ts"

/** Rows of a table; more are counted. */
const TABLE_ROWS = 1000
/** Characters of a cell of a table; longer ones are cut. */
const CELL_CHARACTERS = 80

/** Writes one JSON object per row. */
export async function writeJsonLines({ columns, batches }: QueryResult, out: OutputStream): Promise<void> {
  for await (const rows of batches) {
    out.write(rows.map((row) => `${JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, row[i]])))}\n`).join(""))
  }
}

/** Writes comma-separated values. */
export async function writeCsv(result: QueryResult, out: OutputStream): Promise<void> {
  for await (const text of csvOf(result)) out.write(text)
}

/** Writes an aligned table: control characters escaped, long cells and long results cut, and both said. */
export async function writeTable({ columns, batches }: QueryResult, out: OutputStream): Promise<void> {
  const shown: (readonly QueryValue[])[] = []
  let count = 0
  for await (const rows of batches) {
    count += rows.length
    shown.push(...rows.slice(0, Math.max(0, TABLE_ROWS - shown.length)))
  }
  const numeric = columns.map((_, i) => shown.every((row) => row[i] === null || typeof row[i] === "number"))
  const cells = [columns.map(printable), ...shown.map((row) => row.map((value) => printable(value === null ? "-" : numberText(value))))]
  const widths = columns.map((_, i) => cells.reduce((wide, row) => Math.max(wide, row[i]!.length), 0))
  for (const row of cells) {
    const line = row.map((cell, i) => (numeric[i]! ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  ")
    out.write(`${line.trimEnd()}\n`)
  }
  const more = count > shown.length ? `, the first ${shown.length} shown; --csv and --json give all` : ""
  out.write(`(${counted(count, "row")}${more})\n`)
}

/** Numbers with at most six digits: a table is for reading. */
function numberText(value: QueryValue): string {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : textOf(value)
}

/** A cell of a table, cut. */
function printable(text: string): string {
  const cut = text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS - 3)}...` : text
  return terminalLine(cut)
}

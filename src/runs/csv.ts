/**
 * Comma-separated values, as RFC 4180 has them but for line feeds.
 */
import type { QueryResult, QueryValue } from "./run-database.ts"

/** A result in pieces of text, the names first; null is an empty field, lists and structs are JSON. */
export async function* csvOf({ columns, batches }: QueryResult): AsyncGenerator<string> {
  yield lineOf(columns)
  for await (const rows of batches) yield rows.map((row) => lineOf(row.map(textOf))).join("")
}

/** A value as text; lists and structs as JSON. */
export function textOf(value: QueryValue): string {
  if (value === null) return ""
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

function lineOf(cells: readonly string[]): string {
  return `${cells.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")}\n`
}

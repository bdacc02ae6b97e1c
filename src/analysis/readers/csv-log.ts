/**
 * CSV and TSV with a header, among them the exports of W&B charts: a column `Step`, and for every run `run - metric` with its `__MIN` and
 * `__MAX`, which are left out.
 */
import { numberFrom, TableBuilder, type LogTable } from "./log-table.ts"

const delimiters = [",", ";", "\t"] as const

/** The delimiter that the header has most of; undefined when it has none. */
export function delimiterOf(header: string): string | undefined {
  const bare = header.replace(/"(?:[^"]|"")*"/g, "")
  const counts = delimiters.map((delimiter) => bare.split(delimiter).length - 1)
  const most = Math.max(...counts)
  return most === 0 ? undefined : delimiters[counts.indexOf(most)]
}

/** Records of a CSV text (RFC 4180: quotes double inside quotes, line ends may stand inside them). */
export function* csvRecords(text: string, delimiter: string): Generator<string[]> {
  let at = 0
  let record: string[] = []
  while (at < text.length) {
    let cell: string
    if (text[at] === '"') {
      let end = text.indexOf('"', at + 1)
      while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2)
      if (end === -1) end = text.length
      cell = text.slice(at + 1, end).replaceAll('""', '"')
      at = end + 1
      while (at < text.length && text[at] !== delimiter && text[at] !== "\n") at++
    } else {
      const start = at
      while (at < text.length && text[at] !== delimiter && text[at] !== "\n") at++
      cell = text.slice(start, at)
    }
    record.push(cell)
    if (at < text.length && text[at] === delimiter) {
      at++
      if (at === text.length) record.push("")
      continue
    }
    at++
    yield trimmed(record)
    record = []
  }
  if (record.length > 0) yield trimmed(record)
}

function trimmed(record: string[]): string[] {
  const last = record.at(-1)
  if (last?.endsWith("\r") === true) record[record.length - 1] = last.slice(0, -1)
  return record
}

/** Rows with too many or too few cells are counted as unreadable; blank lines are not. */
export function readCsvLog(text: string, delimiter: string): LogTable {
  const records = csvRecords(text, delimiter)
  const header = (records.next().value as string[] | undefined) ?? []
  const table = new TableBuilder()
  const { names, wandb } = columnNames(header.map((name) => name.trim()), table.notes)
  const decimalComma = delimiter === "," ? undefined : /^\s*-?\d+,\d+\s*$/
  for (const record of records) {
    if (record.length === 1 && record[0]!.trim() === "") continue
    if (record.length !== names.length) {
      table.unreadable++
      continue
    }
    for (let i = 0; i < record.length; i++) {
      const name = names[i]
      const cell = record[i]!
      if (name === undefined || cell.trim() === "") continue
      table.set(name, numberFrom(decimalComma?.test(cell) === true ? cell.replace(",", ".") : cell))
    }
    table.endRow()
  }
  return table.finish(wandb ? "W&B CSV export" : "CSV")
}

/** Undefined for a column that is left out. W&B's names lose the run's, when there is one run. */
function columnNames(header: readonly string[], notes: string[]): { names: (string | undefined)[]; wandb: boolean } {
  const owned = header.map((name) => / - (?!.* - )/.exec(name))
  const bounds = header.map((name) => /__(?:MIN|MAX)$/.test(name))
  const wandb = bounds.some(Boolean) || (owned.some((match) => match !== null) && owned.slice(1).every((match) => match !== null))
  if (!wandb) return { names: header.map((name, i) => (name === "" ? `column ${i + 1}` : name)), wandb }
  const runs = new Set(header.flatMap((name, i) => (owned[i] === null || bounds[i] ? [] : [name.slice(0, owned[i]!.index)])))
  const names = header.map((name, i) => {
    if (bounds[i]) return undefined
    return runs.size === 1 && owned[i] !== null ? name.slice(owned[i]!.index + 3) : name
  })
  if (runs.size === 1) notes.push(`the columns are those of the run ${[...runs][0]}`)
  return { names, wandb }
}

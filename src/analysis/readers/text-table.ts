/**
 * Tables of a notebook or a console, as unsloth and TRL show them: a header with Step and rewards, cells apart by tabs,
 * bars or spaces.
 */
import { stripVTControlCharacters } from "node:util"
import { numberFrom, TableBuilder, type LogTable } from "./log-table.ts"

type Split = (line: string) => string[]

const splits: readonly Split[] = [
  (line) => line.split("\t"),
  (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|"),
  (line) => line.trim().split(/\s{2,}/),
]

function cellsOf(line: string, split: Split): string[] {
  return split(stripVTControlCharacters(line)).map((cell) => cell.trim())
}

/** How the cells of a header stand apart; undefined for other lines. */
function splitOf(line: string): Split | undefined {
  if (!/\bstep\b/i.test(line) || !/reward/i.test(line)) return undefined
  return splits.find((split) => {
    const cells = cellsOf(line, split)
    return (
      cells.length > 2 &&
      cells.some((cell) => /^step$/i.test(cell)) &&
      cells.every((cell) => Number.isNaN(numberFrom(cell)))
    )
  })
}

export function isTableHeader(line: string): boolean {
  return splitOf(line) !== undefined
}

/** Rows of as many numbers as the header has names; other lines are no part of the table. */
export function readTextTable(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  let split: Split | undefined
  let names: readonly string[] = []
  for (const line of lines) {
    const next = splitOf(line)
    if (next !== undefined) {
      split = next
      names = cellsOf(line, next)
      continue
    }
    if (split === undefined) continue
    const values = cellsOf(line, split).map(numberFrom)
    const step = values[names.findIndex((name) => /^step$/i.test(name))]
    if (values.length !== names.length || step === undefined || Number.isNaN(step)) continue
    names.forEach((name, i) => {
      table.set(name, values[i]!)
    })
    table.endRow()
  }
  return table.finish("table of a console")
}

/**
 * Progress bars of tqdm with values behind the times, as OpenRLHF shows them: `| 8/16 [00:30<00:30, 3.8s/it, pg=-0.01,
 * rm=0.43, ...]`.
 */
import { stripVTControlCharacters } from "node:util"
import { numberFrom, TableBuilder, type LogTable } from "./log-table.ts"

const bar = /\|\s*(\d+)\/\d+ \[[^\]]*?,\s*((?:[\w/.@-]+=[^,\]\s]+(?:,\s*)?)+)\]/
const reward = /(?:^|[\s,])(?:rm|rewards?)=/

/** What OpenRLHF calls its values in a bar. */
const NAMES: Readonly<Record<string, string>> = {
  rm: "reward",
  ret: "return",
  glen: "response_length",
  tlen: "total_length",
  pg: "policy_loss",
  ent: "entropy",
}

export function isProgressBar(line: string): boolean {
  return line.includes("=") && reward.test(bar.exec(line)?.[2] ?? "")
}

/**
 * A bar is drawn again and again: the last drawing of each count is a row. Counts begin anew with every bar, so that
 * rows are numbered.
 */
export function readProgressBars(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  let drawn: readonly [count: string, values: string] | undefined
  const finishRow = (): void => {
    if (drawn === undefined) return
    table.set("step", table.rows + 1)
    for (const part of drawn[1].split(",")) {
      const [name, value] = part.trim().split("=") as [string, string | undefined]
      if (value !== undefined) table.set(Object.hasOwn(NAMES, name) ? NAMES[name]! : name, numberFrom(value))
    }
    table.endRow()
  }
  for (const raw of lines) {
    for (const line of stripVTControlCharacters(raw).split("\r")) {
      if (!isProgressBar(line)) continue
      const [, count, values] = bar.exec(line) as unknown as [string, string, string]
      if (drawn !== undefined && drawn[0] !== count) finishRow()
      drawn = [count, values]
    }
  }
  finishRow()
  table.notes.push("progress bars tell no step: a count with values is one")
  return table.finish("console log of progress bars")
}

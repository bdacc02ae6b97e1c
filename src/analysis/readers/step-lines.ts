/**
 * Lines that begin with the number of a step: `Step 12 | Time: 13.04s | Reward: 0.1160 | ...` of prime-rl, `Iter 12:
 * Train loss 0.1, Total rewards mean 0.4, ...` of mlx-lm-lora, and its later blocks, where `Iter 12:` stands alone and
 * a line for each value follows.
 */
import { stripVTControlCharacters } from "node:util"
import { numberFrom, TableBuilder, type LogTable } from "./log-table.ts"

const stepLine = /(?:^|\s)(?:Step|Iter|Iteration) (\d+)(?: \||:)(?:\s|$)(.*)$/
/** A name, a number, and its unit, which only a percent sign changes. */
const namedValue =
  /^\W*([A-Za-z].*?)(?::\s*|=|\s+)([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?|nan|-?inf)(?:\D.*)?$/
/** Mean and standard deviation as the blocks of mlx-lm-lora write them. */
const moments = /^\W*([A-Za-z][^:]*):\s*\u03bc=(\S+?),\s*\u03c3=(\S+?)(?:,|$)/

/** Lines after `Iter 12:` that may belong to its block. */
const BLOCK_LINES = 40

function stepOf(line: string): RegExpExecArray | null {
  return /Step|Iter/.test(line) ? stepLine.exec(stripVTControlCharacters(line)) : null
}

export function isStepLine(line: string): boolean {
  const found = stepOf(line)
  return found !== null && (found[2] === "" || valuesOf(found[2]!).length > 0)
}

/** `Val. Reward` is `val/reward`, `Seq. Length` is `seq_length`. */
function columnOf(name: string): string {
  const words = name.toLowerCase().replaceAll(".", "").trim().split(/\s+/)
  const held = words.length > 1 && (words[0] === "val" || words[0] === "eval")
  return held ? `${words[0]}/${words.slice(1).join("_")}` : words.join("_")
}

function valuesOf(text: string): (readonly [column: string, value: number])[] {
  const both = moments.exec(text)
  if (both !== null) {
    const column = columnOf(both[1]!)
    return [
      [`${column}_mean`, numberFrom(both[2]!)],
      [`${column}_std`, numberFrom(both[3]!)],
    ]
  }
  return text.split(/\s\|\s?|,\s+/).flatMap((part) => {
    const found = namedValue.exec(part.trim())
    return found === null ? [] : [[columnOf(found[1]!), numberFrom(found[2]!)] as const]
  })
}

/** Lines of one step are one row, unless a value comes twice. */
export function readStepLines(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  let row = new Map<string, number>()
  let blockLines = 0
  const finishRow = (): void => {
    if (row.size < 2) return
    for (const [name, value] of row) table.set(name, value)
    table.endRow()
  }
  const startRow = (step: number): void => {
    finishRow()
    row = new Map([["step", step]])
  }
  for (const raw of lines) {
    const found = stepOf(raw)
    if (found === null && blockLines === 0) continue
    const values = valuesOf(found === null ? stripVTControlCharacters(raw).trim() : found[2]!)
    if (found !== null) {
      const step = Number(found[1])
      blockLines = found[2] === "" ? BLOCK_LINES : 0
      if (blockLines === 0 && values.length === 0) continue
      if (row.get("step") !== step || values.some(([name]) => row.has(name))) startRow(step)
    } else blockLines--
    for (const [name, value] of values) if (!row.has(name)) row.set(name, value)
  }
  finishRow()
  return table.finish("console log of steps")
}

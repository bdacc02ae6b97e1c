/**
 * What trainers print: verl's lines `step:12 - critic/score/mean:0.43 - ...`, with whatever ray puts before them, and the dictionaries of
 * transformers, TRL and unsloth, `{'loss': 0.02, 'reward': 0.43, ...}`; OpenRLHF puts `Global step 5:` before them.
 */
import { stripVTControlCharacters } from "node:util"
import { numberFrom, TableBuilder, type LogTable } from "./log-table.ts"

const verlLine = /(?:^|\s)step:(\d+) - (\S+:.*)$/
const dictionary = /\{'[^']+':.*\}/
const pair = /'([^']+)':\s*(?:'([^']*)'|((?:np\.|numpy\.|torch\.)?\w*\([^)]*\)|[^,}\s]+))/g

/** A line without the colours of a terminal. */
function plain(line: string): string {
  return line.includes("\u001B") ? stripVTControlCharacters(line) : line
}

export function isVerlLine(line: string): boolean {
  return line.includes("step:") && verlLine.test(plain(line))
}

export function isDictionaryLine(line: string): boolean {
  return line.includes("{'") && dictionary.test(line) && /reward|score|loss/.test(line)
}

/** Other lines are no part of the log and are passed over. */
export function readVerlConsole(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  for (const raw of lines) {
    if (!raw.includes("step:")) continue
    const match = verlLine.exec(plain(raw))
    if (match === null) continue
    table.set("step", Number(match[1]))
    for (const part of match[2]!.split(" - ")) {
      const colon = part.lastIndexOf(":")
      if (colon > 0) table.set(part.slice(0, colon).trim(), numberFrom(firstWord(part, colon + 1)))
    }
    table.endRow()
  }
  return table.finish("verl console log")
}

function firstWord(text: string, start: number): string {
  const end = text.indexOf(" ", start)
  return end === -1 ? text.slice(start) : text.slice(start, end)
}

const globalStep = /Global step (\d+): \{/

/**
 * Dictionaries without a step, in them or before them: a row with a training loss or reward is counted as one, an
 * evaluation belongs to the row before.
 */
export function readDictionaries(lines: Iterable<string>): LogTable {
  const table = new TableBuilder()
  let row = 0
  let counted = false
  for (const raw of lines) {
    const line = plain(raw)
    if (!isDictionaryLine(line)) continue
    const pairs = [...dictionary.exec(line)![0].matchAll(pair)]
    const names = pairs.map((match) => match[1]!)
    if (names.includes("train_runtime")) continue
    const told = globalStep.exec(line)?.[1]
    if (told !== undefined) table.set("step", Number(told))
    else if (!names.includes("step")) {
      counted = true
      if (!names.some((name) => /^eval[_/]/.test(name))) row++
      table.set("step", row)
    }
    for (const [, name, quoted, bare] of pairs) table.set(name!, numberFrom(quoted ?? bare ?? ""))
    table.endRow()
  }
  if (counted) table.notes.push("the printed lines tell no step: a row counts as one")
  return table.finish("console log of dictionaries")
}

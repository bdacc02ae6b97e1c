/** Any log, by what is in it: the ending of its name says little. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { DataError } from "../../errors.ts"
import { isDictionaryLine, isVerlLine, readDictionaries, readVerlConsole } from "./console-log.ts"
import { delimiterOf, readCsvLog } from "./csv-log.ts"
import { isObject, parseLenient, readJsonDocument, readJsonLog } from "./json-log.ts"
import { asUtf8, textLines } from "./lines.ts"
import type { LogTable } from "./log-table.ts"
import { isPirlLine, readPirlRun } from "./pirl-run.ts"
import { isProgressBar, readProgressBars } from "./progress-bars.ts"
import { isStepLine, readStepLines } from "./step-lines.ts"
import { isTableHeader, readTextTable } from "./text-table.ts"
import { isTrainerState, readTrainerState } from "./trainer-state.ts"

const readable =
  "metrics.jsonl of pirl or its run folder, JSONL, JSON, CSV, trainer_state.json, a console log of verl, TRL, prime-rl, OpenRLHF, " +
  "unsloth or mlx-lm-lora, or an export of W&B"

/** A document of more bytes than this is read as lines only. */
const LARGEST_DOCUMENT = 2 ** 28

/**
 * Reads a log file, or the log of a run folder or of the checkpoints of transformers.
 * @throws DataError  when there is nothing there, or nothing that can be read
 */
export function readLog(path: string): LogTable {
  if (!existsSync(path)) throw new DataError(`log ${path}: expected a file or a run folder, got nothing there. Check the path.`)
  if (statSync(path).isDirectory()) return readLog(logOf(path))
  const bytes = asUtf8(readFileSync(path))
  const first = firstLines(bytes, 200)
  if (first.length === 0) throw new DataError(`log ${path}: expected ${readable}, got an empty file. Check the path.`)
  refuseBinary(path, bytes)
  if (isPirlLine(parseLenient(first[0]!))) return readPirlRun(path)
  const document = documentIn(bytes, first[0]!)
  if (isTrainerState(document)) return readTrainerState(document)
  if (isObject(parseLenient(first[0]!)) && !Array.isArray(document)) return readJsonLog(textLines(bytes))
  if (document !== undefined) {
    const table = readJsonDocument(document)
    if (table !== undefined) return table
    const keys = isObject(document) ? `an object with ${Object.keys(document).slice(0, 12).join(", ")}` : "another value"
    throw new DataError(`log ${path}: expected JSON with rows (a list of objects, lists of one length, or log_history), got ${keys}. Export the history.`)
  }
  const lines = (): Iterable<string> => textLines(bytes)
  if (some(lines(), isVerlLine)) return readVerlConsole(lines())
  if (some(lines(), isDictionaryLine)) return readDictionaries(lines())
  // Text of a console may stand before the JSON.
  if (first.some((line) => isObject(parseLenient(line)))) return readJsonLog(lines())
  if (some(lines(), isStepLine)) return readStepLines(lines())
  if (some(lines(), isProgressBar)) return readProgressBars(lines())
  const isFirst = isTableHeader(first[0]!) && first[0]!.includes("\t")
  if (!isFirst && some(lines(), isTableHeader)) return readTextTable(lines())
  const delimiter = delimiterOf(first[0]!) ?? (/\.[ct]sv$/i.test(path) ? "," : undefined)
  if (delimiter !== undefined) return readCsvLog(new TextDecoder().decode(bytes), delimiter)
  throw new DataError(`log ${path}: expected ${readable}, got text that begins with ${JSON.stringify(first[0]!.slice(0, 60))}. Check the path.`)
}

/** The log in a folder. */
function logOf(directory: string): string {
  for (const name of ["metrics.jsonl", "trainer_state.json"]) if (existsSync(join(directory, name))) return join(directory, name)
  const names = readdirSync(directory)
  const checkpoints = names
    .filter((name) => /^checkpoint-\d+$/.test(name) && existsSync(join(directory, name, "trainer_state.json")))
    .sort((a, b) => Number(a.slice(11)) - Number(b.slice(11)))
  const newest = checkpoints.at(-1)
  if (newest !== undefined) return join(directory, newest, "trainer_state.json")
  const got = names.length === 0 ? "an empty folder" : `a folder with ${names.slice(0, 12).join(", ")}`
  throw new DataError(`log ${directory}: expected a run folder (metrics.jsonl) or checkpoints with trainer_state.json, got ${got}. Name the log file itself.`)
}

function firstLines(bytes: Uint8Array, count: number): string[] {
  const found: string[] = []
  for (const line of textLines(bytes)) {
    if (line.trim() !== "") found.push(line)
    if (found.length === count) break
  }
  return found
}

function some(lines: Iterable<string>, holds: (line: string) => boolean): boolean {
  for (const line of lines) if (holds(line)) return true
  return false
}

function refuseBinary(path: string, bytes: Uint8Array): void {
  const head = bytes.subarray(0, 4096)
  const kind = head[0] === 0x1f && head[1] === 0x8b ? "a gzip file" : head.includes(0) ? "a binary file" : undefined
  if (kind !== undefined) throw new DataError(`log ${path}: expected ${readable}, got ${kind}. Unpack it, or export it as CSV or JSONL.`)
}

/** The file as one JSON document, when it is one and not lines of them. */
function documentIn(bytes: Uint8Array, first: string): unknown {
  const start = first.trimStart()[0]
  if ((start !== "{" && start !== "[") || bytes.length > LARGEST_DOCUMENT) return undefined
  const whole = parseLenient(first)
  if (whole !== undefined && !isTrainerState(whole) && !Array.isArray(whole)) return undefined
  return parseLenient(new TextDecoder().decode(bytes))
}

/**
 * Append-only JSONL: one JSON object per line, on the disk before `append` returns.
 */
import type { Hash } from "node:crypto"
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs"
import { basename, dirname } from "node:path"
import { DataError, PirlError } from "../errors.ts"
import { addFile, newHash } from "../integrity/index.ts"
import { readTextFile, reasonOf, syncDirectory, writeFileAtomic } from "./durable-files.ts"
import type { LogMark } from "./log-marks.ts"

/** One line of a log. */
export type JsonRecord = Readonly<Record<string, unknown>>

/** Lines of a log as far as they are whole. */
export interface JsonlContent {
  readonly records: readonly JsonRecord[]
  /** The file ends in a line that was not written to its end; it is not among the records. */
  readonly halfWritten: boolean
}

/** A file to which whole lines are appended. */
export class JsonlLog {
  readonly path: string
  readonly #descriptor: number
  readonly #hash: Hash = newHash()
  #length: number

  /** Opens or creates the file. A last line without an end is cut: what follows would else be glued to it. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true })
    const isNew = !existsSync(path)
    this.path = path
    this.#descriptor = openSync(path, isNew ? "wx+" : "r+")
    if (isNew) syncDirectory(dirname(path))
    this.#length = wholeLength(this.#descriptor)
    ftruncateSync(this.#descriptor, this.#length)
    addFile(this.#hash, path)
  }

  /**
   * Appends lines; they are on the disk when this returns. Numbers that JSON does not know (NaN) become null, halves of a
   * character that stand alone become U+FFFD: other readers refuse a file with one.
   * @throws PirlError  when the disk refuses; the file then ends where it ended before
   */
  append(...records: readonly object[]): void {
    if (records.length === 0) return
    const bytes = Buffer.from(records.map((record) => `${lineOf(record)}\n`).join(""))
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.#descriptor, bytes, written, bytes.length - written, this.#length + written)
      }
      fsyncSync(this.#descriptor)
    } catch (cause) {
      ftruncateSync(this.#descriptor, this.#length)
      const hint = "Make room on the disk and resume the run."
      throw new PirlError(`log ${this.path}: expected to append a line, got ${reasonOf(cause)}. ${hint}`, { cause })
    }
    this.#length += bytes.length
    this.#hash.update(bytes)
  }

  /** Length and hash of what is on the disk now. */
  mark(): LogMark {
    return { bytes: this.#length, sha256: this.#hash.copy().digest("hex") }
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** JSON of a record. What stands alone of a pair is written as an escape with small letters. */
function lineOf(record: object): string {
  const line = JSON.stringify(record)
  if (!line.includes("\\ud")) return line
  return JSON.stringify(JSON.parse(line, (_, value: unknown) => (typeof value === "string" ? wellFormed(value) : value)))
}

/** UTF-8 has no halves of a character: encoding replaces them. */
function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8")
}

/** Length of the file up to its last line end. */
function wholeLength(descriptor: number): number {
  const block = Buffer.alloc(65_536)
  let end = fstatSync(descriptor).size
  while (end > 0) {
    const start = Math.max(0, end - block.length)
    const read = readSync(descriptor, block, 0, end - start, start)
    const lineEnd = block.subarray(0, read).lastIndexOf(10)
    if (lineEnd >= 0) return start + lineEnd + 1
    end = start
  }
  return 0
}

/**
 * Reads a log that may be written to at this moment: a half-written last line is left out. A file that is not there
 * has no lines.
 * @throws DataError  naming the line, when one before the last is not a JSON object; when the file cannot be read
 */
export function readJsonl(path: string): JsonlContent {
  const { lines, halfWritten } = readLines(path)
  return { records: lines.map((line, i) => parseLine(line, path, i + 1)), halfWritten }
}

function readLines(path: string): { lines: string[]; halfWritten: boolean } {
  if (!existsSync(path)) return { lines: [], halfWritten: false }
  const lines = readTextFile(path).split("\n")
  const rest = lines.pop() ?? ""
  return { lines, halfWritten: rest !== "" }
}

function objectOf(line: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : undefined
  } catch {
    return undefined
  }
}

function parseLine(line: string, path: string, number: number): JsonRecord {
  const value = objectOf(line)
  if (value !== undefined) return value
  throw new DataError(
    `${path}:${number}: expected a JSON object, got ${JSON.stringify(line.slice(0, 60))}. ` +
      "The file was changed by something else; restore it or remove that line.",
  )
}

/** A line that some reader refuses. */
export interface DamagedLine {
  /** From 1. */
  readonly line: number
  readonly reason: string
}

/**
 * The first whole line of a log that is no JSON object, or holds half of a character, which not every reader takes; undefined when there is
 * none, or no log.
 */
export function findDamagedLine(path: string): DamagedLine | undefined {
  if (!existsSync(path)) return undefined
  let line = 0
  for (const text of wholeLines(path)) {
    line += 1
    const value = objectOf(text)
    if (value === undefined) return { line, reason: JSON.stringify(text.slice(0, 60)) }
    if (/\\ud/i.test(text) && lineOf(value) !== JSON.stringify(value)) return { line, reason: "half of a character (a lone surrogate)" }
  }
  return undefined
}

/** Lines of a file that may be larger than a string can be. */
function* wholeLines(path: string): Generator<string> {
  const descriptor = openSync(path, "r")
  try {
    const block = Buffer.alloc(1 << 20)
    let begun: Buffer[] = []
    for (let read = readSync(descriptor, block); read > 0; read = readSync(descriptor, block)) {
      let start = 0
      for (let end = block.indexOf(10); end >= 0 && end < read; end = block.indexOf(10, start)) {
        yield Buffer.concat([...begun, block.subarray(start, end)]).toString("utf8")
        begun = []
        start = end + 1
      }
      begun.push(Buffer.from(block.subarray(start, read)))
    }
  } finally {
    closeSync(descriptor)
  }
}

/** What was cut from a log. */
export interface JsonlCut {
  /** File name within its folder. */
  readonly file: string
  /** Whole lines that were cut. */
  readonly lines: number
  /** A half-written last line was cut too. */
  readonly halfWritten: boolean
}

/**
 * Cuts every line whose `step` is above the given one, and a half-written last line. Lines without a step stay.
 * @returns what was cut, or undefined when the file is as it was
 */
export function cutJsonlAfter(path: string, step: number): JsonlCut | undefined {
  const { lines, halfWritten } = readLines(path)
  const kept = lines.filter((line, i) => {
    const record = parseLine(line, path, i + 1)
    return !(typeof record["step"] === "number" && record["step"] > step)
  })
  const cut = lines.length - kept.length
  if (cut === 0 && !halfWritten) return undefined
  writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""))
  return { file: basename(path), lines: cut, halfWritten }
}

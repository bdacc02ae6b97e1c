/** A JSONL log as columns: an array of numbers per metric, grown as the log grows. */
import { rowOfStep } from "../analysis/table.ts"
import type { Table } from "../analysis/table.ts"
import { LineTail } from "./line-tail.ts"

/** Guards against folders that are no runs of ours. */
const mostColumns = 400
const mostWords = 32
const longestWord = 40

class Column {
  values: Float64Array
  words: string[] | undefined

  constructor(capacity: number) {
    this.values = new Float64Array(capacity).fill(Number.NaN)
  }

  set(row: number, value: number): void {
    if (row >= this.values.length) {
      const larger = new Float64Array(Math.max(64, this.values.length * 2, row + 1)).fill(Number.NaN)
      larger.set(this.values)
      this.values = larger
    }
    this.values[row] = value
  }

  setWord(row: number, word: string): void {
    this.words ??= []
    let code = this.words.indexOf(word)
    if (code < 0 && this.words.length < mostWords) code = this.words.push(word) - 1
    if (code >= 0) this.set(row, code)
  }
}

/** metrics.jsonl or evaluations.jsonl of a run. Nested metrics have dotted names; times of day are seconds since 1970. */
export class ColumnLog implements Table {
  /** Goes up whenever rows that were there no longer hold. */
  generation = 1
  /** Lines that were no JSON object with a step. */
  damaged = 0
  #rows = 0
  #columns = new Map<string, Column>()
  readonly #tail: LineTail

  constructor(path: string) {
    this.#tail = new LineTail(path, { lines: (bytes) => this.#append(bytes), reset: () => this.#reset() })
  }

  /** Reads what is new. */
  async refresh(): Promise<void> {
    await this.#tail.poll()
  }

  get rows(): number {
    return this.#rows
  }

  /** Names of the columns, in the order in which they came up. */
  get names(): string[] {
    return [...this.#columns.keys()]
  }

  column(name: string): Float64Array | undefined {
    const values = this.#columns.get(name)?.values
    // A column that has not come up in the last rows is shorter than the table.
    if (values === undefined || values.length >= this.#rows) return values
    this.#columns.get(name)!.set(this.#rows, Number.NaN)
    return this.#columns.get(name)!.values
  }

  labels(name: string): readonly string[] | undefined {
    return this.#columns.get(name)?.words
  }

  /** Last known value of a column; null without one. */
  last(name: string): number | null {
    return this.column(name)?.subarray(0, this.#rows).findLast((value) => !Number.isNaN(value)) ?? null
  }

  #reset(): void {
    this.generation += 1
    this.damaged = 0
    this.#rows = 0
    this.#columns = new Map()
  }

  #append(bytes: Buffer): void {
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; start = end + 1, end = bytes.indexOf(10, start)) {
      const record = parseObject(bytes.toString("utf8", start, end))
      if (record === undefined || typeof record["step"] !== "number") this.damaged += 1
      else this.#add(record, record["step"])
    }
  }

  #add(record: Readonly<Record<string, unknown>>, step: number): void {
    const steps = this.column("step")
    if (steps !== undefined && this.#rows > 0 && step <= steps[this.#rows - 1]!) this.#rewind(rowOfStep(steps, this.#rows, step))
    this.#fill(record, "", this.#rows)
    this.#rows += 1
  }

  /** Steps rise; a step that comes again takes the place of what came from it on. */
  #rewind(row: number): void {
    for (const column of this.#columns.values()) column.values.fill(Number.NaN, row)
    this.#rows = row
    this.generation += 1
  }

  #fill(record: object, prefix: string, row: number): void {
    for (const [key, value] of Object.entries(record)) {
      const name = prefix === "" ? key : `${prefix}.${key}`
      if (typeof value === "number") this.#columnOf(name)?.set(row, value)
      else if (typeof value === "boolean") this.#columnOf(name)?.set(row, Number(value))
      else if (typeof value === "string") this.#setText(name, row, value)
      else if (typeof value === "object" && value !== null && name.length < 120) this.#fill(value, name, row)
    }
  }

  #setText(name: string, row: number, value: string): void {
    if (name === "time.at") {
      const at = Date.parse(value)
      if (!Number.isNaN(at)) this.#columnOf(name)?.set(row, at / 1000)
    } else if (value.length <= longestWord && !name.startsWith("time.")) this.#columnOf(name)?.setWord(row, value)
  }

  #columnOf(name: string): Column | undefined {
    const known = this.#columns.get(name)
    if (known !== undefined || this.#columns.size >= mostColumns) return known
    const column = new Column(Math.max(64, this.#rows + 1))
    this.#columns.set(name, column)
    return column
  }
}

/** The object that a line holds; undefined when it holds something else. */
export function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

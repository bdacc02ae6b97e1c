/** A log as columns of numbers, whatever file it came from. */
import type { EvaluationPoint } from "../held-out.ts"
import type { TraceOptions } from "../signal-trace.ts"

export type LogFormat =
  | "pirl run"
  | "JSONL"
  | "JSON"
  | "CSV"
  | "trainer_state.json"
  | "W&B CSV export"
  | "verl console log"
  | "console log of dictionaries"
  | "console log of steps"
  | "console log of progress bars"
  | "table of a console"

/** Columns of equal length, in the order of the file. */
export interface LogTable {
  readonly format: LogFormat
  readonly rows: number
  /** NaN where a row has no number in the column. */
  readonly columns: ReadonlyMap<string, readonly number[]>
  /** Values of a column that were there and are no finite numbers: null, NaN, text. */
  readonly unusable: ReadonlyMap<string, number>
  /** Lines that could not be read. */
  readonly unreadable: number
  /** What a person should know of how the file was read. */
  readonly notes: readonly string[]
  /** What a run folder tells beside its metrics. */
  readonly run?: RunDetails
}

export interface RunDetails {
  readonly evaluations: readonly EvaluationPoint[]
  readonly prompts?: number
  readonly groupSize?: number
  readonly signal?: TraceOptions
}

/** Most levels of nested objects whose names become `outer/inner`. */
const DEPTH = 4

/** Collects rows that need not have the same columns. */
export class TableBuilder {
  rows = 0
  unreadable = 0
  readonly notes: string[] = []
  readonly #columns = new Map<string, number[]>()
  readonly #unusable = new Map<string, number>()

  /** Adds a value to the row that is being built. */
  set(name: string, value: number): void {
    if (!Number.isFinite(value)) {
      this.#unusable.set(name, (this.#unusable.get(name) ?? 0) + 1)
      return
    }
    let column = this.#columns.get(name)
    if (column === undefined) this.#columns.set(name, (column = []))
    while (column.length < this.rows) column.push(Number.NaN)
    column[this.rows] = value
  }

  endRow(): void {
    this.rows++
  }

  /** A row from an object: nested objects become `outer/inner`, lists are left out. */
  addRecord(record: Readonly<Record<string, unknown>>): void {
    this.#addObject(record, "", DEPTH)
    this.endRow()
  }

  #addObject(record: Readonly<Record<string, unknown>>, prefix: string, depth: number): void {
    for (const key in record) {
      const value = record[key]
      const name = prefix + key
      if (typeof value === "number") this.set(name, value)
      else if (typeof value === "object" && value !== null) {
        if (!Array.isArray(value) && depth > 0) this.#addObject(value as Record<string, unknown>, `${name}/`, depth - 1)
      } else this.set(name, typeof value === "string" ? numberFrom(value) : typeof value === "boolean" ? Number(value) : Number.NaN)
    }
  }

  finish(format: LogFormat, run?: RunDetails): LogTable {
    for (const column of this.#columns.values()) while (column.length < this.rows) column.push(Number.NaN)
    const { rows, unreadable, notes } = this
    return { format, rows, columns: this.#columns, unusable: this.#unusable, unreadable, notes, ...(run === undefined ? {} : { run }) }
  }
}

/**
 * A number as logs and spreadsheets write it: `np.float64(0.5)`, `1,234.5`, `45.2 %` (which is 0.452); NaN for
 * everything else.
 */
export function numberFrom(text: string): number {
  const bare = text.trim()
  if (bare === "") return Number.NaN
  const plain = Number(bare)
  if (!Number.isNaN(plain)) return plain
  if (bare.endsWith("%")) return numberFrom(bare.slice(0, -1)) / 100
  if (thousands.test(bare)) return Number(bare.replaceAll(",", ""))
  return bare.endsWith(")") ? Number(wrapped.exec(bare)?.[1] ?? Number.NaN) : Number.NaN
}

const thousands = /^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/
const wrapped = /^(?:np\.|numpy\.|torch\.)?(?:float\d*|int\d*|tensor)\(([^,)]+)(?:,.*)?\)$/

/** The columns of a run as far as they were fetched, and the fetching of what is new. */
import type { ColumnsAnswer, ColumnsQuery, LogName } from "../api.ts"
import type { DataSource } from "./source.ts"

type Values = (number | null)[]

/** Columns of one log. */
class Columns {
  generation = 0
  width = 1
  rows = 0
  step: number[] = []
  time: Values = []
  columns: Map<string, Values> = new Map()
  labels: Readonly<Record<string, readonly string[]>> = {}

  /** Takes an answer in: all of it, or what follows the rows that are here. */
  take(answer: ColumnsAnswer): void {
    const goesOn = answer.generation === this.generation && answer.width === this.width && answer.fromRow > 0
    const kept = goesOn ? pointsOf(answer.fromRow, answer.width) : 0
    this.step = [...this.step.slice(0, kept), ...answer.step]
    this.time = [...this.time.slice(0, kept), ...answer.time]
    const columns = new Map<string, Values>()
    for (const name of new Set([...(goesOn ? this.columns.keys() : []), ...Object.keys(answer.columns)])) {
      const before = goesOn ? (this.columns.get(name)?.slice(0, kept) ?? []) : []
      while (before.length < kept) before.push(null)
      columns.set(name, [...before, ...(answer.columns[name] ?? answer.step.map(() => null))])
    }
    this.columns = columns
    this.labels = answer.labels
    this.generation = answer.generation
    this.width = answer.width
    this.rows = answer.rows
  }
}

/** Points that whole buckets of rows before a row take. */
function pointsOf(row: number, width: number): number {
  return width === 1 ? row : (row / width) * 2
}

/** Points per curve: more than any screen shows. */
const points = 1500

/** A run's curves. */
export class RunSeries {
  readonly id: string
  readonly #source: DataSource
  readonly #logs: Readonly<Record<LogName, Columns>> = { metrics: new Columns(), evaluations: new Columns() }
  /** A part of the steps in more detail. */
  #zoom: { readonly from: number; readonly to: number; readonly columns: Columns } | undefined

  constructor(id: string, source: DataSource) {
    this.id = id
    this.#source = source
  }

  /** Fetches what is new. */
  async refresh(): Promise<void> {
    await Promise.all((["metrics", "evaluations"] as const).map((log) => this.#fetch(log)))
  }

  /** Fetches steps in more detail, where what is here is coarse; undefined goes back to the whole. */
  async zoomTo(range: readonly [from: number, to: number] | undefined): Promise<void> {
    if (range === undefined || this.#logs.metrics.width === 1) {
      this.#zoom = undefined
      return
    }
    const [from, to] = [Math.max(0, Math.floor(range[0])), Math.max(0, Math.ceil(range[1]))]
    const columns = new Columns()
    columns.take(await this.#source.columns(this.id, { log: "metrics", points, from, to }))
    this.#zoom = { from, to, columns }
  }

  /** Both logs were asked for, whatever they hold. */
  get isRead(): boolean {
    return Object.values(this.#logs).every(({ generation }) => generation > 0)
  }

  /** Every row is there: columns may be read side by side. Of rows in buckets each column keeps its own least and greatest. */
  isWhole(log: LogName): boolean {
    return this.#columns(log).width === 1
  }

  names(log: LogName): string[] {
    return [...this.#logs[log].columns.keys()]
  }

  steps(log: LogName): readonly number[] {
    return this.#columns(log).step
  }

  /** Hours since the first line of the metrics. */
  hours(log: LogName): Values {
    const start = this.#logs.metrics.time.find((time) => time !== null) ?? this.#logs.evaluations.time.find((time) => time !== null) ?? 0
    return this.#columns(log).time.map((time) => (time === null ? null : (time - start) / 3600))
  }

  column(log: LogName, name: string): readonly (number | null)[] | undefined {
    return this.#columns(log).columns.get(name)
  }

  words(log: LogName, name: string): readonly string[] {
    return this.#columns(log).labels[name] ?? []
  }

  #columns(log: LogName): Columns {
    return log === "metrics" && this.#zoom !== undefined ? this.#zoom.columns : this.#logs[log]
  }

  async #fetch(log: LogName): Promise<void> {
    const columns = this.#logs[log]
    const { generation, width, rows } = columns
    const query: ColumnsQuery = { log, points, ...(generation === 0 ? {} : { have: { generation, width, rows } }) }
    columns.take(await this.#source.columns(this.id, query))
  }
}

/** What the page shows: one state, and those who hear of its changes. */
import type { RunInfo } from "../api.ts"
import { RunSeries } from "./run-series.ts"
import type { DataSource } from "./source.ts"

export const tabs = ["curves", "improvement", "completions", "results", "details"] as const
export type Tab = (typeof tabs)[number]

/** What has changed. */
export type Topic = "runs" | "selection" | "tab" | "series" | "drawing" | "theme"

/** At most so many runs are drawn over each other. */
const mostSelected = 24

export class AppState {
  readonly source: DataSource
  runs: readonly RunInfo[] = []
  /** Ids of the runs that are drawn, in the order in which they were chosen. */
  selected: string[] = []
  /** Runs that were there when the page opened and are not any more. */
  readonly gone: Set<string> = new Set()
  tab: Tab = "curves"
  axis: "step" | "time" = "step"
  /** Weight of the past in the moving average. */
  smoothing: number = 0
  /** Seeds of an arm as one band. */
  bands: boolean = true
  zoom: readonly [number, number] | undefined
  readonly #series = new Map<string, RunSeries>()
  readonly #listeners: { readonly topics: readonly Topic[]; readonly call: () => void }[] = []

  constructor(source: DataSource) {
    this.source = source
  }

  on(topics: readonly Topic[], call: () => void): void {
    this.#listeners.push({ topics, call })
  }

  emit(topic: Topic): void {
    for (const { topics, call } of this.#listeners) if (topics.includes(topic)) call()
  }

  /** The run that views of one run show: the one chosen first. */
  get active(): RunInfo | undefined {
    return this.info(this.selected[0])
  }

  info(id: string | undefined): RunInfo | undefined {
    return this.runs.find((run) => run.id === id)
  }

  get selectedRuns(): RunInfo[] {
    return this.selected.map((id) => this.info(id)).filter((run) => run !== undefined)
  }

  series(id: string): RunSeries {
    const known = this.#series.get(id) ?? new RunSeries(id, this.source)
    this.#series.set(id, known)
    return known
  }

  /** Fetches the list; runs that went stay as they were last seen. */
  async refreshRuns(): Promise<void> {
    const now = await this.source.runs()
    const ids = new Set(now.map(({ id }) => id))
    const gone = this.runs.filter(({ id }) => !ids.has(id) && this.selected.includes(id))
    this.gone.clear()
    for (const { id } of gone) this.gone.add(id)
    this.runs = [...gone, ...now]
    this.emit("runs")
  }

  select(ids: readonly string[]): void {
    this.selected = [...new Set(ids)].slice(0, mostSelected)
    this.zoom = undefined
    this.emit("selection")
    this.remember()
  }

  toggle(id: string): void {
    this.select(this.selected.includes(id) ? this.selected.filter((other) => other !== id) : [...this.selected, id])
  }

  show(tab: Tab): void {
    this.tab = tab
    this.emit("tab")
    this.remember()
  }

  /** Into the address, so that a page that is loaded again shows the same. */
  remember(): void {
    history.replaceState(null, "", `#${this.tab}/${this.selected.join(",")}`)
  }

  /** From the address: a tab and the runs that are still there. */
  recall(): void {
    const [tab, ids = ""] = location.hash.slice(1).split("/")
    if (tabs.includes(tab as Tab)) this.tab = tab as Tab
    const known = ids.split(",").filter((id) => this.info(id) !== undefined)
    this.selected = known.length > 0 ? known : this.#first()
  }

  /** The runs of the comparison that changed last, or the run that did; running ones first. */
  #first(): string[] {
    const latest = this.runs.findLast(({ state }) => state === "running") ?? this.runs.at(-1)
    if (latest === undefined) return []
    if (latest.comparison === null) return [latest.id]
    return this.runs.filter(({ comparison }) => comparison === latest.comparison).map(({ id }) => id).slice(0, mostSelected)
  }
}

/** Where the page gets its data from: a server, or the report that it is part of. */
import type { ChangeMessage, ColumnsAnswer, ColumnsQuery, Completion, CompletionPage, CompletionsQuery, ReportData, RunDetail, RunInfo, TimelineAnswer } from "../api.ts"

/** What hears of changes. */
export interface ChangeListener {
  change(message: ChangeMessage): void
  /** Runs came or went. */
  runs(): void
  connected(isConnected: boolean): void
}

export interface DataSource {
  readonly isLive: boolean
  /** Of pirl. */
  readonly title: string
  runs(): Promise<readonly RunInfo[]>
  detail(id: string): Promise<RunDetail>
  columns(id: string, query: ColumnsQuery): Promise<ColumnsAnswer>
  timeline(id: string, points: number): Promise<TimelineAnswer>
  completions(id: string, query: CompletionsQuery): Promise<CompletionPage>
  group(id: string, step: number, group: number | null): Promise<readonly Completion[]>
  /** Link to the whole text of a response that is shown cut; undefined when there is none. */
  textLink(id: string, key: string): string | undefined
  listen(listener: ChangeListener): void
}

/** An answer with an error in it. */
export class SourceError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Asks the server that served the page. */
export class HttpSource implements DataSource {
  readonly isLive = true
  readonly title = "live"

  async runs(): Promise<readonly RunInfo[]> {
    return (await this.#ask<{ runs: RunInfo[] }>("/api/runs")).runs
  }

  detail(id: string): Promise<RunDetail> {
    return this.#ask(`/api/runs/${id}`)
  }

  columns(id: string, { log, points, from, to, have }: ColumnsQuery): Promise<ColumnsAnswer> {
    return this.#ask(`/api/runs/${id}/columns`, { log, points, from, to, ...have })
  }

  timeline(id: string, points: number): Promise<TimelineAnswer> {
    return this.#ask(`/api/runs/${id}/timeline`, { points })
  }

  completions(id: string, query: CompletionsQuery): Promise<CompletionPage> {
    return this.#ask(`/api/runs/${id}/completions`, { ...query })
  }

  group(id: string, step: number, group: number | null): Promise<readonly Completion[]> {
    return this.#ask(`/api/runs/${id}/group`, { step, group: group ?? undefined })
  }

  textLink(id: string, key: string): string {
    return `/api/runs/${id}/text?key=${encodeURIComponent(key)}`
  }

  listen(listener: ChangeListener): void {
    const events = new EventSource("/api/live")
    events.addEventListener("open", () => listener.connected(true))
    events.addEventListener("error", () => listener.connected(false))
    events.addEventListener("change", (event) => listener.change(JSON.parse(event.data as string) as ChangeMessage))
    events.addEventListener("runs", () => listener.runs())
  }

  async #ask<T>(path: string, parameters: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== "") query.set(name, String(value))
    const response = await fetch(query.size === 0 ? path : `${path}?${query}`)
    const answer = (await response.json()) as T & { error?: string }
    if (!response.ok) throw new SourceError(response.status, answer.error ?? `status ${response.status}`)
    return answer
  }
}

/** Answers from the data inside the file. */
export class ReportSource implements DataSource {
  readonly isLive = false
  readonly title: string
  readonly #data: ReportData

  constructor(data: ReportData) {
    this.#data = data
    this.title = `report of ${data.created.slice(0, 10)}`
  }

  async runs(): Promise<readonly RunInfo[]> {
    return this.#data.runs.map(({ detail }) => detail.info)
  }

  async detail(id: string): Promise<RunDetail> {
    return this.#run(id).detail
  }

  async columns(id: string, { log }: ColumnsQuery): Promise<ColumnsAnswer> {
    return this.#run(id)[log]
  }

  async timeline(id: string): Promise<TimelineAnswer> {
    return this.#run(id).timeline
  }

  async completions(id: string, query: CompletionsQuery): Promise<CompletionPage> {
    const { completions, completionsLogged } = this.#run(id)
    const passing = completions.filter((completion) => passes(completion, query))
    const start = query.cursor === undefined ? 0 : Number(query.cursor)
    const end = start + query.limit
    return {
      completions: passing.slice(start, end),
      cursor: end < passing.length ? String(end) : null,
      searchedAll: true,
      total: passing.length,
      indexed: completions.length,
      indexedShare: completionsLogged === 0 ? 1 : completions.length / completionsLogged,
      statuses: [...new Set(completions.map(({ status }) => status).filter((status) => status !== null))],
    }
  }

  async group(id: string, step: number, group: number | null): Promise<readonly Completion[]> {
    return this.#run(id).completions.filter((completion) => completion.step === step && completion.group === group)
  }

  textLink(): undefined {
    return undefined
  }

  listen(listener: ChangeListener): void {
    listener.connected(true)
  }

  #run(id: string): ReportData["runs"][number] {
    const run = this.#data.runs.find(({ detail }) => detail.info.id === id)
    if (run === undefined) throw new SourceError(404, "this report has no such run")
    return run
  }
}

function passes(completion: Completion, query: CompletionsQuery): boolean {
  const { fromStep = -Infinity, toStep = Infinity, minReward = -Infinity, maxReward = Infinity, status, problem, text = "" } = query
  const { step, reward } = completion
  if (step < fromStep || step > toStep) return false
  if ((query.minReward !== undefined || query.maxReward !== undefined) && (reward === null || reward < minReward || reward > maxReward)) return false
  if (status !== undefined && completion.status !== status) return false
  if (problem !== undefined && completion.problem !== problem) return false
  const needle = text.toLowerCase()
  const fields = [completion.completion, completion.prompt, completion.gold, completion.extracted, completion.reason, completion.problem]
  return needle === "" || fields.some((field) => field !== null && field.toLowerCase().includes(needle))
}

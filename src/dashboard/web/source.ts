/** Where the page gets its data from. */
import type { ChangeMessage, ColumnsAnswer, ColumnsQuery, ComparisonAnswer, ComparisonQuery, CompletionPage, CompletionsQuery, GroupAnswer, ProblemMessage, RunDetail, RunInfo, RunNumbers, TimelineAnswer } from "../api.ts"

/** What hears of changes. */
export interface ChangeListener {
  change(message: ChangeMessage): void
  /** Runs came or went. */
  runs(): void
  problem(message: ProblemMessage): void
  connected(isConnected: boolean): void
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
export class DataSource {
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

  numbers(id: string): Promise<RunNumbers> {
    return this.#ask(`/api/runs/${id}/numbers`)
  }

  comparison(id: string, query: ComparisonQuery): Promise<ComparisonAnswer> {
    return this.#ask(`/api/runs/${id}/comparison`, { ...query })
  }

  completions(id: string, query: CompletionsQuery): Promise<CompletionPage> {
    return this.#ask(`/api/runs/${id}/completions`, { ...query })
  }

  group(id: string, step: number, group: number | null): Promise<GroupAnswer> {
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
    events.addEventListener("problem", (event) => listener.problem(JSON.parse(event.data as string) as ProblemMessage))
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

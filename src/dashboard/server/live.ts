/** Server-sent events: which run has something new. While nobody listens nothing is looked at. */
import type { ServerResponse } from "node:http"
import type { ChangeMessage, ProblemMessage } from "../api.ts"
import type { Catalogue } from "./catalogue.ts"
import type { LogSizes } from "./run-source.ts"

const intervalMs = 1000
/** Proxies and browsers drop a connection that is silent for long. */
const heartbeatTicks = 15

/** Tells all open pages. */
export class LiveUpdates {
  readonly #catalogue: Catalogue
  readonly #listeners = new Set<ServerResponse>()
  #timer: NodeJS.Timeout | undefined
  /** Of the last look; undefined before the first one, which has nothing to compare with. */
  #sizes: ReadonlyMap<string, LogSizes> | undefined
  /** Of the comparisons that were shown. */
  #stamps: ReadonlyMap<string, string> = new Map()
  /** What a page was told last of folders that cannot be read. */
  #refused = ""
  #isComparing = false
  #ticks = 0

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  /** Keeps a response open and writes events to it until the page goes. */
  add(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", connection: "keep-alive" })
    response.write("retry: 2000\n\n")
    this.#listeners.add(response)
    // It has heard of nothing yet.
    this.#refused = ""
    response.on("close", () => this.#remove(response))
    if (this.#timer === undefined) void this.#tick()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const response of this.#listeners) response.end()
    this.#listeners.clear()
  }

  #remove(response: ServerResponse): void {
    this.#listeners.delete(response)
    if (this.#listeners.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sizes = undefined
  }

  async #tick(): Promise<void> {
    this.#timer = setTimeout(() => void this.#tick(), intervalMs)
    this.#ticks += 1
    // On a slow disk a look may take longer than the interval.
    if (!this.#isComparing) {
      this.#isComparing = true
      try {
        await this.#compare()
      } catch (error) {
        this.#send("problem", { message: error instanceof Error ? error.message : String(error) } satisfies ProblemMessage)
      } finally {
        this.#isComparing = false
      }
    }
    if (this.#ticks % heartbeatTicks === 0) for (const response of this.#listeners) response.write(": still here\n\n")
  }

  async #compare(): Promise<void> {
    const last = this.#sizes
    const now = new Map<string, LogSizes>()
    for (const source of this.#catalogue.runs()) {
      const sizes = await source.sizes()
      if (sizes === undefined) continue
      now.set(source.place.id, sizes)
      const before = last?.get(source.place.id)
      const logs = (["metrics", "evaluations", "events", "completions"] as const).filter((log) => before !== undefined && before[log] !== sizes[log])
      if (logs.length > 0) this.#send("change", { run: source.place.id, logs } satisfies ChangeMessage)
    }
    const stamps = new Map(this.#catalogue.comparisons().map((source) => [source.directory, source.stamp()]))
    // A run whose process died tells it in no log of its own, but in the comparison's files.
    const isCompared = [...stamps].some(([directory, stamp]) => (this.#stamps.get(directory) ?? stamp) !== stamp)
    this.#stamps = stamps
    if (last !== undefined && (isCompared || now.size !== last.size || [...now.keys()].some((id) => !last.has(id)))) this.#send("runs", { count: now.size })
    this.#sizes = now
    const refused = this.#catalogue.unreadable.join("; ")
    if (refused !== "" && refused !== this.#refused) this.#send("problem", { message: refused } satisfies ProblemMessage)
    this.#refused = refused
  }

  #send(event: string, data: unknown): void {
    for (const response of this.#listeners) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
}

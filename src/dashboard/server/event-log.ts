/** events.jsonl of a run, followed as it grows. */
import type { RunEventInfo } from "../api.ts"
import { programOf, type RunEventKind } from "../../runs/index.ts"
import { parseObject } from "./column-log.ts"
import { LineTail } from "./line-tail.ts"

/** Older ones are dropped, so that a run of a million alarms stays readable. */
const mostKept = 1000

/** Events of a run, oldest first. */
export class EventLog {
  damaged = 0
  #events: RunEventInfo[] = []
  /** What the run said of its start, whole: the others keep what a list of events shows. */
  #start: Readonly<Record<string, unknown>>[] = []
  readonly #programs = new Set<string>()
  readonly #tail: LineTail

  constructor(path: string) {
    this.#tail = new LineTail(path, { lines: (bytes) => this.#append(bytes), reset: () => this.#reset() })
  }

  async refresh(): Promise<void> {
    await this.#tail.poll()
  }

  get events(): readonly RunEventInfo[] {
    return this.#events
  }

  get lastKind(): RunEventKind | undefined {
    return this.#events.at(-1)?.kind as RunEventKind | undefined
  }

  /** Events that `loggedLook` reads. */
  get start(): readonly Readonly<Record<string, unknown>>[] {
    return this.#start
  }

  /** The programs that made the run, also of events that were dropped; empty where no event says so. */
  get programs(): readonly string[] {
    return [...this.#programs]
  }

  #reset(): void {
    this.damaged = 0
    this.#events = []
    this.#start = []
    this.#programs.clear()
  }

  #append(bytes: Buffer): void {
    for (const line of bytes.toString("utf8").split("\n")) {
      if (line === "") continue
      const record = parseObject(line)
      if (record === undefined) {
        this.damaged += 1
        continue
      }
      this.#events.push(eventOf(record))
      if (isOfStart(record)) this.#start.push(record)
      const program = programOf(record)
      if (program !== undefined) this.#programs.add(program)
    }
    if (this.#events.length > mostKept) this.#events = this.#events.slice(-mostKept)
  }
}

/** Both are logged before the first update: a later alarm of the same kind is not of the start. */
function isOfStart({ kind, step }: Readonly<Record<string, unknown>>): boolean {
  return kind === "first-look" || (kind === "alarm" && step === 1)
}

function eventOf({ kind, step, message, alarm, time }: Readonly<Record<string, unknown>>): RunEventInfo {
  const at = (time as { at?: unknown } | undefined)?.at
  return {
    kind: typeof kind === "string" ? kind : "unknown",
    step: typeof step === "number" ? step : null,
    message: typeof message === "string" ? message.slice(0, 2000) : "",
    at: typeof at === "string" ? at : null,
    alarm: typeof alarm === "string" ? alarm : null,
  }
}

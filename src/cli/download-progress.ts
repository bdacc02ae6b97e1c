/**
 * What a download from the hub shows, on the error stream: a bar on a terminal, elsewhere a line every few seconds. Nothing when
 * nothing has to be fetched.
 */
import { formatSize } from "../amounts.ts"
import type { HubObserver, HubProgress } from "../hub/fetch-files.ts"
import { progressStream } from "./command.ts"
import type { CliContext } from "./command.ts"
import { formatDuration, terminalLine } from "./format.ts"

const clearLine = "\r\u001B[2K"
const BAR_CELLS = 20
const REDRAW_MS = 100
const LINE_MS = 5000
/** The speed is that of this time. */
const PACE_MS = 10_000

/** Hears of a download and shows it. */
export interface DownloadProgress extends HubObserver {
  onProgress(progress: HubProgress): void
  onNote(text: string): void
  /** Says what was fetched, if anything was, and in how much time. */
  done(): void
  /** Ends the bar, whatever became of the download. */
  close(): void
}

/**
 * @param name  of the model
 * @param now   clock in milliseconds
 */
export function downloadProgress(context: CliContext, name: string, now: () => number = Date.now): DownloadProgress {
  const { env } = context
  const err = progressStream(context)
  const live = err.isTTY === true && env["TERM"] !== "dumb"
  const pace = new Pace()
  let began: number | undefined
  let shownAt = -Infinity
  let bar = false
  const clear = (): void => {
    if (bar) err.write(clearLine)
    bar = false
  }
  return {
    onProgress(progress) {
      const at = now()
      began ??= at
      pace.tick(progress.receivedBytes, at)
      const whole = progress.receivedBytes === progress.totalBytes
      if (!whole && at - shownAt < (live ? REDRAW_MS : LINE_MS)) return
      shownAt = at
      const parts = describe(progress, pace.bytesPerSecond)
      if (live) {
        // Some terminals say 0.
        const columns = err.columns || 80
        err.write(clearLine + fit([...drawn(progress), ...parts, terminalLine(progress.file)], columns - 1))
        bar = true
      } else err.write(`${[name, ...parts].join("  ")}\n`)
    },
    onNote(text) {
      clear()
      err.write(`${terminalLine(text)}\n`)
    },
    done() {
      clear()
      if (began !== undefined) err.write(`fetched ${name}: ${formatSize(pace.received)} in ${formatDuration((now() - began) / 1000)}\n`)
    },
    close: clear,
  }
}

function drawn({ receivedBytes, totalBytes }: HubProgress): string[] {
  if (totalBytes === undefined || totalBytes === 0) return []
  const full = Math.min(BAR_CELLS, Math.floor((BAR_CELLS * receivedBytes) / totalBytes))
  return [`[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}]`]
}

function describe({ receivedBytes, totalBytes }: HubProgress, bytesPerSecond: number | undefined): string[] {
  const parts = [totalBytes === undefined ? formatSize(receivedBytes) : `${formatSize(receivedBytes)} of ${formatSize(totalBytes)}`]
  if (bytesPerSecond === undefined) return parts
  parts.push(`${formatSize(bytesPerSecond)}/s`)
  if (totalBytes !== undefined && bytesPerSecond > 0) parts.push(`${formatDuration((totalBytes - receivedBytes) / bytesPerSecond)} left`)
  return parts
}

/** Parts that fit, those at the end being dropped first. */
function fit(parts: readonly string[], width: number): string {
  let length = -2
  return parts.filter((part) => (length += part.length + 2) <= width).join("  ")
}

/** How fast bytes come. */
class Pace {
  /** Bytes that came since the first tick. */
  received = 0
  #ticks: { readonly at: number; readonly received: number }[] = []
  #last: number | undefined

  /** @param bytes  those that are there; fewer than before when another request, or a file anew, begins */
  tick(bytes: number, at: number): void {
    this.received += Math.max(0, bytes - (this.#last ?? bytes))
    this.#last = bytes
    this.#ticks.push({ at, received: this.received })
    while (this.#ticks.length > 2 && at - this.#ticks[1]!.at > PACE_MS) this.#ticks.shift()
  }

  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.#ticks[0], this.#ticks.at(-1)]
    if (first === undefined || last === undefined || last.at <= first.at) return undefined
    return (1000 * (last.received - first.received)) / (last.at - first.at)
  }
}

/** The dashboard's server in a process of its own: reading long logs for a page takes no time from the process that writes them. */
import { fork } from "node:child_process"
import { ConfigError, PirlError } from "../../errors.ts"
import type { ConfigIssue } from "../../errors.ts"
import type { DashboardOptions } from "./server.ts"

/** What the process is told: a JSON message. */
export type ProcessOptions = Pick<DashboardOptions, "roots" | "port">

/** What it answers once it listens, or cannot. */
export type ProcessAnswer =
  | { readonly url: string; readonly port: number; readonly takenPort: number | null }
  | { readonly issues: readonly ConfigIssue[] }
  | { readonly error: string }

/** A server that listens in another process. */
export interface DashboardProcess {
  readonly url: string
  readonly port: number
  /** The port that was wanted but taken; undefined when it was free. */
  readonly takenPort: number | undefined
  /** Resolves when the process has ended: undefined after `close`, else why, in words. */
  readonly ended: Promise<string | undefined>
  close(): Promise<void>
}

/**
 * Starts the server in a process that ends with this one, however this one ends, and that Ctrl-C at the terminal does not reach.
 * @throws ConfigError  when the port that was asked for is in use
 * @throws PirlError  when the page was not built, or the process cannot be started
 */
export async function startDashboardProcess(options: ProcessOptions): Promise<DashboardProcess> {
  const sources = import.meta.url.endsWith(".ts")
  const entry = new URL(sources ? "./dashboard-child.ts" : "./dashboard-child.js", import.meta.url)
  const execArgv = sources ? ["--import", import.meta.resolve("tsx")] : []
  // Detached: a group of its own. Else Ctrl-C would end the page while the training still finishes its step.
  const child = fork(entry, { execArgv, detached: true, stdio: ["ignore", "ignore", "pipe", "ipc"] })
  let [complaint, isClosing] = ["", false]
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (complaint = `${complaint}${text}`.slice(-2000)))
  const ended = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(error.message))
    // "close" would wait for the channel, whose end is not told to the side that let go of it.
    child.on("exit", (code, signal) => {
      const tell = (): void => resolve(isClosing ? undefined : `${signal ?? `exit code ${code}`}${complaint === "" ? "" : `: ${complaint.trim()}`}`)
      if (child.stderr!.readableEnded) tell()
      else child.stderr!.once("close", tell)
    })
  })
  const close = async (): Promise<void> => {
    isClosing = true
    if (child.connected) child.disconnect()
    await ended
  }
  const answer = await new Promise<ProcessAnswer>((resolve) => {
    child.once("message", (message) => resolve(message as ProcessAnswer))
    void ended.then((reason) => resolve({ error: `dashboard: expected its process to start, got ${reason}. Train without --watch and start \`pirl watch\` beside it.` }))
    child.send(options, (error) => {
      // A process that is gone says so by its end.
      if (error !== null) complaint ||= error.message
    })
  })
  if ("url" in answer) return { url: answer.url, port: answer.port, takenPort: answer.takenPort ?? undefined, ended, close }
  await close()
  throw "issues" in answer ? new ConfigError(answer.issues) : new PirlError(answer.error)
}

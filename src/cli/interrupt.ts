/**
 * Ctrl-C and SIGTERM: the first asks the work to stop and gives it a moment, the second stops at once.
 */
import { exitCodes } from "./exit-code.ts"

export type StopSignal = "SIGINT" | "SIGTERM"

/** Where signals come from; `process` is one. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
}

/** Time that work has for its end once it was asked to stop: with the end of the process it is within two seconds. */
const STOP_MS = 1600
/** Time that threads have for theirs once all is said. */
const LEAVE_MS = 150

/**
 * Ends the process by the signal, which shells report as 130 (SIGINT) or 143 (SIGTERM). `process.exit` would wait for
 * the engine's thread and abort it in native code.
 */
export function dieOf(signal: StopSignal): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** The exit code that a signal asks for. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated
}

/** Makes sure that a process which was asked to stop ends, although a thread is in native code. */
export function leave(exitCode: number): void {
  const signal = (["SIGINT", "SIGTERM"] as const).find((one) => exitCodeOfSignal(one) === exitCode)
  if (signal !== undefined) setTimeout(() => dieOf(signal), LEAVE_MS).unref()
}

/** Whether a stop was asked for. */
export interface Interrupt {
  readonly requested: boolean
  /** 130 or 143 by the signal that asked for the stop. */
  readonly exitCode: number
  /** Gives the signals back to the system. */
  dispose(): void
}

/** What happens when a stop takes long. */
export interface InterruptOptions {
  readonly source?: SignalSource
  /** Called at every further signal, without the listeners; dies of the signal unless another is given. */
  readonly onSecond?: (signal: StopSignal) => void
  /** Called when the work has not ended in time, before the end by `onSecond`; absent: it has all the time it needs. */
  readonly onDeadline?: () => void
  readonly deadlineMs?: number
}

/**
 * Listens to SIGINT and SIGTERM until `dispose`.
 * @param onFirst  called once, at the first signal
 */
export function listenForInterrupt(onFirst: () => void, options: InterruptOptions = {}): Interrupt {
  const { source = process, onSecond = dieOf, onDeadline, deadlineMs = STOP_MS } = options
  let requested: StopSignal | undefined
  let timer: NodeJS.Timeout | undefined
  const dispose = (): void => {
    clearTimeout(timer)
    source.off("SIGINT", onInterrupt)
    source.off("SIGTERM", onTermination)
  }
  const heard = (signal: StopSignal): void => {
    if (requested !== undefined) {
      dispose()
      onSecond(signal)
      return
    }
    requested = signal
    if (onDeadline !== undefined) {
      timer = setTimeout(() => {
        dispose()
        onDeadline()
        onSecond(signal)
      }, deadlineMs)
    }
    onFirst()
  }
  const onInterrupt = (): void => heard("SIGINT")
  const onTermination = (): void => heard("SIGTERM")
  source.on("SIGINT", onInterrupt)
  source.on("SIGTERM", onTermination)
  return {
    get requested() {
      return requested !== undefined
    },
    get exitCode() {
      return exitCodeOfSignal(requested ?? "SIGINT")
    },
    dispose,
  }
}

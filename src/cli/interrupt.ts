/**
 * Ctrl-C: the first asks the run to stop after its step, the second stops at once.
 */
import { exitCodes } from "./exit-code.ts"

/** Where signals come from; `process` is one. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown
  off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown
}

/** Whether a stop was asked for. */
export interface Interrupt {
  readonly requested: boolean
  /** Gives the signals back to the system. */
  dispose(): void
}

/**
 * Listens to SIGINT and SIGTERM until `dispose`.
 * @param onFirst  called once, at the first signal
 * @param onSecond  called at every further one; ends the process with 130 unless another is given
 */
export function listenForInterrupt(
  onFirst: () => void,
  source: SignalSource = process,
  onSecond: () => void = () => process.exit(exitCodes.interrupted),
): Interrupt {
  let requested = false
  const listener = (): void => {
    if (requested) {
      onSecond()
      return
    }
    requested = true
    onFirst()
  }
  source.on("SIGINT", listener)
  source.on("SIGTERM", listener)
  return {
    get requested() {
      return requested
    },
    dispose() {
      source.off("SIGINT", listener)
      source.off("SIGTERM", listener)
    },
  }
}

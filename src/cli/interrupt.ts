/**
 * Ctrl-C: the first asks the run to stop after its step, the second stops at once.
 */
export type StopSignal = "SIGINT" | "SIGTERM"

/** Where signals come from; `process` is one. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
}

/**
 * Ends the process by the signal, which shells report as 130. `process.exit` would wait for the engine's thread and
 * abort it in native code.
 */
export function dieOf(signal: StopSignal): void {
  process.kill(process.pid, signal)
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
 * @param onSecond  called at every further one, without the listeners; dies of the signal unless another is given
 */
export function listenForInterrupt(
  onFirst: (signal: StopSignal) => void,
  source: SignalSource = process,
  onSecond: (signal: StopSignal) => void = dieOf,
): Interrupt {
  let requested = false
  const dispose = (): void => {
    source.off("SIGINT", listener)
    source.off("SIGTERM", listener)
  }
  const listener = (signal: StopSignal): void => {
    if (requested) {
      dispose()
      onSecond(signal)
      return
    }
    requested = true
    onFirst(signal)
  }
  source.on("SIGINT", listener)
  source.on("SIGTERM", listener)
  return {
    get requested() {
      return requested
    },
    dispose,
  }
}

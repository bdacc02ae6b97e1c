/** Results of runs that never ran. */
import type { RunResult, RunResultState, SignalResult } from "./results.ts"

interface Shape {
  readonly state?: RunResultState
  readonly greedy?: readonly number[]
  readonly updatesPerStep?: number
  readonly rolloutsPerStep?: number
  readonly secondsPerStep?: number
  readonly signal?: SignalResult
  readonly error?: string
}

/** A run with an evaluation after every step; its start is the first. */
export function syntheticRun(arm: string, seed: number, expected: readonly (number | null)[], shape: Shape = {}): RunResult {
  const { state = "finished", greedy, updatesPerStep = 1, rolloutsPerStep = 16, secondsPerStep = 2, signal, error } = shape
  const last = expected.length - 1
  const measure = { start: 0, best: 0, final: 0, auc: 0, drop: 0, collapsed: false }
  return {
    arm,
    seed,
    overrides: [],
    state,
    step: last,
    ...(error === undefined ? {} : { error }),
    ...(expected[0] === null ? {} : { expected: measure }),
    ...(greedy === undefined ? {} : { greedy: measure }),
    curve: expected.map((value, step) => [step, value, greedy?.[step] ?? null, step * updatesPerStep, step * rolloutsPerStep]),
    ...(signal === undefined ? {} : { signal }),
    totals: { rollouts: last * rolloutsPerStep, optimizerSteps: last * updatesPerStep, refusedUpdates: 0, sampledTokens: 0, trainedTokens: 0 },
    time: { seconds: last * secondsPerStep, curve: expected.map((_, step) => step * secondsPerStep) },
  }
}

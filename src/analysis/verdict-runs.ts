/** Which updates stand out among the verdicts. */
import type { SignalTrace } from "./signal-trace.ts"

/** Consecutive verdicts of one kind. */
export interface Stretch {
  readonly length: number
  readonly fromStep: number
  readonly toStep: number
}

/** The verdict that the row of a step gives on the update before it. */
export interface JudgedUpdate {
  readonly step: number
  readonly progress: number
  readonly xi: number
  /** |progress| in standard errors; null where they are not known. */
  readonly errors: number | null
}

/** The longest stretch of each kind, the first of equals; null when there is none. */
export function longestStretches(steps: Float64Array, verdicts: Float64Array): { improved: Stretch | null; regressed: Stretch | null } {
  const longest: { improved: Stretch | null; regressed: Stretch | null } = { improved: null, regressed: null }
  for (let start = 0; start < verdicts.length; ) {
    let end = start
    while (end + 1 < verdicts.length && verdicts[end + 1] === verdicts[start]) end++
    const kind = verdicts[start]! > 0 ? "improved" : verdicts[start]! < 0 ? "regressed" : undefined
    const length = end - start + 1
    if (kind !== undefined && length > (longest[kind]?.length ?? 0)) longest[kind] = { length, fromStep: steps[start]!, toStep: steps[end]! }
    start = end + 1
  }
  return longest
}

const LISTED = 3

/** The judged updates with the largest signal, in standard errors where they are known. */
export function strongestUpdates(steps: Float64Array, trace: SignalTrace, errors: Float64Array): { improved: JudgedUpdate[]; regressed: JudgedUpdate[] } {
  const before = (a: JudgedUpdate, b: JudgedUpdate): number => (b.errors ?? 0) - (a.errors ?? 0) || Math.abs(b.progress) - Math.abs(a.progress)
  const strongest = (sign: number): JudgedUpdate[] => {
    const found: JudgedUpdate[] = []
    for (let i = 0; i < steps.length; i++) {
      const [progress, xi, error] = [trace.progress[i]!, trace.xi[i]!, errors[i]!]
      if (trace.verdict[i] !== sign || !Number.isFinite(progress) || !Number.isFinite(xi)) continue
      const update = { step: steps[i]!, progress, xi, errors: error > 0 ? Math.abs(progress) / error : null }
      if (found.length === LISTED && before(update, found[LISTED - 1]!) >= 0) continue
      found.push(update)
      found.sort(before).splice(LISTED)
    }
    return found
  }
  return { improved: strongest(1), regressed: strongest(-1) }
}

/**
 * What is said of a run that was asked to stop: where it goes on, by what lies on the disk.
 */
import { lastWarmStep } from "../runs/index.ts"
import type { RunFolder } from "../runs/index.ts"

/** Where a run stands that was stopped. */
export interface StopPoint {
  /** Steps that were made, as far as anybody has heard. */
  readonly step: number
  /** What was given up, e.g. `step 7`. */
  readonly gaveUp?: string | undefined
}

/** One sentence, without the full stop: what is kept, what was given up, what is made once more. */
export function describeStopPoint(folder: RunFolder, { step, gaveUp }: StopPoint): string {
  const lost = gaveUp === undefined ? "" : `; ${gaveUp} was given up`
  const saved = folder.checkpoints.newest()?.step
  if (saved === undefined) {
    const warm = lastWarmStep(folder.directory)
    if (warm !== undefined) return `stopped in the warm start, after step ${warm} of it, which is saved`
    return "stopped before anything was saved: the run begins again when it goes on"
  }
  if (saved >= step) return `stopped after step ${saved}${lost}`
  const again = step === saved + 1 ? `step ${step} is` : `steps ${saved + 1} to ${step} are`
  const made = `${again} made once more, with the same numbers`
  return `stopped after step ${step}${lost}; the last checkpoint is that of step ${saved}: ${made}`
}

/** Says once in a run that held-out accuracy falls while the training reward rises. */
import { join } from "node:path"
import { describeGap, gapAdvice, heldOutGap, type EvaluationPoint } from "../analysis/index.ts"
import { readJsonl, type MetricsLine, type RunEvent, type RunFolder } from "../runs/index.ts"
import type { TrainObserver } from "./train.ts"

const alarm = "held-out-gap"

/** Looks at a run's logs after an evaluation; what was said before is in its events. */
export function warnOfGap(folder: RunFolder, { onNote }: Pick<TrainObserver, "onNote">, step: number): void {
  const read = (name: string): readonly unknown[] => readJsonl(join(folder.directory, name)).records
  const steps = (): MetricsLine[] => read("metrics.jsonl") as MetricsLine[]
  const gap = heldOutGap(steps, read("evaluations.jsonl") as EvaluationPoint[])
  if (gap === undefined) return
  if ((read("events.jsonl") as RunEvent[]).some((event) => event["alarm"] === alarm)) return
  const message = `${describeGap(gap)} ${gapAdvice}`
  folder.logEvent("alarm", message, { step, alarm })
  onNote(`warning: ${message}`)
}

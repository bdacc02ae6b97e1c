/** Folders of comparisons that never trained, written by what writes the real ones. */
import { mkdirSync } from "node:fs"
import { parseConfig } from "../config/index.ts"
import { createRunFolder, summarizeRun, type EvaluationLine, type MetricsLine } from "../runs/index.ts"
import { readComparison } from "./compare.ts"
import { writePlanFile } from "./plan-file.ts"
import { runDirectory, writeResults, type RunKey } from "./results.ts"

/** How far a run got; `waiting` has no folder. */
export type WrittenEnd = "finished" | "failed" | "unfinished" | "waiting"

export interface WrittenRun {
  readonly end: WrittenEnd
  /** Expected accuracy at the start and after each step. */
  readonly accuracies: readonly number[]
  readonly updatesPerStep?: number
}

const time = (seconds: number): { at: string; seconds: number } => ({ at: "2026-01-01T00:00:00.000Z", seconds })

/** Writes the folder of one run. */
export function writeRun(out: string, key: RunKey, { end, accuracies, updatesPerStep = 1 }: WrittenRun): void {
  if (end === "waiting") return
  const folder = createRunFolder(runDirectory(out, key), { configYaml: `train: {steps: ${accuracies.length - 1}}\n`, keepCheckpoints: 1 })
  const metrics = accuracies.slice(1).map((value, i): MetricsLine => ({ step: i + 1, mu: value / 2, optimizerSteps: updatesPerStep, sampledTokens: 100, trainedTokens: 200, time: time(2) }))
  const evaluations = accuracies.map((value, step): EvaluationLine => ({ step, size: 40, expectedAccuracy: value, expectedStandardError: 0.02, time: time(1) }))
  for (const line of metrics) folder.logMetrics(line)
  for (const line of evaluations) folder.logEvaluation(line)
  if (end === "finished") folder.writeSummary(summarizeRun(metrics, evaluations))
  if (end === "failed") folder.logEvent("failure", "the loss is NaN")
  folder.close()
}

/** Writes plan, run folders and results.jsonl of a comparison. */
export function writeComparison(out: string, arms: readonly string[], seeds: readonly number[], runOf: (key: RunKey) => WrittenRun): void {
  mkdirSync(out, { recursive: true })
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" } })
  const plan = writePlanFile(out, { config, arms: arms.map((name) => ({ name, overrides: [], changes: {}, config })), seeds }, "0.1.0")
  for (const arm of arms) for (const seed of seeds) writeRun(out, { arm, seed }, runOf({ arm, seed }))
  writeResults(out, plan, readComparison(out).results)
}

/** results.jsonl: one line per run, made from the run folders alone. What depends on the clock stands under `time`. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { AgreementCounts } from "../analysis/index.ts"
import { PirlError } from "../errors.ts"
import { isRunFolder, readJsonl, readRun, writeFileAtomic, type EvaluationLine, type JsonRecord, type MetricsLine, type RunRecord, type RunSummary, type SignalSummary } from "../runs/index.ts"
import type { SavedPlan } from "./plan-file.ts"
import { measureCurve, type RunMeasure } from "./statistics.ts"

/** A measure of accuracy: expected is free of sampling noise, and exists where answers are unique. */
export type Measure = "expected" | "greedy"

/** waiting: not begun; unfinished: begun, and either running or to be resumed. */
export type RunResultState = "finished" | "failed" | "unfinished" | "waiting"

/** At an evaluation: step, expected accuracy, greedy accuracy, optimiser steps and rollouts so far. */
export type CurveRow = readonly [step: number, expected: number | null, greedy: number | null, optimizerSteps: number, rollouts: number]

/** What the verdicts of a run's signal were worth, by its summary; null where there was nothing to hold them against. */
export interface SignalResult {
  /** Against J(theta_t) - J(theta_{t-1}). */
  readonly againstPrevious: AgreementCounts | null
  /** Against J(theta_t) - mean of J over the window. */
  readonly againstWindow: AgreementCounts | null
}

export interface RunResult {
  readonly arm: string
  readonly seed: number
  readonly overrides: readonly string[]
  readonly state: RunResultState
  /** Last step made. */
  readonly step: number
  /** Why it failed. */
  readonly error?: string
  readonly expected?: RunMeasure
  readonly greedy?: RunMeasure
  readonly curve: readonly CurveRow[]
  /** Where the run judged its updates. */
  readonly signal?: SignalResult
  readonly totals: {
    readonly rollouts: number
    readonly optimizerSteps: number
    readonly refusedUpdates: number
    readonly sampledTokens: number
    readonly trainedTokens: number
  }
  readonly time: {
    /** Of all steps, evaluations excluded. */
    readonly seconds: number
    /** Seconds of training up to each row of the curve. */
    readonly curve: readonly number[]
  }
}

export interface RunKey {
  readonly arm: string
  readonly seed: number
}

/** Name of a run within its comparison. */
export function runName({ arm, seed }: RunKey): string {
  return `${arm}/seed-${seed}`
}

/** Folder of a run: no two runs share one. */
export function runDirectory(out: string, key: RunKey): string {
  return join(out, "runs", runName(key))
}

const nothing = { curve: [], totals: { rollouts: 0, optimizerSteps: 0, refusedUpdates: 0, sampledTokens: 0, trainedTokens: 0 }, time: { seconds: 0, curve: [] } }

/**
 * A run as its folder tells it; a folder that cannot be read is a failed run.
 * @param failure           why it failed, when the folder does not say it
 * @param rolloutsPerStep   responses of a step
 */
export function readRunResult(out: string, key: RunKey, overrides: readonly string[], rolloutsPerStep: number, failure: string | undefined): RunResult {
  const directory = runDirectory(out, key)
  const head = { arm: key.arm, seed: key.seed, overrides }
  if (!isRunFolder(directory)) {
    if (failure === undefined) return { ...head, state: "waiting", step: 0, ...nothing }
    return { ...head, state: "failed", step: 0, error: failure, ...nothing }
  }
  try {
    return { ...head, ...describeRun(readRun(directory), rolloutsPerStep, failure) }
  } catch (error) {
    if (!(error instanceof PirlError)) throw error
    return { ...head, state: "failed", step: 0, error: error.message, ...nothing }
  }
}

function describeRun(run: RunRecord, rolloutsPerStep: number, failure: string | undefined): Omit<RunResult, "arm" | "seed" | "overrides"> {
  const { metrics, evaluations, summary } = run
  const rolloutsOf = (line: MetricsLine): number => Number(line["sampledResponses"] ?? rolloutsPerStep)
  const curve = curveOf(metrics, evaluations, rolloutsOf)
  const expected = measureCurve(curve.rows.flatMap(([x, value]) => (value === null ? [] : [{ x, value }])))
  const greedy = measureCurve(curve.rows.flatMap(([x, , value]) => (value === null ? [] : [{ x, value }])))
  const sum = (value: (line: MetricsLine) => unknown): number => metrics.reduce((total, line) => total + Number(value(line) ?? 0), 0)
  const error = failure ?? (run.state === "failed" ? run.events.at(-1)?.message : undefined)
  const state = run.state === "finished" ? "finished" : error === undefined ? "unfinished" : "failed"
  const signal = signalOf(summary)
  return {
    state,
    step: metrics.at(-1)?.step ?? 0,
    ...(state === "failed" ? { error: error! } : {}),
    ...(expected === undefined ? {} : { expected }),
    ...(greedy === undefined ? {} : { greedy }),
    curve: curve.rows,
    ...(signal === undefined ? {} : { signal }),
    totals: {
      rollouts: sum(rolloutsOf),
      optimizerSteps: sum((line) => line["optimizerSteps"]),
      refusedUpdates: sum((line) => line["refusedUpdates"]),
      sampledTokens: sum((line) => line.sampledTokens),
      trainedTokens: sum((line) => line.trainedTokens),
    },
    time: { seconds: sum((line) => line.time.seconds), curve: curve.seconds },
  }
}

interface Curve {
  readonly rows: CurveRow[]
  /** Of training, up to each row. */
  readonly seconds: number[]
}

function curveOf(metrics: readonly MetricsLine[], evaluations: readonly EvaluationLine[], rolloutsOf: (line: MetricsLine) => number): Curve {
  let [next, updates, rollouts, elapsed] = [0, 0, 0, 0]
  const seconds: number[] = []
  const rows = evaluations.map(({ step, expectedAccuracy, greedyAccuracy }): CurveRow => {
    for (; next < metrics.length && metrics[next]!.step <= step; next++) {
      updates += Number(metrics[next]!["optimizerSteps"] ?? 0)
      rollouts += rolloutsOf(metrics[next]!)
      elapsed += metrics[next]!.time.seconds
    }
    seconds.push(elapsed)
    return [step, expectedAccuracy ?? null, greedyAccuracy ?? null, updates, rollouts]
  })
  return { rows, seconds }
}

/** The counts of a summary's `signal`; undefined for a run that judged no update. */
function signalOf(summary: RunSummary | undefined): SignalResult | undefined {
  // Runs of an older pirl have none.
  const signal: SignalSummary | undefined = summary?.signal
  if (signal?.source !== "logged") return undefined
  return { againstPrevious: signal.againstPrevious?.counts ?? null, againstWindow: signal.againstWindow?.counts ?? null }
}

const fileName = "results.jsonl"

/** Lines of results.jsonl, without those that are no results; none when there is no such file. @throws DataError when it is damaged */
export function readResults(out: string): RunResult[] {
  const path = join(out, fileName)
  return existsSync(path) ? readJsonl(path).records.filter(isResult) : []
}

/** A line of another program, or of a pirl that wrote other lines, stands for nothing: its run is read from its folder. */
function isResult(line: JsonRecord): line is JsonRecord & RunResult {
  const { curve, totals, time } = line as Partial<RunResult>
  return Array.isArray(curve) && typeof totals === "object" && Array.isArray(time?.curve) && time.curve.length === curve.length
}

/** Replaces results.jsonl: seed by seed, in the order of the plan's arms. Runs that have not begun have no line. */
export function writeResults(out: string, plan: SavedPlan, results: readonly RunResult[]): void {
  const position = new Map(plan.arms.map(({ name }, i) => [name, i]))
  const lines = results
    .filter(({ state }) => state !== "waiting")
    .sort((a, b) => a.seed - b.seed || position.get(a.arm)! - position.get(b.arm)!)
    .map((result) => `${JSON.stringify(result)}\n`)
  writeFileAtomic(join(out, fileName), lines.join(""))
}

/** From the results of runs to those of arms: means, paired differences, at matched rollouts, updates or seconds. Pure. */
import type { Measure, RunResult } from "./results.ts"
import { measureCurve, measureCutCurve, intervalMean, seedMean, type CurvePoint, type IntervalMean, type RunMeasure, type SeedMean } from "./statistics.ts"

/** rollouts: every run at its last step; updates, seconds: the runs of a seed at the least of their optimiser steps or seconds. */
export type Match = "rollouts" | "updates" | "seconds"

export interface AnalysisOptions {
  /** Expected where every finished run has it, else greedy, when absent. */
  readonly measure?: Measure
  readonly match: Match
  /** Arms that the others are compared with. */
  readonly against: readonly string[]
}

/** The numbers that are averaged and compared. */
export const quantities = ["start", "best", "final", "auc", "drop"] as const
export type Quantity = (typeof quantities)[number]

export interface ArmSummary {
  readonly arm: string
  /** Finished runs, over which everything below is taken. */
  readonly n: number
  readonly failed: number
  /** Runs that are not done. */
  readonly open: number
  readonly main: Readonly<Record<Quantity, SeedMean>> | undefined
  /** Of `main`, per seed. */
  readonly finals: readonly { readonly seed: number; readonly final: number }[]
  readonly collapsed: number
  /** Final accuracy by the other measure. */
  readonly otherFinal: SeedMean | undefined
  readonly optimizerSteps: SeedMean | undefined
  readonly rollouts: SeedMean | undefined
  readonly seconds: SeedMean | undefined
  /** Mean position at which the runs were read: steps, updates or seconds. */
  readonly readAt: SeedMean | undefined
}

export interface ArmDifference {
  readonly arm: string
  readonly against: string
  readonly final: IntervalMean | undefined
  readonly best: IntervalMean | undefined
  readonly auc: IntervalMean | undefined
  readonly drop: IntervalMean | undefined
}

export interface Analysis {
  readonly measure: Measure
  readonly match: Match
  readonly arms: readonly ArmSummary[]
  readonly differences: readonly ArmDifference[]
}

/** A run read at its matched position. */
interface MatchedRun {
  readonly result: RunResult
  readonly main: RunMeasure | undefined
  readonly other: RunMeasure | undefined
  readonly at: number
}

/** @param arms  names of all arms, in order */
export function analyse(arms: readonly string[], results: readonly RunResult[], options: AnalysisOptions): Analysis {
  const finished = results.filter(({ state }) => state === "finished")
  const measure = options.measure ?? mainMeasure(finished)
  const runs = matchRuns(finished, measure, options.match)
  const summaries = arms.map((arm) => summarise(arm, results, runs.filter(({ result }) => result.arm === arm)))
  const differences = options.against.flatMap((against) => arms.filter((arm) => arm !== against).map((arm) => compareArms(arm, against, runs)))
  return { measure, match: options.match, arms: summaries, differences }
}

export function mainMeasure(finished: readonly RunResult[]): Measure {
  return finished.length > 0 && finished.every(({ expected }) => expected !== undefined) ? "expected" : "greedy"
}

/** The curve of a run by a measure, over steps, updates or seconds. */
export function curvePoints({ curve, time }: RunResult, measure: Measure, match: Match): CurvePoint[] {
  return curve.flatMap(([step, expected, greedy, updates], i) => {
    const value = measure === "expected" ? expected : greedy
    const x = match === "rollouts" ? step : match === "updates" ? updates : time.curve[i]!
    return value === null ? [] : [{ x, value }]
  })
}

function matchRuns(finished: readonly RunResult[], measure: Measure, match: Match): MatchedRun[] {
  const other: Measure = measure === "expected" ? "greedy" : "expected"
  const endOf = (result: RunResult): number => (match === "updates" ? result.curve.at(-1)?.[3] : match === "seconds" ? result.time.curve.at(-1) : result.curve.at(-1)?.[0]) ?? 0
  return finished.map((result) => {
    const main = curvePoints(result, measure, match)
    const beside = curvePoints(result, other, match)
    if (match === "rollouts") return { result, main: measureCurve(main), other: measureCurve(beside), at: endOf(result) }
    const cut = Math.min(...finished.filter(({ seed }) => seed === result.seed).map(endOf))
    return { result, main: measureCutCurve(main, cut), other: measureCutCurve(beside, cut), at: cut }
  })
}

function summarise(arm: string, results: readonly RunResult[], runs: readonly MatchedRun[]): ArmSummary {
  const all = results.filter((result) => result.arm === arm)
  const measured = runs.flatMap(({ main }) => (main === undefined ? [] : [main]))
  const meanOf = (value: (run: MatchedRun) => number | undefined): SeedMean | undefined =>
    seedMean(runs.flatMap((run) => value(run) ?? []))
  const main = Object.fromEntries(quantities.map((name) => [name, seedMean(measured.map((run) => run[name]))])) as Record<Quantity, SeedMean>
  return {
    arm,
    n: runs.length,
    failed: all.filter(({ state }) => state === "failed").length,
    open: all.filter(({ state }) => state === "unfinished" || state === "waiting").length,
    main: measured.length === 0 ? undefined : main,
    finals: runs.flatMap(({ result, main: run }) => (run === undefined ? [] : [{ seed: result.seed, final: run.final }])),
    collapsed: measured.filter(({ collapsed }) => collapsed).length,
    otherFinal: meanOf(({ other }) => other?.final),
    optimizerSteps: meanOf(({ result }) => result.totals.optimizerSteps),
    rollouts: meanOf(({ result }) => result.totals.rollouts),
    seconds: meanOf(({ result }) => result.time.seconds),
    readAt: meanOf(({ at }) => at),
  }
}

function compareArms(arm: string, against: string, runs: readonly MatchedRun[]): ArmDifference {
  const measureOf = (name: string, seed: number): RunMeasure | undefined => runs.find(({ result }) => result.arm === name && result.seed === seed)?.main
  const seeds = runs.filter(({ result }) => result.arm === arm).map(({ result }) => result.seed)
  const pairs = seeds.flatMap((seed) => {
    const [own, other] = [measureOf(arm, seed), measureOf(against, seed)]
    return own === undefined || other === undefined ? [] : [{ own, other }]
  })
  const difference = (name: Quantity): IntervalMean | undefined => intervalMean(pairs.map(({ own, other }) => own[name] - other[name]))
  return { arm, against, final: difference("final"), best: difference("best"), auc: difference("auc"), drop: difference("drop") }
}

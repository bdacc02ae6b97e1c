/** From the results of runs to those of arms: means, paired differences, at matched rollouts, updates or seconds. Pure. */
import type { Measure, RunResult } from "./results.ts"
import { measureCutCurve, intervalMean, seedMean, type CurvePoint, type IntervalMean, type RunMeasure, type SeedMean } from "./statistics.ts"

/**
 * The runs of a seed are read at the least of their rollouts, optimiser steps or seconds. Where all arms sample equally many rollouts,
 * as they do unless one changes the batch, matched rollouts are the last step of every run.
 */
export type Match = "rollouts" | "updates" | "seconds"

/** What curves are drawn over. Rollouts count as steps where all arms sample equally many per step. */
export type Axis = "steps" | Match

export interface AnalysisOptions {
  /** Greedy, the headline, where every finished run has it, else expected, when absent. */
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
  /** Share of verdicts on updates that agreed with what the update did to the held-out accuracy, all seeds together. */
  readonly signalAgreement: { readonly judged: number; readonly agreed: number } | undefined
  readonly optimizerSteps: SeedMean | undefined
  readonly rollouts: SeedMean | undefined
  readonly seconds: SeedMean | undefined
  /** Mean position on the axis at which the runs were read. */
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
  readonly axis: Axis
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
  const axis = axisOf(finished, options.match)
  const runs = matchRuns(finished, measure, axis)
  const summaries = arms.map((arm) => summarise(arm, results, runs.filter(({ result }) => result.arm === arm)))
  const differences = options.against.flatMap((against) => arms.filter((arm) => arm !== against).map((arm) => compareArms(arm, against, runs)))
  return { measure, match: options.match, axis, arms: summaries, differences }
}

function mainMeasure(finished: readonly RunResult[]): Measure {
  const isEverywhere = (measure: Measure): boolean => finished.every((result) => result[measure] !== undefined)
  return isEverywhere("greedy") || !isEverywhere("expected") ? "greedy" : "expected"
}

function axisOf(finished: readonly RunResult[], match: Match): Axis {
  if (match !== "rollouts") return match
  const rates = finished.flatMap(({ curve }) => curve.flatMap(([step, , , , rollouts]) => (step === 0 ? [] : [rollouts / step])))
  const ends = finished.map(({ curve }) => curve.at(-1)?.[0])
  return rates.every((rate) => rate === rates[0]) && ends.every((end) => end === ends[0]) ? "steps" : "rollouts"
}

/** The curve of a run by a measure. */
export function curvePoints({ curve, time }: RunResult, measure: Measure, axis: Axis): CurvePoint[] {
  return curve.flatMap(([step, expected, greedy, updates, rollouts], i) => {
    const value = measure === "expected" ? expected : greedy
    const x = { steps: step, rollouts, updates, seconds: time.curve[i]! }[axis]
    return value === null ? [] : [{ x, value }]
  })
}

function matchRuns(finished: readonly RunResult[], measure: Measure, axis: Axis): MatchedRun[] {
  const other: Measure = measure === "expected" ? "greedy" : "expected"
  const ends = new Map<number, number>()
  for (const result of finished) {
    const end = curvePoints(result, measure, axis).at(-1)?.x
    if (end !== undefined) ends.set(result.seed, Math.min(end, ends.get(result.seed) ?? end))
  }
  return finished.map((result) => {
    const main = curvePoints(result, measure, axis)
    const beside = curvePoints(result, other, axis)
    const cut = ends.get(result.seed) ?? 0
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
    signalAgreement: agreementOf(runs.map(({ result }) => result)),
    optimizerSteps: meanOf(({ result }) => result.totals.optimizerSteps),
    rollouts: meanOf(({ result }) => result.totals.rollouts),
    seconds: meanOf(({ result }) => result.time.seconds),
    readAt: meanOf(({ at }) => at),
  }
}

function agreementOf(results: readonly RunResult[]): ArmSummary["signalAgreement"] {
  const counts = results.flatMap(({ signal }) => signal?.againstPrevious ?? [])
  if (counts.length === 0) return undefined
  const agreed = counts.reduce((sum, { improvedHelped, regressedHurt }) => sum + improvedHelped + regressedHurt, 0)
  return { agreed, judged: counts.reduce((sum, { improvedHurt, regressedHelped }) => sum + improvedHurt + regressedHelped, agreed) }
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

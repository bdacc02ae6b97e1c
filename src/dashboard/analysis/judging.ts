/** Which line of the metrics judges which update, and how. */
import { policyImprovementReward } from "../../pipo/attribution.ts"
import type { GroupJudgement } from "../api.ts"
import { rowOfStep } from "./table.ts"
import type { Table } from "./table.ts"

/**
 * Per row the row whose line judges its update; undefined where none does. The line of step t judges the update of step t - 1, or with overlapped
 * rollouts that of its `judgedStep`.
 */
export function judgingRows(metrics: Table): (number | undefined)[] {
  const { rows } = metrics
  const steps = metrics.column("step") ?? []
  const [judged, lag] = [metrics.column("judgedStep"), metrics.column("offPolicySteps")]
  const judges = Array.from<number | undefined>({ length: rows })
  for (let row = 0; row < rows; row++) {
    // With overlap a line that judges nothing says so.
    const step = Number.isNaN(lag?.[row] ?? Number.NaN) ? steps[row]! - 1 : (judged?.[row] ?? Number.NaN)
    const place = rowOfStep(steps, rows, step)
    if (steps[place] === step) judges[place] = row
  }
  return judges
}

/**
 * What the judging line measured of a row's update; undefined where nothing was: the run has no such metric, steering left the update out, or the error
 * is 0, that of responses which all have one reward.
 */
export function measuredImprovement(metrics: Table, row: number, judge: number | undefined): { readonly mean: number; readonly standardError: number } | undefined {
  if (judge === undefined || metrics.column("stepCut")?.[row] === 1) return undefined
  const [mean, standardError] = ["improvement", "improvementStandardError"].map((name) => metrics.column(name)?.[judge] ?? Number.NaN) as [number, number]
  return standardError > 0 && !Number.isNaN(mean) ? { mean, standardError } : undefined
}

/** How the update of a step was looked back at; null where no line judges it (yet), or the rule of the run judges nothing. */
export function judgementOf(metrics: Table, step: number): GroupJudgement | null {
  const place = rowOfStep(metrics.column("step") ?? [], metrics.rows, step)
  const row = metrics.column("step")?.[place] === step ? judgingRows(metrics)[place] : undefined
  if (row === undefined) return null
  const number = (name: string): number | null => {
    const value = metrics.column(name)?.[row]
    return value === undefined || Number.isNaN(value) ? null : value
  }
  const word = (name: string): string | null => metrics.labels(name)?.[metrics.column(name)?.[row] ?? -1] ?? null
  const gate = word("gate")
  const improvement = measuredImprovement(metrics, place, row) ?? null
  if (gate === null && improvement === null) return null
  const [factor, lossScale, learningRateScale] = [number("gateFactor"), number("lossScale"), number("learningRateScale")]
  const scales = factor === null || lossScale === null || learningRateScale === null ? null : { factor, lossScale, learningRateScale }
  return { step: metrics.column("step")![row]!, xi: number("xi"), gate, skipReason: word("skipReason"), scales, improvement }
}

/** Policy improvement reward of a response; null where the gate stayed shut, or the log does not hold its attribution. */
export function improvementReward(attribution: number | null, judgement: GroupJudgement | null): number | null {
  return attribution === null || judgement === null || judgement.scales === null ? null : policyImprovementReward(attribution, judgement.scales)
}

/**
 * The improvement timeline: what was made of every update one step later, and what the held-out set says about it.
 *
 * The verdict of step t judges the update of step t - 1, or with overlapped rollouts that of its `judgedStep`; J of line t is the
 * expected held-out accuracy after the updates of step t. So the update of step u changed J by J(u) - J(u - 1).
 */
import { startAccuracyOf } from "../../analysis/run-signal.ts"
import type { EvaluationPoint } from "../../analysis/held-out.ts"
import type { Outcome, OutcomeTotals, TimelineAnswer } from "../api.ts"
import { bucketWidth } from "./buckets.ts"
import { judgingRows, measuredImprovement } from "./judging.ts"
import { outcomes as allOutcomes } from "./outcomes.ts"
import { rowOfStep } from "./table.ts"
import type { Table } from "./table.ts"

/** Standard errors beyond which a measured improvement is told from 0. */
const decisive = 2

interface Changes {
  /** Per row of the metrics: J(u) - J(u - 1); NaN where it is not known. */
  readonly change: Float64Array
  /** J after the row's updates; NaN where it is not known. */
  readonly accuracy: Float64Array
  /** J before the first row's update; NaN where it is not known. */
  readonly start: number
  readonly source: TimelineAnswer["source"]
  readonly measure: TimelineAnswer["measure"]
}

/** What judged each update. */
interface Judgements {
  readonly judge: TimelineAnswer["judge"]
  /** Per row; undefined where no line judges its update. */
  readonly outcomes: readonly (Outcome | undefined)[]
  /** Per row; NaN where there is none. */
  readonly signal: Float64Array
}

/** The timeline of a run in at most `points` buckets. */
export function improvementTimeline(metrics: Table, evaluations: Table, points: number): TimelineAnswer {
  const { rows } = metrics
  const steps = metrics.column("step") ?? []
  const { judge, outcomes, signal } = judgementsOf(metrics)
  const cut = metrics.column("stepCut")
  const { change, accuracy, start: before, source, measure } = changesOf(metrics, evaluations)
  const width = bucketWidth(rows, points)
  const answer = { step: [] as number[], better: [] as number[], worse: [] as number[], undecided: [] as number[], leftOut: [] as number[] }
  const [signals, changes, accuracies]: (number | null)[][] = [[], [], []]
  for (let start = 0; start < rows; start += width) {
    const end = Math.min(start + width, rows)
    const count = { better: 0, worse: 0, undecided: 0 }
    const seen = new Mean()
    const moved = new Mean()
    let [last, leftOut] = [Number.NaN, 0]
    for (let row = start; row < end; row++) {
      const outcome = outcomes[row]
      if (outcome !== undefined) {
        count[outcome] += 1
        seen.add(signal[row]!)
      }
      if (cut?.[row] === 1) leftOut += 1
      moved.add(change[row]!)
      if (!Number.isNaN(accuracy[row]!)) last = accuracy[row]!
    }
    answer.step.push(steps[start]!)
    for (const outcome of allOutcomes) answer[outcome].push(count[outcome])
    answer.leftOut.push(leftOut)
    signals!.push(seen.value)
    changes!.push(moved.count === 0 ? null : moved.sum)
    accuracies!.push(Number.isNaN(last) ? null : last)
  }
  return {
    width,
    judge,
    ...answer,
    signal: signals!,
    change: changes!,
    accuracy: accuracies!,
    start: Number.isNaN(before) ? null : before,
    source,
    measure,
    totals: totalsOf(outcomes, change),
  }
}

class Mean {
  sum = 0
  count = 0

  add(value: number): void {
    if (Number.isNaN(value)) return
    this.sum += value
    this.count += 1
  }

  get value(): number | null {
    return this.count === 0 ? null : this.sum / this.count
  }
}

/** By the gate of the judging line; by the paired improvement where the run has that and no gate. */
function judgementsOf(metrics: Table): Judgements {
  const judges = judgingRows(metrics)
  const words = metrics.labels("gate")
  if (words !== undefined) {
    const [gates, xi] = [metrics.column("gate"), metrics.column("xi")]
    return {
      judge: "gate",
      outcomes: judges.map((judge) => gateOutcome(words[gates?.[judge ?? -1] ?? -1])),
      signal: Float64Array.from(judges, (judge) => xi?.[judge ?? -1] ?? Number.NaN),
    }
  }
  const signal = Float64Array.from(judges, (judge, row) => {
    const measured = measuredImprovement(metrics, row, judge)
    return measured === undefined ? Number.NaN : measured.mean / measured.standardError
  })
  return { judge: metrics.column("improvement") === undefined ? "none" : "paired", outcomes: Array.from(signal, measuredOutcome), signal }
}

function gateOutcome(gate: string | undefined): Outcome | undefined {
  if (gate === undefined) return undefined
  return gate === "reinforce" ? "better" : gate === "suppress" ? "worse" : "undecided"
}

/** @param distance  from 0, in standard errors */
function measuredOutcome(distance: number): Outcome | undefined {
  if (Number.isNaN(distance)) return undefined
  return Math.abs(distance) <= decisive ? "undecided" : distance > 0 ? "better" : "worse"
}

function changesOf(metrics: Table, evaluations: Table): Changes {
  const measured = metrics.column("expectedAccuracy")
  if (measured !== undefined) return everyStep(metrics, measured, startOf(metrics, measured, evaluations))
  for (const measure of ["greedy", "expected"] as const) {
    const values = evaluations.column(`${measure}Accuracy`)
    if (values !== undefined) return { ...betweenEvaluations(metrics, evaluations, values), measure }
  }
  const nothing = new Float64Array(metrics.rows).fill(Number.NaN)
  return { change: nothing, accuracy: nothing, start: Number.NaN, source: "none", measure: null }
}

/** J(0) on the problems of every step, as `startAccuracyOf` finds it; NaN where nothing tells it. */
function startOf(metrics: Table, measured: ArrayLike<number>, evaluations: Table): number {
  const steps = metrics.column("step") ?? []
  if (steps[0] !== 1) return Number.NaN
  const points = Array.from({ length: evaluations.rows }, (_, row): EvaluationPoint => {
    const names = ["expectedAccuracy", "stepExpectedAccuracy"]
    const known = names.flatMap((name) => {
      const value = evaluations.column(name)?.[row] ?? Number.NaN
      return Number.isNaN(value) ? [] : [[name, value] as const]
    })
    return { step: evaluations.column("step")?.[row] ?? Number.NaN, ...Object.fromEntries(known) }
  })
  // Only steps that were evaluated are compared.
  const lines = points.flatMap(({ step }) => {
    const row = rowOfStep(steps, metrics.rows, step)
    const value = steps[row] === step ? measured[row]! : Number.NaN
    return Number.isNaN(value) ? [] : [{ step, mu: null, expectedAccuracy: value }]
  })
  return startAccuracyOf(lines, points) ?? Number.NaN
}

function everyStep(metrics: Table, measured: ArrayLike<number>, start: number): Changes {
  const steps = metrics.column("step") ?? []
  const accuracy = Float64Array.from({ length: metrics.rows }, (_, row) => measured[row]!)
  const change = accuracy.map((value, row) => {
    if (row === 0) return value - start
    return steps[row] === steps[row - 1]! + 1 ? value - accuracy[row - 1]! : Number.NaN
  })
  return { change, accuracy, start, source: "every-step", measure: "expected" }
}

/** The change between two evaluations, shared out evenly among the updates between them. */
function betweenEvaluations(metrics: Table, evaluations: Table, values: ArrayLike<number>): Omit<Changes, "measure"> {
  const steps = metrics.column("step") ?? []
  const at = evaluations.column("step") ?? []
  const change = new Float64Array(metrics.rows).fill(Number.NaN)
  const accuracy = new Float64Array(metrics.rows).fill(Number.NaN)
  let before = -1
  for (let i = 0; i < evaluations.rows; i++) {
    if (Number.isNaN(values[i]!)) continue
    const to = rowOfStep(steps, metrics.rows, at[i]! + 1)
    if (before >= 0) {
      const from = rowOfStep(steps, metrics.rows, at[before]! + 1)
      change.fill((values[i]! - values[before]!) / Math.max(1, to - from), from, to)
    }
    if (to > 0 && steps[to - 1] === at[i]) accuracy[to - 1] = values[i]!
    before = i
  }
  const start = steps[0] === 1 && at[0] === 0 ? values[0]! : Number.NaN
  return { change, accuracy, start, source: "evaluations" }
}

function totalsOf(outcomes: readonly (Outcome | undefined)[], change: Float64Array): Record<Outcome, OutcomeTotals> {
  const of = (wanted: Outcome): OutcomeTotals => {
    let [updates, rose, fell] = [0, 0, 0]
    const moved = new Mean()
    outcomes.forEach((outcome, row) => {
      if (outcome !== wanted) return
      updates += 1
      moved.add(change[row]!)
      if (change[row]! > 0) rose += 1
      if (change[row]! < 0) fell += 1
    })
    return { updates, rose, fell, meanChange: moved.value }
  }
  return { better: of("better"), worse: of("worse"), undecided: of("undecided") }
}

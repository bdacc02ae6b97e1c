/** An analysis as text: rows of cells for the terminal, and Markdown. Pure. */
import type { Analysis, ArmSummary } from "./analysis.ts"
import type { Measure } from "./results.ts"
import { collapseBounds, type IntervalMean, type SeedMean } from "./statistics.ts"

/** The first row is the head. */
export type Cells = readonly (readonly string[])[]

/** A row per arm. */
export function armCells({ arms, measure, axis }: Analysis): Cells {
  const other: Measure = measure === "expected" ? "greedy" : "expected"
  const head = [
    "arm",
    "n",
    "start",
    "best",
    `final, ${measure}`,
    "area",
    "drop",
    "collapsed",
    `final, ${other}`,
    "updates",
    "seconds",
  ]
  const judged = arms.some(({ signalAgreement }) => signalAgreement !== undefined)
  const cut = [...(judged ? ["signal right"] : []), ...(axis === "steps" ? [] : ["rollouts", `read at ${axis}`])]
  const rows = arms.map((arm) => {
    const { main, n } = arm
    return [
      arm.arm,
      countCell(arm),
      mean(main?.start),
      meanError(main?.best),
      meanError(main?.final),
      meanError(main?.auc),
      mean(main?.drop),
      n === 0 ? "-" : `${arm.collapsed}/${n}`,
      meanError(arm.otherFinal),
      rounded(arm.optimizerSteps),
      rounded(arm.seconds),
      ...(judged ? [share(arm.signalAgreement)] : []),
      ...(axis === "steps" ? [] : [rounded(arm.rollouts), rounded(arm.readAt)]),
    ]
  })
  return [[...head, ...cut], ...rows]
}

/** A row per pair of arms. */
export function differenceCells({ differences, measure }: Analysis): Cells {
  const rows = differences.map(({ arm, against, final, best, auc, drop }) => [`${arm} - ${against}`, String(final?.n ?? 0), interval(final), interval(best), interval(auc), interval(drop)])
  return [["paired difference", "n", `final, ${measure}`, "best", "area", "drop"], ...rows]
}

/** n, and beside it the runs that are missing from it. */
function countCell({ n, failed, open }: ArmSummary): string {
  const missing = [failed > 0 ? `${failed} failed` : "", open > 0 ? `${open} open` : ""].filter((text) => text !== "")
  return missing.length === 0 ? String(n) : `${n} (${missing.join(", ")})`
}

function digits(value: number): string {
  const text = value.toFixed(3)
  return Number(text) === 0 ? "0.000" : text
}

function mean(value: SeedMean | undefined): string {
  return value === undefined ? "-" : digits(value.mean)
}

function meanError(value: SeedMean | undefined): string {
  if (value === undefined) return "-"
  return value.standardError === null ? digits(value.mean) : `${digits(value.mean)} ± ${digits(value.standardError)}`
}

function share(agreement: ArmSummary["signalAgreement"]): string {
  if (agreement === undefined || agreement.judged === 0) return "-"
  return `${((100 * agreement.agreed) / agreement.judged).toFixed(1)} %`
}

function rounded(value: SeedMean | undefined): string {
  if (value === undefined) return "-"
  return value.mean >= 100 ? value.mean.toFixed(0) : value.mean.toFixed(1)
}

function interval(value: IntervalMean | undefined): string {
  if (value === undefined) return "-"
  const sign = (x: number): string => `${x < 0 && Number(x.toFixed(3)) !== 0 ? "" : "+"}${digits(x)}`
  return value.low === null || value.high === null ? sign(value.mean) : `${sign(value.mean)} [${sign(value.low)}, ${sign(value.high)}]`
}

/** What a reader must know to read the table. */
export function notes({ measure, axis, arms }: Analysis): string[] {
  const name = measure === "expected" ? "expected accuracy (teacher-forced, free of sampling noise)" : "greedy accuracy"
  const lines = [
    `Held-out ${name}; mean ± standard error over seeds; differences paired by seed with their 95 % t interval.`,
    `final: mean of the last three evaluations. area: mean height of the curve. drop: best - final. collapsed: final below start - ${collapseBounds.belowStart}, or drop above ${collapseBounds.belowBest}.`,
  ]
  if (arms.some(({ signalAgreement }) => signalAgreement !== undefined)) {
    lines.push("signal right: share of verdicts on updates with the sign of the change that the update made to the held-out accuracy, all seeds together.")
  }
  if (axis !== "steps") {
    const what = { rollouts: "rollouts", updates: "optimiser steps", seconds: "seconds of training" }[axis]
    lines.push(`Matched ${what}: within each seed every arm is read at the least ${what} among the arms, between evaluations by interpolation. A schedule that depends on the run's length was cut before its end.`)
  }
  return lines
}

/** table.md. */
export function markdown(title: string, analysis: Analysis): string {
  const table = (cells: Cells): string[] => {
    const [head, ...rows] = cells
    const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`
    return [line(head!), line(head!.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)]
  }
  const differences = differenceCells(analysis)
  return [`# ${title}`, "", ...table(armCells(analysis)), "", ...(differences.length > 1 ? [...table(differences), ""] : []), ...notes(analysis).flatMap((note) => [note, ""])].join("\n").trimEnd() + "\n"
}

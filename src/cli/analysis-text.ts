/** What `pirl analyze` says of a log: the verdict first, then what it rests on. */
import { noiseAbove1, noiseAbove2 } from "../analysis/index.ts"
import type { Interval, JudgedUpdate, LogAnalysis, RunOutcome, SizedSignal, StepVerdict, WindowMean } from "../analysis/index.ts"
import { counted, formatNumber, formatTable, signed } from "./format.ts"
import { plotCurve, type PlotMark } from "./log-plot.ts"
import { agreementText, percent, precisionText } from "./signal-text.ts"

/** The whole report. @param width  characters of a line of the plot */
export function analysisText(analysis: LogAnalysis, steps: readonly StepVerdict[], width: number): string {
  const sections = [
    outcomeLines(analysis),
    updateLines(analysis),
    trustLines(analysis),
    [plotCurve(steps.map(({ step }) => step), steps.map(({ reward }) => reward), marksOf(analysis), Math.min(width, 100)).trimEnd()],
    sourceLines(analysis),
  ]
  return `${sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n")}\n`
}

function at({ fromStep, toStep }: WindowMean): string {
  return fromStep === toStep ? `step ${fromStep}` : `steps ${fromStep} to ${toStep}`
}

const headlines: Readonly<Record<RunOutcome["kind"], string>> = {
  "no-signal": "No signal: every reward is the same",
  "too-short": "Too short to judge",
  flat: "The reward neither rose nor fell",
  improving: "The run was still improving at its end",
  plateau: "The run improved, then gained nothing more that stands out",
  drifted: "The run improved, then lost a part of it",
  "fell-back": "The run improved, then lost most of it",
  declined: "The reward never rose, and fell",
}

function outcomeLines({ outcome, evaluations, sides, lastStep, firstStep }: LogAnalysis): string[] {
  const { kind, start, best, final, firstDrop, recovered, alarmAt, improvedUntil, stopAt, lost, width } = outcome
  if (kind === "no-signal") {
    return [
      `${headlines[kind]}, ${formatNumber(start.value)} from step ${firstStep} to step ` +
      `${lastStep}. Nothing can be said of the updates.`,
      "A policy learns nothing from rewards that do not differ: look at the responses, at the " +
      "verifier, and at what the column holds (--reward).",
    ]
  }
  const lines = [
    `${headlines[kind]}: reward ${formatNumber(start.value)} at the start, ` +
    `${formatNumber(best.value)} at best (${at(best)}), ${formatNumber(final.value)} at the end ` +
    `(means of ${counted(width, "row")}).`,
  ]
  if (stopAt !== null && lost !== null) {
    const share = lastStep > firstStep ? (lastStep - stopAt) / (lastStep - firstStep) : 0
    lines.push(
      `It should have been stopped after step ${stopAt}: what came then cost ${rangeText(lost)} and ` +
      `${percent(share)} of the steps.`)
  } else if (kind === "plateau") {
    lines.push(`After step ${improvedUntil} nothing was gained that stands out of the noise.`)
  } else if (kind === "improving" || kind === "flat") lines.push("Nothing in it says that it should have been stopped earlier.")
  if (firstDrop !== null) {
    const size = firstDrop.errors > 1000 ? "far beyond its noise" : `${firstDrop.errors.toFixed(1)} combined standard errors`
    const after = recovered ? ", from which it recovered" : ""
    lines.push(
      `First significant drop: at step ${firstDrop.step} the mean stood ` +
      `${formatNumber(firstDrop.below)} below its best (${size}; the alarm is at ` +
      `${alarmAt.toFixed(1)})${after}.`)
  }
  if (evaluations !== null && evaluations.count > 1) {
    const { count, first, best: top, bestStep, last, lost: lostHeldOut, fell } = evaluations
    lines.push(
      `Held-out: ${formatNumber(first)} in the first evaluation, ${formatNumber(top)} at best (step ` +
      `${bestStep}), ${formatNumber(last)} in the last of ${count}.`)
    if (fell && lostHeldOut !== null) {
      const unseen = stopAt === null ? ", though the reward does not show it" : ""
      lines.push(
        `  By held-out accuracy it should have been stopped after step ${bestStep}${unseen}: it ` +
        `lost ${rangeText(lostHeldOut)} since.`)
    }
  }
  const changes = Object.values(sides).map(({ column, start: from, best: middle, final: to }) => `${column} ${formatNumber(from)}, ${formatNumber(middle)}, ${formatNumber(to)}`)
  if (changes.length > 0) lines.push(`At the start, at best and at the end: ${changes.join("; ")}.`)
  return lines
}

function rangeText({ value, low, high }: Interval): string {
  return `${formatNumber(value)} (95 % ${formatNumber(low)} to ${formatNumber(high)})`
}

function updateLines({ outcome, signal, stretches, strongest, beyondNoise }: LogAnalysis): string[] {
  if (outcome.kind === "no-signal") return []
  const { improved, regressed, undecided, unjudged } = signal.verdicts
  const judged = improved + regressed + undecided
  if (judged === 0) return [`No update could be judged: the window of ${signal.window} was never full.`]
  const lines = [`Updates by the sign of the signal: ${improved} helped, ${regressed} hurt, ${undecided} undecided, ${unjudged} not judged.`]
  if (beyondNoise !== null) {
    const byNoise = Math.round(noiseAbove2 * (improved + regressed))
    lines.push(
      `  Beyond two standard errors: ${beyondNoise.improved} helped, ${beyondNoise.regressed} hurt; ` +
      `noise alone would show about ${byNoise} in all.`)
  }
  const runs = [
    stretches.improved === null ? "" :
      `${stretches.improved.length} that helped (steps ${stretches.improved.fromStep} to ` +
      `${stretches.improved.toStep})`,
    stretches.regressed === null ? "" :
      `${stretches.regressed.length} that hurt (steps ${stretches.regressed.fromStep} to ` +
      `${stretches.regressed.toStep})`,
  ].filter((text) => text !== "")
  if (runs.length > 0) lines.push(`  Longest in a row: ${runs.join(", ")}.`)
  const list = (updates: readonly JudgedUpdate[]): string => updates.map(({ step, progress, errors }) => `${step} (${signedNumber(progress)}${errors === null ? "" : `, ${errors.toFixed(1)} errors`})`).join(", ")
  if (strongest.improved.length > 0) lines.push(`  Strongest signs of help at steps ${list(strongest.improved)}.`)
  if (strongest.regressed.length > 0) lines.push(`  Strongest signs of harm at steps ${list(strongest.regressed)}.`)
  return lines
}

function signedNumber(value: number): string {
  return `${value < 0 ? "-" : "+"}${formatNumber(Math.abs(value))}`
}

function trustLines({ outcome, sizes, signal }: LogAnalysis): string[] {
  if (outcome.kind === "no-signal") return []
  const lines: string[] = []
  for (const size of sizes) lines.push(`  by ${size.basis}: ${sizeLine(size)}`)
  if (lines.length > 0) lines.unshift(
    "Size of the signal against its sampling error (noise alone: above one in " +
    `${percent(noiseAbove1)}, above two in ${percent(noiseAbove2)}):`)
  const { againstPrevious, againstWindow, betweenEvaluations } = signal
  if (againstPrevious !== null && againstWindow !== null) {
    lines.push(
      "Its sign agreed with the held-out change of the update in " +
      `${agreementText(againstPrevious, "judged updates")}.`)
    const precision = precisionText(againstPrevious)
    if (precision !== undefined) lines.push(`  "This update helped": ${precision}.`)
    lines.push(
      "  With the change against the window's policies it agreed in " +
      `${agreementText(againstWindow, "judged updates")}.`)
  }
  if (betweenEvaluations !== null) {
    const { judged, undecidable, undecided } = betweenEvaluations
    const told = judged === 0 ? "No stretch between evaluations could be compared" :
      "Between evaluations its sign agreed with the change in " +
      `${agreementText(betweenEvaluations, judged === 1 ? "stretch" : "stretches")}`
    const left = [undecidable > 0 ? `${undecidable} undecidable, their change lies inside its 95 % noise` : "", undecided > 0 ? `${undecided} without a signal` : ""].filter((text) => text !== "")
    lines.push(`${told}${left.length === 0 ? "" : `; ${left.join("; ")}`}.`)
  }
  if (againstPrevious === null && betweenEvaluations === null) lines.push(
    "The log has no evaluations (or fewer than two), so whether the signal was right cannot be " +
    "said.")
  return lines
}

function sizeLine({ steps, above1, above2, medianError, atLeast }: SizedSignal): string {
  const share = (low: number | undefined, high: number): string => (low === undefined ? percent(high) : `${(100 * low).toFixed(0)} to ${percent(high)}`)
  const error = atLeast === undefined ? formatNumber(medianError) : `${formatNumber(medianError)} to ${formatNumber(atLeast.medianError)}`
  return (
    `above one in ${share(atLeast?.above1, above1)}, above two in ${share(atLeast?.above2, above2)} ` +
    `of ${steps} rows; error of the signal ${error}`
  )
}

function marksOf({ outcome }: LogAnalysis): PlotMark[] {
  const { best, firstDrop, kind, improvedUntil } = outcome
  if (kind === "too-short") return []
  const marks: PlotMark[] = []
  if (kind === "plateau") marks.push({ letter: "P", meaning: `end of improvement (${improvedUntil})`, at: improvedUntil })
  if (kind !== "flat") marks.push({ letter: "B", meaning: `best mean (to ${best.toStep})`, at: best.toStep })
  if (firstDrop !== null) marks.push({ letter: "D", meaning: `first significant drop (${firstDrop.step})`, at: firstDrop.step })
  return marks
}

function sourceLines({ log, format, columns, rows, firstStep, lastStep, skipped, notes }: LogAnalysis): string[] {
  const { unreadable, withoutReward, notANumber, withoutStep, duplicates, abandoned, restarts } = skipped
  const roles = (["reward", "step", "standardError", "groupDeviation", "batchDeviation", "accuracy"] as const).flatMap((role) => {
    const choice = columns[role]
    return choice === undefined ? [] : [`${roleNames[role]} = ${choice.column}`]
  })
  const left = [
    unreadable > 0 ? `${counted(unreadable, "line")} that could not be read` : "",
    withoutReward > 0 ? `${counted(withoutReward, "row")} without a reward${notANumber > 0 ? ` (${notANumber} of them with something else than a number)` : ""}` : "",
    withoutStep > 0 ? `${counted(withoutStep, "row")} without a step` : "",
    duplicates > 0 ? `${counted(duplicates, "row")} replaced by a later one of the same step` : "",
    restarts > 0 ? `${counted(abandoned, "row")} left behind by ${counted(restarts, "restart")}` : "",
  ].filter((text) => text !== "")
  return [
    `${log}: ${format}, ${counted(rows, "row")}, steps ${firstStep} to ${lastStep}; ${roles.join(", ")}.`,
    ...(left.length > 0 ? [`Left out: ${left.join(", ")}.`] : []),
    ...notes.map((note) => `Note: ${note}.`),
  ]
}

const roleNames = { reward: "reward", step: "step", standardError: "its error", groupDeviation: "deviation in groups", batchDeviation: "deviation of the batch", accuracy: "evaluation" } as const

/** Every row with its verdict. */
export function stepTable(steps: readonly StepVerdict[]): string {
  const number = (value: number | null, digits: number): string => (value === null ? "-" : signed(value, digits))
  const rows = steps.map(({ step, reward, muHis, progress, xi, standardError, verdict }) => [
    String(step),
    formatNumber(reward),
    muHis === null ? "-" : formatNumber(muHis),
    progress === null ? "-" : signedNumber(progress),
    standardError === null ? "-" : formatNumber(standardError),
    number(xi, 2),
    verdict ?? "-",
  ])
  return formatTable([["step", "reward", "window", "signal", "error", "xi", "update before"], ...rows])
}

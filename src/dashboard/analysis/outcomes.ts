/** Outcomes of updates in words and colours, for the page and for reports. */
import type { GroupJudgement, Outcome, TimelineAnswer } from "../api.ts"
import { ticksBetween } from "../../drawing.ts"
import { percent, signed } from "./format.ts"

export const outcomes: readonly Outcome[] = ["better", "worse", "undecided"]

/** Names of colours of the style sheets. */
export const outcomeColors: Readonly<Record<Outcome, "reinforced" | "suppressed" | "undecided">> = { better: "reinforced", worse: "suppressed", undecided: "undecided" }

/** What an update of an outcome was, by what judged it. */
export function outcomeWords(judge: TimelineAnswer["judge"]): Readonly<Record<Outcome, string>> {
  if (judge === "paired") return { better: "measured better", worse: "measured worse", undecided: "within noise" }
  return { better: "reinforced", worse: "suppressed", undecided: "undecided" }
}

/** What the bars of the updates are, when each has its own. */
export function signalTitle(judge: TimelineAnswer["judge"]): string {
  if (judge === "paired") return "What the next step measured of each update: improvement in standard errors"
  return judge === "gate" ? "How the next step judged each update: its signal xi" : "Nothing judged the updates"
}

/** How to read the bars. */
export function timelineGuide(judge: TimelineAnswer["judge"]): string {
  if (judge === "paired") {
    return "Bars above the line: updates that the next step's responses measured as better by more than two standard errors; below it: as worse. Dashed: steps that steering left without an update."
  }
  return "Bars above the line: updates that the next step reinforced; below it: suppressed."
}

/** Over the panel of what each update did. */
export function changeTitle(source: TimelineAnswer["source"]): string {
  if (source === "none") return "No held-out accuracy was measured"
  const shared = source === "evaluations" ? ", shared out between evaluations" : ""
  return `What the update did to held-out accuracy, in points${shared}`
}

/** Over the panel of the accuracy itself: which one it is, and where it starts. */
export function accuracyTitle({ source, start, measure }: TimelineAnswer): string {
  const when = source === "every-step" ? ", after each update" : ""
  return `Held-out accuracy J, ${measure ?? ""}${start === null ? when : `, from J(0) = ${percent(start)} on`}`
}

/** Steps that are named below the timeline: the first, and round ones. */
export function timelineSteps(first: number, last: number, count: number): number[] {
  const { step, values } = ticksBetween(first, last, count, 1)
  const round = values.filter((value) => value !== 0 && value - first >= step / 2)
  return [first, ...round]
}

/** A round number at most as large: where an axis from -most to most has its marks. */
export function roundMark(most: number): number {
  return ticksBetween(0, most, 2).values.at(-1)!
}

/** Points of a hundred, as many digits as they need: `+0.5`, `−10`. */
export function pointsText(share: number): string {
  const points = Number((100 * share).toPrecision(2))
  return signed(points, Math.max(0, Math.ceil(-Math.log10(Math.abs(points)) - 1e-9)))
}

/** What became of the update that a group was sampled for. */
export function judgementText({ step, xi, gate, skipReason, improvement }: GroupJudgement): string {
  const measured = improvement === null ? "" : `the update changed the mean reward by ${signed(100 * improvement.mean)} points, standard error ${(100 * improvement.standardError).toFixed(2)}`
  if (gate === null) return `Measured in step ${step}: ${measured}.`
  const outcome = gate === "reinforce" ? "reinforced" : gate === "suppress" ? "suppressed" : `not taken up again${skipReason === null ? "" : ` (${skipReason})`}`
  return `Looked back at in step ${step}: xi ${signed(xi)}, ${outcome}${measured === "" ? "" : `; ${measured}`}.`
}

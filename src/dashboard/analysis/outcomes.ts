/** Outcomes of updates in words and colours, for the page and for reports. */
import type { GroupJudgement, Outcome, TimelineAnswer } from "../api.ts"
import { signed } from "./format.ts"

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

/** What became of the update that a group was sampled for. */
export function judgementText({ step, xi, gate, skipReason, improvement }: GroupJudgement): string {
  const measured = improvement === null ? "" : `the update changed the mean reward by ${signed(100 * improvement.mean)} points, standard error ${(100 * improvement.standardError).toFixed(2)}`
  if (gate === null) return `Measured in step ${step}: ${measured}.`
  const outcome = gate === "reinforce" ? "reinforced" : gate === "suppress" ? "suppressed" : `not taken up again${skipReason === null ? "" : ` (${skipReason})`}`
  return `Looked back at in step ${step}: xi ${signed(xi)}, ${outcome}${measured === "" ? "" : `; ${measured}`}.`
}

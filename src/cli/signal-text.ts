/** The improvement signal's record in plain words. */
import { noiseAbove1, noiseAbove2, type Agreement, type Interval, type SignalSize } from "../analysis/index.ts"
import type { SignalSummary } from "../runs/index.ts"

/** A share as `57 %`. */
export function percent(value: number): string {
  return `${(100 * value).toFixed(0)} %`
}

/** `50 to 64`, in percent. */
function percentRange({ low, high }: Interval): string {
  return `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)}`
}

function pText(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`
}

/** `57 % of 190 judged updates (95 % 50 to 64; by chance 51, p = 0.042)`. */
export function agreementText(agreement: Agreement, of: string): string {
  const { judged, agreement: share, byChance, pValue, pValueShifted } = agreement
  if (share === null) return `none of the ${of} could be compared`
  const p = pValueShifted ?? pValue
  const chance = byChance === null ? "" : `; by chance ${(100 * byChance).toFixed(0)}${p === null ? "" : `, ${pText(p)}`}`
  return `${percent(share.value)} of ${judged} ${of} (95 % ${percentRange(share)}${chance})`
}

/** `precision 57 % (39 to 73; 65 % of all helped), recall 47 % (31 to 63)`, of "this update helped". */
export function precisionText({ precision, recall, baseRate }: Agreement): string | undefined {
  if (baseRate === null) return undefined
  const right = precision === null ? "never said" : `precision ${percent(precision.value)} (${percentRange(precision)}; ${percent(baseRate.value)} of all helped)`
  const found = recall === null ? "no update helped" : `recall ${percent(recall.value)} (${percentRange(recall)})`
  return `${right}, ${found}`
}

/** `above one standard error in 40 % of 190 steps, above two in 9 % (noise alone: 32 and 5)`. */
function sizeText({ steps, above1, above2 }: SignalSize): string {
  return `above one standard error in ${percent(above1)} of ${steps} steps, above two in ${percent(above2)} (noise alone: ${(100 * noiseAbove1).toFixed(0)} and ${(100 * noiseAbove2).toFixed(0)})`
}

/** Rows of the table at the end of a run. */
export function signalRows({ againstPrevious, betweenEvaluations, size }: SignalSummary): (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = []
  if (againstPrevious !== null && againstPrevious.judged > 0) {
    rows.push(["signal agreed with held-out change", agreementText(againstPrevious, "judged updates")])
    const precision = precisionText(againstPrevious)
    if (precision !== undefined) rows.push(['  of "this update helped"', precision])
  } else if (betweenEvaluations !== null) {
    const { judged, undecidable } = betweenEvaluations
    const lost = undecidable === 0 ? "" : `${judged === 0 ? "" : "; "}${undecidable} undecidable, the change lies in its noise`
    const told = judged === 0 ? "" : agreementText(betweenEvaluations, "stretches between evaluations")
    if (told !== "" || lost !== "") rows.push(["signal agreed with held-out change", `${told}${lost}`])
  }
  if (size !== null) rows.push(["signal against its sampling error", sizeText(size)])
  return rows
}

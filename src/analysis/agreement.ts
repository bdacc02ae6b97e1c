/** How often verdicts agree with what happened: counts, precision, recall, and what chance would give. */
import { agreementByShifts, overlapByChance } from "./chance.ts"
import { wilson, type Interval } from "./intervals.ts"

/** What a verdict said of an update against what a measurement says of it. */
export interface AgreementCounts {
  /** Said to have helped, and did. */
  readonly improvedHelped: number
  /** Said to have helped, but hurt. */
  readonly improvedHurt: number
  readonly regressedHelped: number
  readonly regressedHurt: number
}

/** Agreement of verdicts with measured changes. Shares are null where nothing was counted, never NaN. */
export interface Agreement {
  /** Updates with a verdict and a measured change: those that are counted. */
  readonly judged: number
  /** Left out: a change was measured, but there is no verdict or it is undecided. */
  readonly undecided: number
  /** Left out: the measured change is 0. */
  readonly unchanged: number
  readonly counts: AgreementCounts
  /** Share of the judged in which verdict and change have the same sign. */
  readonly agreement: Interval | null
  /** Of the updates said to have helped, the share that did. */
  readonly precision: Interval | null
  /** Of the updates that helped, the share that were said to. */
  readonly recall: Interval | null
  /** Share of the judged that helped: the precision of saying "helped" every time. */
  readonly baseRate: Interval | null
  /** Agreement of verdicts given at random as often as these: i b + (1 - i)(1 - b), i the share of "improved", b the base rate. */
  readonly byChance: number | null
  /** Probability of this agreement or a better one by chance, the updates taken as independent (Fisher's exact test, one-sided). */
  readonly pValue: number | null
  /** The same among circular shifts of the verdicts, which keep the runs in both; null for fewer than 20 judged. */
  readonly pValueShifted: number | null
}

/**
 * @param verdicts  +1 improved, -1 regressed, 0 undecided; any number, of which the sign counts
 * @param changes  measured changes in the same order; NaN where none was measured
 */
export function agreementOf(verdicts: ArrayLike<number>, changes: ArrayLike<number>): Agreement {
  const said: number[] = []
  const happened: number[] = []
  let [undecided, unchanged] = [0, 0]
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]!
    if (Number.isNaN(change)) continue
    const verdict = Math.sign(verdicts[i]!)
    if (verdict !== 1 && verdict !== -1) undecided++
    else if (change === 0) unchanged++
    else {
      said.push(verdict)
      happened.push(Math.sign(change))
    }
  }
  const count = (verdict: number, change: number): number => said.reduce((sum, v, i) => sum + Number(v === verdict && happened[i] === change), 0)
  const counts: AgreementCounts = { improvedHelped: count(1, 1), improvedHurt: count(1, -1), regressedHelped: count(-1, 1), regressedHurt: count(-1, -1) }
  const { improvedHelped, improvedHurt, regressedHelped, regressedHurt } = counts
  const judged = said.length
  const improved = improvedHelped + improvedHurt
  const helped = improvedHelped + regressedHelped
  const byChance = (improved * helped + (judged - improved) * (judged - helped)) / judged ** 2
  return {
    judged,
    undecided,
    unchanged,
    counts,
    agreement: wilson(improvedHelped + regressedHurt, judged),
    precision: wilson(improvedHelped, improved),
    recall: wilson(improvedHelped, helped),
    baseRate: wilson(helped, judged),
    byChance: judged === 0 ? null : byChance,
    pValue: judged === 0 ? null : overlapByChance(improvedHelped, improved, helped, judged),
    pValueShifted: agreementByShifts(Int8Array.from(said), Int8Array.from(happened)),
  }
}

import { expect, test } from "vitest"
import { agreementBetween } from "./between-evaluations.ts"
import { changeBetween, changeInterval, measuredAccuracies } from "./held-out.ts"

const steps = Array.from({ length: 12 }, (_, i) => i + 1)

test("the updates between evaluations at 0 and 5 are judged by the rows of steps 2 to 6", () => {
  const progress = steps.map((step) => (step >= 2 && step <= 6 ? step : 100))
  const [first] = agreementBetween(steps, progress, measuredAccuracies([0, 5].map((step) => ({ step, greedyAccuracy: step / 10 })), "greedy"))!.intervals
  expect(first).toMatchObject({ from: 0, to: 5, rows: 5, meanProgress: 4, change: 0.5, outcome: "agreed" })
})

test("a change inside its noise is undecidable, one outside is judged", () => {
  const evaluations = [0.5, 0.52, 0.8, 0.6].map((greedyAccuracy, i) => ({ step: 3 * i, size: 100, greedyAccuracy }))
  const result = agreementBetween(steps, steps.map(() => 0.1), measuredAccuracies(evaluations, "greedy"))!
  expect(result.intervals.map(({ outcome }) => outcome)).toEqual(["undecidable", "agreed", "disagreed"])
  expect(result).toMatchObject({ undecidable: 1, judged: 2, noiseKnown: true, counts: { improvedHelped: 1, improvedHurt: 1 } })
})

test("paired over problems, a change is told that is lost in the noise of unpaired evaluations", () => {
  const before = { step: 0, size: 100, greedyAccuracy: 0.5 }
  const after = { step: 5, size: 100, greedyAccuracy: 0.58 }
  const bits = (right: number): string => "1".repeat(right) + "0".repeat(100 - right)
  const between = (pair: readonly object[]): string => agreementBetween(steps, steps, measuredAccuracies(pair as (typeof before)[], "greedy"))!.intervals[0]!.outcome
  expect(between([before, after])).toBe("undecidable")
  expect(between([{ ...before, greedyCorrect: bits(50) }, { ...after, greedyCorrect: bits(58) }])).toBe("agreed")
})

test("an interval without a row that judges it has no signal; one evaluation makes none", () => {
  const measured = (at: readonly number[]): ReturnType<typeof measuredAccuracies> => measuredAccuracies(at.map((step) => ({ step, greedyAccuracy: step / 100 })), "greedy")
  expect(agreementBetween(steps, steps, measured([12, 20]))).toMatchObject({ judged: 0, undecided: 1, agreement: null })
  expect(agreementBetween(steps, steps, measured([5]))).toBeNull()
})

test("without sizes or errors every change counts, and that is said", () => {
  expect(agreementBetween(steps, steps, measuredAccuracies([{ step: 0, greedyAccuracy: 0.5 }, { step: 5, greedyAccuracy: 0.501 }], "greedy"))).toMatchObject({ judged: 1, noiseKnown: false })
})

test("expected accuracies are compared by their standard errors", () => {
  const [before, after] = measuredAccuracies([{ step: 0, expectedAccuracy: 0.4, expectedStandardError: 0.03 }, { step: 5, expectedAccuracy: 0.5, expectedStandardError: 0.04 }], "expected")
  expect(changeBetween(before!, after!)).toMatchObject({ standardError: 0.05, paired: false })
  expect(changeInterval(before!, after!)!.low).toBeCloseTo(0.1 - 1.96 * 0.05, 4)
  expect(before!.interval!.high).toBeCloseTo(0.4 + 1.96 * 0.03, 4)
})

test("responses that no verifier judged are no part of a greedy accuracy's size", () => {
  const [measured] = measuredAccuracies([{ step: 0, size: 12, verifierFailures: 2, greedyAccuracy: 0.8 }], "greedy")
  expect(measured!.interval!.low).toBeCloseTo(0.4902, 4)
})

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { summarizeRun } from "../../runs/index.ts"
import type { EvaluationLine, MetricsLine } from "../../runs/index.ts"
import { queryTable } from "./buckets.ts"
import { runNumbers } from "./run-numbers.ts"
import { tableOf } from "./table.test-helper.ts"

const nothing = tableOf([])
const metricsOf = (count: number): { step: number; mu: number }[] => Array.from({ length: count }, (_, i) => ({ step: i + 1, mu: i }))

describe("the numbers of a run", () => {
  test("are those of its summary: start, best with its step, final, their intervals and the improvement, by both measures", () => {
    const share = fc.integer({ min: 0, max: 50 }).map((right) => right / 50)
    const evaluation = fc.record({ greedyAccuracy: fc.option(share, { nil: undefined }), expectedAccuracy: share, expectedStandardError: fc.double({ min: 0, max: 0.2, noNaN: true }), verifierFailures: fc.integer({ min: 0, max: 3 }) })
    fc.assert(
      fc.property(fc.array(evaluation, { maxLength: 12 }), (list) => {
        const lines = list.map((line, i): EvaluationLine => ({ step: 5 * i, size: 53, ...JSON.parse(JSON.stringify(line)) as object, time: { at: "2026-01-01T00:00:00.000Z" } }))
        const summary = summarizeRun([], lines)
        const { accuracy } = runNumbers(nothing, tableOf(lines.map(({ time: _time, ...line }) => line as Record<string, number>)))
        for (const measure of ["greedy", "expected"] as const) {
          const [own, wanted] = [accuracy[measure], summary[measure]]
          if (wanted === null) {
            expect(own).toBeNull()
            continue
          }
          expect([own!.start.value, own!.best.value, own!.best.step, own!.final.value, own!.improvement]).toEqual([wanted.start, wanted.best, wanted.bestStep, wanted.final, wanted.cumulativeImprovement])
          for (const end of ["start", "best", "final"] as const) {
            const { low = null, high = null } = wanted.intervals[end] ?? {}
            expect([own![end].low, own![end].high]).toEqual([low, high])
          }
        }
      }),
    )
  })

  test("sum and mean over every step of a run whose curves are drawn in buckets", () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => ({ step: i + 1, mu: i % 2, sampledTokens: 3, trainedTokens: 5, "time.seconds": 0.5 }))
    const table = tableOf(lines)
    // The last bucket that a page has holds the least and the greatest, whose mean says nothing of how often each was.
    expect(queryTable(table, ["mu"], { log: "metrics", points: 1500 }, 1).width).toBeGreaterThan(1)
    const skewed = tableOf([...lines, ...Array.from({ length: 20 }, (_, i) => ({ step: 10_001 + i, mu: i === 0 ? 1 : 0, sampledTokens: 3, trainedTokens: 5, "time.seconds": 0.5 }))])
    expect(runNumbers(skewed, nothing)).toMatchObject({ steps: 10_020, recentSteps: 20, recent: { mu: 0.05 }, sampledTokens: 30_060, seconds: 5010, tokensPerSecond: 16 })
  })

  test("take the means of the last 20 steps, or of those that there are, and leave out lines without the metric", () => {
    expect(runNumbers(tableOf(metricsOf(50)), nothing)).toMatchObject({ recentSteps: 20, recent: { mu: 39.5 } })
    expect(runNumbers(tableOf(metricsOf(3)), nothing)).toMatchObject({ recentSteps: 3, recent: { mu: 1 } })
    expect(runNumbers(tableOf([{ step: 1, mu: 1, kl: null }, { step: 2, mu: 0, kl: 0.5 }]), nothing).recent).toMatchObject({ mu: 0.5, kl: 0.5, entropy: null })
  })

  test("count verdicts by their word", () => {
    const verdicts = ["undecided", "improved", null, "regressed", "improved"].map((verdict, i) => ({ step: i + 1, verdict }))
    expect(runNumbers(tableOf(verdicts), nothing).verdicts).toEqual({ improved: 2, regressed: 1, undecided: 1 })
    expect(runNumbers(tableOf(metricsOf(2)), nothing).verdicts).toBeNull()
  })

  test("of a run that has written nothing are unknown, and none is zero", () => {
    expect(runNumbers(nothing, nothing)).toEqual({
      steps: 0,
      accuracy: { greedy: null, expected: null },
      verdicts: null,
      recentSteps: 0,
      recent: { mu: null, entropy: null, kl: null, responseLength: null, truncationRate: null, zeroVarianceShare: null },
      sampledTokens: null,
      seconds: null,
      tokensPerSecond: null,
    })
  })

  test("leave out what a damaged line holds in the place of a number", () => {
    const summary = runNumbers(tableOf([{ step: 1, mu: Number.NaN }, { step: 2, mu: 0.5 }]), tableOf([{ step: 0, size: 4, expectedAccuracy: null }, { step: 2, size: 4, expectedAccuracy: 0.5 }]))
    expect(summary).toMatchObject({ recent: { mu: 0.5 }, accuracy: { expected: { start: { step: 2, value: 0.5, low: null }, improvement: 0 } } })
  })
})

test("the lines that are summed are those that a run logs", () => {
  const line: MetricsLine = { step: 1, mu: 0.5, sampledTokens: 1, trainedTokens: 2, verdict: "improved", time: { at: "", seconds: 4 } }
  const { time, ...rest } = line
  const numbers = runNumbers(tableOf([{ ...(rest as Record<string, number | string>), "time.seconds": time.seconds }]), nothing)
  const summary = summarizeRun([line], [])
  expect([numbers.sampledTokens, numbers.seconds, numbers.tokensPerSecond, numbers.verdicts!.improved]).toEqual([summary.sampledTokens, summary.time.seconds, summary.time.tokensPerSecond, summary.verdicts.improved])
})

import { expect, test } from "vitest"
import type { EvaluationLine, MetricsLine, Verdict } from "./records.ts"
import { summarizeRun } from "./summary.ts"

const at = "2026-01-01T00:00:00.000Z"

test("a summary holds start, best, final, what was gained, verdicts and speed", () => {
  const line = (step: number, mu: number, verdict: Verdict | null, scale: number): MetricsLine => {
    const time = { at, seconds: 2 * scale, sampleSeconds: 0.5 * scale }
    return { step, mu, verdict, sampledTokens: 100 * scale, trainedTokens: 300 * scale, time }
  }
  const metrics = [line(1, 0.2, null, 1), line(2, 0.3, "improved", 1), line(3, 0.1, "regressed", 0.5)]
  const evaluations: EvaluationLine[] = [
    { step: 0, size: 500, greedyAccuracy: 0.25, expectedAccuracy: 0.2, time: { at } },
    { step: 2, size: 500, greedyAccuracy: 0.75, expectedAccuracy: 0.5, time: { at } },
    { step: 3, size: 500, greedyAccuracy: 0.5, expectedAccuracy: 0.5, time: { at } },
  ]
  const summary = summarizeRun(metrics, evaluations)
  expect(summary).toMatchObject({
    steps: 3,
    accuracy: "greedy",
    start: 0.25,
    best: 0.75,
    bestStep: 2,
    final: 0.5,
    cumulativeImprovement: 0.25,
    heldOutSize: 500,
    expected: { start: 0.2, best: 0.5, bestStep: 2, final: 0.5, cumulativeImprovement: 0.3 },
    verdicts: { improved: 1, regressed: 1, undecided: 0, unjudged: 1 },
    sampledTokens: 250,
    trainedTokens: 750,
  })
  const perSecond = { tokensPerSecond: 200, sampledTokensPerSecond: 200, trainedTokensPerSecond: null }
  expect(summary.time).toEqual({ seconds: 5, ...perSecond })
})

test("a run that measured only the expected accuracy is summed up by it, one without evaluations by nulls", () => {
  const evaluation: EvaluationLine = { step: 0, size: 5, expectedAccuracy: 0.5, time: { at } }
  expect(summarizeRun([], [evaluation])).toMatchObject({ accuracy: "expected", start: 0.5, final: 0.5, greedy: null })
  expect(summarizeRun([], [])).toMatchObject({ accuracy: null, start: null, steps: 0, heldOutSize: null })
})

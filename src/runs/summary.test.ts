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
  expect(summary.time).toEqual({ seconds: 5, ...perSecond, sampleSeconds: 1.25 })
})

test("time is told by phase, of what the lines tell", () => {
  const time = { at, seconds: 2, sampleSeconds: 1, verifySeconds: 0.25, trainSeconds: 0.5, checkpointSeconds: 3 }
  const lines = [1, 2].map((step) => ({ step, mu: 0, time }))
  const evaluations = [0, 2].map((step) => ({ step, size: 1, greedyAccuracy: 0, time: { at, seconds: 4 } }))
  const phases = { sampleSeconds: 2, verifySeconds: 0.5, trainSeconds: 1, checkpointSeconds: 6, evaluationSeconds: 8 }
  expect(summarizeRun(lines, evaluations).time).toMatchObject({ seconds: 4, ...phases })
})

test("a run that measured only the expected accuracy is summed up by it, one without evaluations by nulls", () => {
  const evaluation: EvaluationLine = { step: 0, size: 5, expectedAccuracy: 0.5, time: { at } }
  expect(summarizeRun([], [evaluation])).toMatchObject({ accuracy: "expected", start: 0.5, final: 0.5, greedy: null })
  expect(summarizeRun([], [])).toMatchObject({ accuracy: null, start: null, steps: 0, heldOutSize: null })
})

test("accuracies have intervals where the log tells their noise, and the improvement is paired where it tells which were right", () => {
  const evaluation = (step: number, greedyCorrect: string): EvaluationLine => {
    const right = [...greedyCorrect].filter((bit) => bit === "1").length
    return { step, size: greedyCorrect.length, greedyAccuracy: right / greedyCorrect.length, greedyCorrect, time: { at } }
  }
  const { greedy } = summarizeRun([], [evaluation(0, "1".repeat(40) + "0".repeat(60)), evaluation(9, "1".repeat(50) + "0".repeat(50))])
  expect(greedy!.intervals.start!.low).toBeCloseTo(0.3094, 4)
  expect(greedy!.intervals.final!.high).toBeCloseTo(0.5962, 4)
  // Ten gained of 100, none lost: SE = sqrt(10 + 1 - 100/102) / 102.
  const half = (1.95996 * Math.sqrt(11 - 100 / 102)) / 102
  expect(greedy!.intervals.cumulativeImprovement!.low).toBeCloseTo(0.1 - half, 5)
  const unknown = summarizeRun([], [0, 5].map((step): EvaluationLine => ({ step, size: 9, expectedAccuracy: 0.5, time: { at } })))
  expect(unknown.expected!.intervals).toEqual({ start: null, best: null, final: null, cumulativeImprovement: null })
})

test("the signal of a run is held against the accuracy of its steps, with the run's own verdicts", () => {
  const line = (step: number, expectedAccuracy: number, verdict: Verdict): MetricsLine => ({ step, mu: 0.5, xi: 1, verdict, expectedAccuracy, time: { at, seconds: 1 } })
  // theta_3 - theta_2 = +0.1, judged at step 3; theta_4 - theta_3 = -0.2, judged at step 4.
  const { signal } = summarizeRun([line(1, 0.2, "undecided"), line(2, 0.3, "undecided"), line(3, 0.1, "improved"), line(4, 0.4, "improved")], [])
  expect(signal).toMatchObject({ source: "logged", againstPrevious: { judged: 2, counts: { improvedHelped: 1, improvedHurt: 1 } }, betweenEvaluations: null })
})

test("a run of 100,000 steps is summed up in well under a second", () => {
  const metrics = Array.from({ length: 100_000 }, (_, i): MetricsLine => ({ step: i + 1, mu: (i * 7919) % 97, muStandardError: 1, expectedAccuracy: ((i * 31) % 101) / 101, time: { at, seconds: 1 } }))
  const started = performance.now()
  const { signal } = summarizeRun(metrics, [])
  const seconds = (performance.now() - started) / 1000
  expect(signal.againstPrevious!.judged).toBeGreaterThan(90_000)
  // About 0.4 s on one core; the bound leaves room for a busy machine.
  expect(seconds).toBeLessThan(5)
})

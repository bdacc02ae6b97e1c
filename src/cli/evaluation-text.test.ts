import { expect, test } from "vitest"
import { captured } from "./cli.test-helper.ts"
import { evaluationProgress, evaluationRows } from "./evaluation-text.ts"

test("an evaluation shows on the error stream how far it is and the time left", () => {
  const context = captured()
  const progress = evaluationProgress(context)
  progress.show({ step: 0, responses: 0, share: 0, total: 24, seconds: 5 })
  progress.show({ step: 0, responses: 12, share: 0.5, total: 24, seconds: 30 })
  progress.clear()
  expect(context.stderr()).toBe(
    "evaluating: 0 of 24 responses after 5s\nevaluating: 12 of 24 responses after 30s, at most 30s left\n",
  )
  expect(context.stdout()).toBe("")
})

test("rewards that are not 0 or 1 stand beside the accuracy, both with intervals", () => {
  const rows = evaluationRows({
    step: 0,
    size: 4,
    greedyAccuracy: 0.5,
    greedyCorrect: "0101",
    greedyReward: 0.4,
    greedyRewardStandardError: 0.1,
    greedyRewards: [0.2, 0.6, 0.2, 0.6],
    greedyNoAnswerRate: 0.25,
    greedyTruncationRate: 0,
    verifierFailures: 1,
    time: { at: "", seconds: 61 },
  })
  expect(rows.map(([name]) => name)).toEqual([
    "greedy accuracy",
    "mean reward, greedy",
    "without an answer",
    "truncated",
    "could not be judged",
    "time",
  ])
  expect(rows[1]![1]).toBe("0.400  (95 %: 0.204 to 0.596)")
})

import { expect, test } from "vitest"
import { loggedLook } from "./start-look.ts"

const run = {
  steps: 30,
  evaluations: 4,
  stepSeconds: 1.2,
  evaluationSeconds: 1.5,
  runSeconds: 42,
  evaluationShare: 0.14,
}
const look = {
  kind: "first-look",
  step: 1,
  responses: 512,
  rewarded: 222,
  groups: 64,
  groupsWithSignal: 60,
  meanReward: 0.4336,
  responseLength: 3.99,
  truncated: 6,
  memoryNeededBytes: 425 * 2 ** 20,
  message: "222 of 512 responses rewarded",
  time: {
    at: "2026-01-01T00:00:00Z",
    sampleSeconds: 0.2,
    scoreSeconds: 0.1,
    trainSeconds: 0.9,
    run,
    memoryAvailableBytes: 16 * 2 ** 30,
  },
}
const start = { step: 0, size: 500, greedyAccuracy: 0.622, verifierFailures: 0, expectedAccuracy: 0.388 }

test("the log gives the rows that the run told: accuracy, signal, memory and time", () => {
  expect(loggedLook([{ kind: "start" }, look], start)).toEqual([
    ["accuracy", "62.2 % greedy (500 held-out problems, 95 %: 57.9 to 66.3), 38.8 % expected"],
    [
      "rewards",
      "222 of 512 responses rewarded, 0.434 on average; 60 of 64 groups with a signal (their rewards differ)",
    ],
    ["responses", "4.0 tokens on average, 6 of 512 cut off"],
    ["memory", "about 425 MiB needed, 16 GiB free"],
    ["a step", "about 1.2s (sampling 0.2s, training 0.9s)"],
    ["the run", "30 steps and 4 evaluations about 42s, 14 % of it evaluations"],
  ])
})

test("what was wrong with the rewards and a GPU that stays idle are rows too", () => {
  const alarm = {
    kind: "alarm",
    step: 1,
    alarm: "nothing-rewarded",
    message: "step 1: none of 512 responses has an answer",
    advice: ["warm-start", "an easier task"],
  }
  const rows = loggedLook([{ ...look, time: { ...look.time, idleGpus: ["NVIDIA H200"] } }, alarm], undefined)
  expect(rows.slice(-3).map(([name]) => name)).toEqual(["no signal", "what may help", "GPU"])
  expect(rows.at(-3)![1]).toBe("step 1: none of 512 responses has an answer.")
  expect(rows.at(-2)![1]).toBe("warm-start; an easier task")
  expect(rows.at(-1)![1]).toMatch(/^NVIDIA H200 stays idle/)
})

test("a log that does not hold it, or holds it damaged, gives what there is", () => {
  expect(loggedLook([{ kind: "start" }], start)).toEqual([])
  expect(loggedLook([{ kind: "first-look", time: null, responses: "many" }], undefined).map(([name]) => name)).toEqual([
    "rewards",
    "responses",
    "time",
  ])
})

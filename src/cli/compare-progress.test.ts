import { expect, test } from "vitest"
import type { RunJob } from "../compare/index.ts"
import { parseConfig } from "../config/index.ts"
import { captured } from "./cli.test-helper.ts"
import { comparisonProgress } from "./compare-progress.ts"

const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" } })
const job = (arm: string): RunJob => ({ kind: "run", name: `${arm} seed 1`, directory: arm, arm, seed: 1, start: undefined, startKey: "", config })
const jobs = ["a", "b", "c", "d"].map(job)

test("progress counts runs and tells the time left from those that are done", () => {
  const context = captured()
  let now = 0
  const progress = comparisonProgress(context, 2, () => now)
  progress.onPlan(jobs, 1)
  progress.onBegin(jobs[1]!)
  now = 20_000
  progress.onEnd(jobs[1]!, { kind: "done" })
  progress.onBegin(jobs[2]!)
  progress.onEnd(jobs[2]!, { kind: "failed", reason: "NaN" })
  progress.onBegin(jobs[3]!)
  progress.onEnd(jobs[3]!, { kind: "stopped" })
  expect(context.stderr().split("\n")).toEqual([
    "4 runs, 1 of them done before, 2 at a time",
    // Two runs of 20 s each, two at a time.
    "b seed 1: done in 20s  (2/4 runs, 20s, about 20s left)",
    "c seed 1: failed: NaN  (3/4 runs, 1 failed, 20s, about 20s left)",
    "d seed 1: stopped, goes on with the same command  (3/4 runs, 1 failed, 20s, about 20s left)",
    "",
  ])
})

test("on a terminal one line is redrawn with the runs at work, and never wraps", () => {
  const context = captured(40)
  const progress = comparisonProgress(context, 2, () => 0)
  progress.onPlan(jobs, 0)
  progress.onBegin(jobs[0]!)
  progress.onStep(jobs[0]!, 7)
  progress.close()
  const drawn = context.stderr().split("\r\u001B[2K")
  expect(drawn.at(-1)).toBe("0/4 runs, 0s  a seed 1 step 7\n")
  expect(drawn.every((line) => line.trimEnd().length < 40)).toBe(true)
})

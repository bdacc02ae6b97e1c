import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { configToYaml, parseConfig, resolveConfigFile, resumeIssues } from "../config/index.ts"
import { createRunFolder, summarizeRun, type EvaluationLine, type MetricsLine } from "../runs/index.ts"
import { Failures } from "./failures.ts"
import { readResults, readRunResult, runDirectory, writeResults } from "./results.ts"
import { syntheticRun } from "./results.test-helper.ts"
import { configFromStart, readStart, relocateStart, startDirectory, startKey } from "./starts.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-results-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const time = (seconds: number): { at: string; seconds: number } => ({ at: "2026-01-01T00:00:00.000Z", seconds })
const metrics: MetricsLine[] = [
  { step: 1, mu: 0.3, optimizerSteps: 1, sampledTokens: 10, trainedTokens: 30, time: time(2) },
  { step: 2, mu: 0.4, optimizerSteps: 2, refusedUpdates: 1, sampledTokens: 20, trainedTokens: 50, time: time(3) },
  { step: 3, mu: 0.4, optimizerSteps: 2, sampledResponses: 40, sampledTokens: 20, trainedTokens: 50, time: time(4) },
]
const evaluations: EvaluationLine[] = [
  { step: 0, size: 4, expectedAccuracy: 0.2, time: time(1) },
  { step: 2, size: 4, expectedAccuracy: 0.6, greedyAccuracy: 0.5, time: time(1) },
  { step: 3, size: 4, expectedAccuracy: 0.4, greedyAccuracy: 0.7, time: time(1) },
]

function leaveRun(seed: number, end: "finish" | "failure" | "nothing"): void {
  const folder = createRunFolder(runDirectory(temporary, { arm: "base", seed }), { configYaml: "seed: 1\n", keepCheckpoints: 1 })
  for (const line of metrics) folder.logMetrics(line)
  for (const line of evaluations) folder.logEvaluation(line)
  if (end === "finish") folder.writeSummary(summarizeRun(metrics, evaluations))
  if (end === "failure") folder.logEvent("failure", "loss is NaN")
  folder.close()
}

test("a line of results is what the run folder says: curve over steps, updates, rollouts and seconds, and totals", () => {
  leaveRun(1, "finish")
  const result = readRunResult(temporary, { arm: "base", seed: 1 }, ["a=1"], 16, undefined)
  expect(result).toMatchObject({ arm: "base", seed: 1, overrides: ["a=1"], state: "finished", step: 3 })
  expect(result.curve).toEqual([
    [0, 0.2, null, 0, 0],
    [2, 0.6, 0.5, 3, 32],
    [3, 0.4, 0.7, 5, 72],
  ])
  expect(result.time).toEqual({ seconds: 9, curve: [0, 5, 9] })
  expect(result.totals).toEqual({ rollouts: 72, optimizerSteps: 5, refusedUpdates: 1, sampledTokens: 50, trainedTokens: 130 })
  expect(result.expected).toEqual({ start: 0.2, best: 0.6, final: 0.5, auc: expect.closeTo((0.4 * 2 + 0.5) / 3, 12), drop: expect.closeTo(0.1, 12), collapsed: false })
  expect(result.greedy!.start).toBe(0.5)
})

test("a run failed if its folder or the scheduler says so, and is open otherwise", () => {
  leaveRun(2, "failure")
  leaveRun(3, "nothing")
  const read = (seed: number, failure?: string): object => readRunResult(temporary, { arm: "base", seed }, [], 16, failure)
  expect(read(2)).toMatchObject({ state: "failed", error: "loss is NaN", step: 3 })
  expect(read(3)).toMatchObject({ state: "unfinished" })
  expect(read(3, "its worker died")).toMatchObject({ state: "failed", error: "its worker died" })
  expect(read(4)).toMatchObject({ state: "waiting", curve: [] })
  expect(read(4, "no start")).toMatchObject({ state: "failed", error: "no start" })
  // A damaged log is a failed run and not the end of the comparison.
  appendFileSync(join(runDirectory(temporary, { arm: "base", seed: 3 }), "metrics.jsonl"), "{broken\n{}\n")
  expect(read(3)).toMatchObject({ state: "failed", error: expect.stringMatching(/metrics\.jsonl/) })
})

test("results.jsonl is in the order of seeds and arms, however it came about", () => {
  const arm = (name: string): { name: string; overrides: string[]; changes: Record<string, unknown> } => ({ name, overrides: [], changes: {} })
  const plan = { format: 1, pirl: "", node: "", definitions: {}, seeds: [1, 2], arms: [arm("b"), arm("a")], config: parseConfig({ model: { preset: "nano" }, task: { name: "add2" } }) } as const
  const runs = [syntheticRun("a", 2, [0.1]), syntheticRun("b", 2, [0.1]), syntheticRun("a", 1, [0.1]), syntheticRun("b", 1, [0.1], { state: "waiting" })]
  writeResults(temporary, plan, runs)
  expect(readResults(temporary).map((line) => [line.seed, line.arm])).toEqual([[1, "a"], [2, "b"], [2, "a"]])
})

test("why a run failed outlasts the process, and only an error of its own is final", () => {
  const failures = new Failures(temporary)
  failures.add({ arm: "a", seed: 1 }, { reason: "NaN", final: true })
  failures.add({ arm: "a", seed: 2 }, { reason: "died", final: false })
  const again = new Failures(temporary)
  expect([1, 2, 3].map((seed) => [again.reasonOf({ arm: "a", seed }), again.isFinal({ arm: "a", seed })])).toEqual([["NaN", true], ["died", false], [undefined, false]])
  again.remove({ arm: "a", seed: 1 })
  expect(new Failures(temporary).reasonOf({ arm: "a", seed: 1 })).toBeUndefined()
})

const config = parseConfig({ seed: 5, model: { preset: "nano" }, task: { name: "add2" }, warmStart: {}, rollout: { maxResponseTokens: 4 } })

test("a run from a start has the model of its folder, no warm start, and the learning rate of its config", () => {
  const from = configFromStart(config, "starts/seed-5")
  expect(from.model).toEqual({ path: "starts/seed-5", dtype: "f32" })
  expect(from.warmStart.enabled).toBe(false)
  // That of a preset, not that of a folder.
  expect(from.optimizer.learningRate).toBe(2e-4)
})

test("a start is the same for every seed's key, and is taken only when it is the one that is wanted", () => {
  const key = startKey(config)
  expect(startKey({ ...config, seed: 6 })).toBe(key)
  expect(startDirectory(join("out", "starts"), 5, key, key)).toBe(join("out", "starts", "seed-5"))
  expect(startDirectory(join("out", "starts"), 5, key, "other")).toBe(join("out", "starts", `seed-5-${key}`))
  writeFileSync(join(temporary, "start.json"), JSON.stringify({ key }))
  expect(readStart(temporary, key)).toEqual({ key })
  expect(readStart(temporary, "another")).toBeUndefined()
  writeFileSync(join(temporary, "start.json"), "{")
  expect(readStart(temporary, key)).toBeUndefined()
})

test("a half-done run whose comparison was moved goes on from where its start lies now", () => {
  const directory = mkdtempSync(join(temporary, "moved-"))
  const [before, after] = [configFromStart(config, "old/starts/seed-5"), configFromStart(config, "new/starts/seed-5")]
  writeFileSync(join(directory, "config.yaml"), configToYaml(before))
  expect(resumeIssues(before, after)).toHaveLength(1)
  relocateStart(directory, after)
  expect(resumeIssues(resolveConfigFile(join(directory, "config.yaml")), after)).toEqual([])
})

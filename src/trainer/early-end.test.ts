import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { loadModelFolder } from "../model/folder.ts"
import { readRun, type RunSummary } from "../runs/index.ts"
import { gradedTask } from "./graded-task.test-helper.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-early-end-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const config: ConfigInput = {
  model: { preset: "nano" },
  rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4 },
  optimizer: { learningRate: 3e-3 },
  train: { steps: 6 },
  evaluation: { every: 1, expected: false },
  checkpoint: { every: 1 },
  engine: { threads: 1 },
}

const task = gradedTask()

function summaryOf(directory: string): RunSummary {
  return JSON.parse(readFileSync(join(directory, "summary.json"), "utf8")) as RunSummary
}

function weights(directory: string): Buffer {
  return readFileSync(join(directory, "model", "model.safetensors"))
}

function evaluations(directory: string): unknown[] {
  return readRun(directory).evaluations.map(({ time: _time, ...line }) => line)
}

describe("a callback that ends a run", () => {
  test("leaves a finished run: model, summary with the reason, event", async () => {
    const runDirectory = join(temporary, "ended")
    const result = await trainRun({
      config: { ...config, evaluation: { every: 100, expected: false } },
      task,
      runDirectory,
      observer: { onStep: ({ step }, { stop }) => step === 2 && stop("good enough") },
    })
    expect([result.finished, result.step, result.summary.stopReason]).toEqual([true, 2, "good enough"])
    const run = readRun(runDirectory)
    expect(run.state).toBe("finished")
    expect(run.evaluations.map(({ step }) => step)).toEqual([0, 2])
    expect(summaryOf(runDirectory)).toMatchObject({ steps: 2, stopReason: "good enough" })
    expect(run.events.at(-1)?.message).toBe("finished after step 2 of 6: good enough")
    expect((await loadModelFolder(join(runDirectory, "model"))).tokenizer.vocabularySize).toBeGreaterThan(5)
  })

  test("may do so at an evaluation, the first one too, and the run can be gone on with", async () => {
    const runDirectory = join(temporary, "at once")
    const first = await trainRun({
      config,
      task,
      runDirectory,
      observer: { onEvaluation: (_line, { stop }) => stop("no need") },
    })
    expect([first.finished, first.step]).toEqual([true, 0])
    expect(readRun(runDirectory).state).toBe("finished")
    const second = await trainRun({ config, task, runDirectory, resume: true })
    expect([second.finished, second.step, second.summary.stopReason]).toEqual([true, 6, undefined])
  })
})

describe("rewards that are not 0 or 1", () => {
  test("have their held-out mean in evaluations, each of them too, and their course in the summary", async () => {
    const runDirectory = join(temporary, "rewards")
    const { summary } = await trainRun({ config: { ...config, train: { steps: 2 } }, task, runDirectory })
    const { evaluations } = readRun(runDirectory)
    // An evaluation whose rewards are all 0 and 1 says which were right, and no more.
    const graded = evaluations.filter((line) => line["greedyRewards"] !== undefined)
    expect(graded.length).toBeGreaterThan(0)
    for (const line of graded) {
      const rewards = line["greedyRewards"] as number[]
      expect(rewards).toHaveLength(8)
      expect(line.greedyReward).toBeCloseTo(rewards.reduce((total, x) => total + x, 0) / 8, 12)
    }
    expect(summary.reward?.intervals.start).not.toBeNull()
    expect(summary.reward?.intervals.cumulativeImprovement).not.toBeNull()
    expect(summary.reward?.final).toBe(evaluations.at(-1)?.greedyReward)
  })
})

describe("evaluation.keepBest", () => {
  // The learning rate is so high that the policy comes and goes.
  const wild: ConfigInput = { ...config, optimizer: { learningRate: 0.02 } }
  const kept: ConfigInput = { ...wild, evaluation: { ...wild.evaluation, keepBest: true } }

  test("leaves the first policy of the best held-out reward, and changes nothing else", async () => {
    const [last, best] = [join(temporary, "last"), join(temporary, "best")]
    await trainRun({ config: wild, task, runDirectory: last })
    const { summary } = await trainRun({ config: kept, task, runDirectory: best })
    expect(evaluations(best)).toEqual(evaluations(last))
    const rewards = readRun(best).evaluations.map(({ greedyReward }) => greedyReward!)
    const bestStep = rewards.indexOf(Math.max(...rewards))
    expect(summary.modelStep).toBe(bestStep)
    expect(bestStep).toBeLessThan(6)
    expect(summary.saved?.asTrained).toBe(true)
    expect(summary.saved?.greedy?.trained).toBe(readRun(best).evaluations[bestStep]!.greedyAccuracy)
    // The model of a run that ends at that step is the same, bit for bit.
    const short = join(temporary, "short")
    await trainRun({
      config: wild,
      task,
      runDirectory: short,
      observer: { onEvaluation: ({ step }, { stop }) => step === bestStep && stop("here") },
    })
    expect(weights(best).equals(weights(short))).toBe(true)
    expect(weights(best).equals(weights(last))).toBe(false)
  })

  test("is exact over a resume", async () => {
    const parts = join(temporary, "parts")
    const abort = new AbortController()
    const observer = { onStep: ({ step }: { step: number }) => step === 4 && abort.abort() }
    const first = await trainRun({ config: kept, task, runDirectory: parts, signal: abort.signal, observer })
    expect(first.finished).toBe(false)
    await trainRun({ config: kept, task, runDirectory: parts, resume: true })
    expect(summaryOf(parts).modelStep).toBe(summaryOf(join(temporary, "best")).modelStep)
    expect(weights(parts).equals(weights(join(temporary, "best")))).toBe(true)
  })
})

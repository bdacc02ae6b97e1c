import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { createTask } from "../data/registry.ts"
import type { Task } from "../data/task.ts"
import { createAdvantage } from "../objectives/index.ts"
import { readRun } from "../runs/index.ts"
import type { Verdict, VerifierInput } from "../verifiers/verifier.ts"
import { batchMetrics, makeBatch } from "./batch.ts"
import { stepRollout as rollout } from "./step-rollout.test-helper.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-shaping-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const estimator = createAdvantage("drgrpo")

test("advantages come from the training rewards, the mean of the step from the verdicts", () => {
  const batch = makeBatch(1, [rollout(0, 1, { trainingReward: 0.5 }), rollout(0, 0)], estimator, undefined)
  expect(batch.sequences.map(({ advantages }) => advantages[0])).toEqual([0.25, -0.25])
  expect([batch.meanReward, batch.trainedMeanReward]).toEqual([0.5, 0.5])
})

test("dropped groups count in the mean of what was sampled and in nothing else", () => {
  const rollouts = [rollout(0, 1, { trained: false }), rollout(0, 1, { trained: false }), rollout(1, 1), rollout(1, 0)]
  const batch = makeBatch(1, rollouts, estimator, undefined)
  expect(batch.sequences.map(({ group }) => group)).toEqual([1, 1])
  expect([batch.meanReward, batch.trainedMeanReward]).toEqual([0.75, 0.5])
  expect(batchMetrics(rollouts, batch)).toMatchObject({ mu: 0.75, zeroVarianceShare: 0.5, successRateHistogram: [0, 0, 1, 0, 0, 1] })
})

test("the mean of the step and its error are those of the prompts drawn without preference", () => {
  const chosen = { representative: false }
  const rollouts = [rollout(0, 1), rollout(0, 1), rollout(1, 0), rollout(1, 0), rollout(2, 1, chosen), rollout(2, 0, chosen)]
  const batch = makeBatch(1, rollouts, estimator, undefined)
  expect([batch.meanReward, batch.trainedMeanReward, batch.sequences.length]).toEqual([0.5, 0.5, 6])
  expect(batchMetrics([...rollouts, rollout(3, 1, chosen)], batch)["muStandardError"]).toBeCloseTo(Math.SQRT1_2 / Math.SQRT2, 12)
})

test("a masked response counts among its group and has no token in the loss", () => {
  const batch = makeBatch(1, [rollout(0, 1), rollout(0, 0, { masked: true }), rollout(0, 0, { masked: true }), rollout(0, 0)], estimator, undefined)
  expect(batch.sequences.map(({ advantages }) => advantages[0])).toEqual([0.75, 0, 0, -0.25])
  expect(batch.sequences.map(({ mask }) => [...mask])).toEqual([[1, 1], [0, 0], [0, 0], [1, 1]])
})

test("the reference's log-probs stay with their rollouts when others were dropped or not judged", () => {
  const rollouts = [rollout(0, 1, { trained: false }), rollout(1, 0, { failed: true }), rollout(1, 1), rollout(1, 0)]
  const batch = makeBatch(1, rollouts, estimator, { reference: [-3, -1, -2].map((x) => Float32Array.of(x, x)) })
  expect(batch.sequences.map(({ referenceLogprobs }) => referenceLogprobs![0])).toEqual([-1, -2])
})

/** add2 with a judge of one's own. */
function judgedBy(judge: (input: VerifierInput) => Verdict): Task {
  return { ...createTask("add2", { heldOutSize: 8 }), verifierFor: () => ({ name: "judge", verify: judge }) }
}

function rewarded(reward: number): Verdict {
  return { status: reward > 0 ? "correct" : "incorrect", reward, reason: "" }
}

const config: ConfigInput = {
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 8 },
  rollout: { promptsPerStep: 4, groupSize: 3, maxResponseTokens: 4 },
  pipo: { minSteps: 1 },
  train: { steps: 6 },
  checkpoint: { every: 1 },
  evaluation: { every: 100, expected: false },
}

function lines(directory: string): Record<string, unknown>[] {
  return readRun(directory).metrics.map(({ time: _time, ...line }) => line)
}

test("a run whose groups are always of one reward makes no update, says so, and has no number that is none", async () => {
  const directory = join(temporary, "flat")
  const rollout = { ...config.rollout, dynamicSampling: { maxRounds: 2 } }
  const { finished } = await trainRun({ config: { ...config, rollout }, task: judgedBy(() => rewarded(1)), runDirectory: directory })
  expect(finished).toBe(true)
  for (const line of lines(directory)) {
    expect(line).toMatchObject({ mu: 1, emptyBatch: 1, trainedGroups: 0, optimizerSteps: 0, trainedTokens: 0, sampledResponses: 24, costFactor: 2 })
    // The rule has a null where there is nothing to judge; the log writes NaN as null too.
    const empty = Object.entries(line).filter(([, value]) => value === null).map(([name]) => name)
    expect(empty.filter((name) => !["skipReason", "lossScale", "learningRateScale"].includes(name))).toEqual([])
  }
  const alarms = readRun(directory).events.filter(({ kind }) => kind === "alarm")
  expect(alarms.map(({ step, alarm }) => [step, alarm])).toEqual([[1, "everything-right"], [5, "no-signal"]])
  expect(alarms[1]!.message).toContain("for 5 steps nothing was left to train on")
})

/** Right when the last digit of the sum comes up an even number of times: some responses are, whatever the model. */
function sometimes({ completion, gold }: VerifierInput): Verdict {
  return rewarded(Number([...completion].filter((digit) => digit === gold[2]).length % 2 === 0))
}

test("with everything switched on, a run that is stopped and resumed has the numbers of the uninterrupted one", async () => {
  const [whole, parts] = [join(temporary, "whole"), join(temporary, "parts")]
  const everything: ConfigInput = {
    ...config,
    rollout: {
      ...config.rollout,
      dynamicSampling: { maxRounds: 3 },
      overlong: { bufferTokens: 2, penalty: 0.5 },
      maskTruncated: true,
      curriculum: { capacity: 6, candidates: 3 },
    },
    objective: { name: "dapo", klCoefficient: 0.01 },
  }
  const task = judgedBy(sometimes)
  await trainRun({ config: everything, task, runDirectory: whole })
  let resume = false
  for (const stopAfter of [2, 3, 6]) {
    const stop = new AbortController()
    const observer = { onStep: ({ step }: { step: number }): void => (step === stopAfter ? stop.abort() : undefined) }
    await trainRun({ config: everything, task, runDirectory: parts, resume, signal: stop.signal, observer })
    resume = true
  }
  expect(lines(parts)).toEqual(lines(whole))
  // Else nothing of this would have been tried.
  expect(lines(whole).some(({ samplingRounds }) => Number(samplingRounds) > 1)).toBe(true)
  expect(lines(whole).some(({ optimizerSteps }) => Number(optimizerSteps) > 0)).toBe(true)
  expect(lines(whole).some(({ maskedShare }) => Number(maskedShare) > 0)).toBe(true)
  expect(lines(whole).at(-1)!["curriculumProblems"]).toBe(6)
})

test("groups of one and of unequal size, left by verdicts that failed, train with every estimator that compares responses", async () => {
  for (const advantage of ["grpo", "grpo-passk", "reinforce++-baseline"]) {
    let next = 0
    const task = judgedBy((input) => {
      // Of four groups of three: one, two, three and no verdicts.
      if ([1, 2, 5, 9, 10, 11].includes(next++ % 12)) throw new Error("no judge")
      return sometimes(input)
    })
    const directory = join(temporary, advantage)
    await trainRun({ config: { ...config, objective: { advantage }, train: { steps: 1, skipWithoutAdvantage: "never" } }, task, runDirectory: directory })
    for (const line of lines(directory)) {
      expect(line, advantage).toMatchObject({ verifierFailures: 6, refusedUpdates: 0 })
      expect([line["mu"], line["loss"], line["gradientNorm"]].every(Number.isFinite), advantage).toBe(true)
    }
  }
})

test.each(["gspo", "vespo", "clip-cov"])("%s has finite losses where whole responses are masked, in the verification update too", async (name) => {
  const directory = join(temporary, `masked-${name}`)
  const shaped: ConfigInput = {
    ...config,
    rollout: { promptsPerStep: 8, groupSize: 3, maxResponseTokens: 6, maskTruncated: true },
    objective: { name },
    train: { steps: 4 },
    checkpoint: { every: 100 },
  }
  await trainRun({ config: shaped, task: judgedBy(sometimes), runDirectory: directory })
  const masked = lines(directory).map(({ maskedShare }) => Number(maskedShare))
  expect(masked.some((share) => share > 0 && share < 1)).toBe(true)
  for (const line of lines(directory)) {
    expect(line).toMatchObject({ refusedUpdates: 0 })
    for (const metric of ["loss", "gradientNorm", "entropy", "verificationLoss"]) {
      if (metric in line) expect(line[metric], metric).toEqual(expect.any(Number))
    }
  }
  expect(lines(directory).some((line) => "verificationLoss" in line)).toBe(true)
})

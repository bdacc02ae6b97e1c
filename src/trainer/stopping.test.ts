import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import type { Engine } from "../engine/engine.ts"
import { lastWarmStep, readRun } from "../runs/index.ts"
import { functionVerifier } from "../verifiers/combine/function.ts"
import { openPolicy } from "./open-policy.ts"
import { openRunFolder } from "./open-run.ts"
import { StopRequest, Stopping } from "./stopping.ts"
import { train, type TrainResult } from "./train.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-stopping-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const config = parseConfig({
  model: { preset: "nano" },
  task: { name: "modular", modulus: 3, heldOutSize: 4 },
  warmStart: { maxSteps: 6, batchSize: 8, warmupSteps: 2, targetAccuracy: 1, evalEvery: 3 },
  rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4, rewardNoise: 0.4 },
  pipo: { minSteps: 1 },
  train: { steps: 3 },
  evaluation: { every: 1 },
  checkpoint: { every: 2 },
  engine: { threads: 1 },
})

type Verb = "sample" | "logprobs" | "forwardBackward" | "optimStep"

/** Calls `during` while the n-th call of a verb is under way. */
function watched(engine: Engine, verb: Verb, nth: number, during: () => void): Engine {
  let calls = 0
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== "function") return value
      return (...args: unknown[]): unknown => {
        if (name === verb && ++calls === nth) setImmediate(during)
        const call = value as (...args: unknown[]) => unknown
        return call.apply(target, args)
      }
    },
  })
}

/** Trains, or goes on, and asks for a stop in the middle of a call of the engine. */
async function trainUntil(directory: string, verb: Verb, nth: number): Promise<TrainResult> {
  const resumed = existsSync(join(directory, "config.yaml"))
  const policy = await openPolicy(config)
  const { folder, from } = openRunFolder(directory, config, { resume: resumed })
  const stop = new AbortController()
  try {
    const engine = watched(policy.engine, verb, nth, () => stop.abort(new StopRequest()))
    const observer = { onStep: () => undefined, onEvaluation: () => undefined, onNote: () => undefined }
    const run = { ...policy, engine, config, folder, resume: from, observer }
    return await train({ ...run, stopRequested: () => false, stop: stop.signal })
  } finally {
    folder.close()
    await policy.engine.close()
  }
}

function numbersOf(directory: string): unknown {
  const { metrics, evaluations } = readRun(directory)
  return [metrics, evaluations].map((lines) => lines.map(({ time: _time, ...line }) => line))
}

describe("a run", () => {
  test("stopped in every kind of call is one run when it goes on, and says what it gave up", async () => {
    const [whole, parts] = [join(temporary, "whole"), join(temporary, "parts")]
    expect((await trainUntil(whole, "sample", Infinity)).finished).toBe(true)
    const stopAt = async (verb: Verb, nth: number): Promise<readonly [step: number, gaveUp: string | undefined]> => {
      const { finished, step, gaveUp } = await trainUntil(parts, verb, nth)
      expect(finished).toBe(false)
      return [step, gaveUp]
    }
    expect(await stopAt("forwardBackward", 3)).toEqual([0, "the warm start"])
    expect(lastWarmStep(parts)).toBe(2)
    // Step 3, then its evaluation.
    expect(await stopAt("logprobs", 1)).toEqual([0, "the warm start"])
    expect(lastWarmStep(parts)).toBe(3)
    // An optimiser step is not given up.
    expect(await stopAt("optimStep", 2)).toEqual([0, "the warm start"])
    expect(lastWarmStep(parts)).toBe(5)
    expect(await stopAt("sample", 1)).toEqual([0, "the evaluation after step 0"])
    expect(existsSync(join(parts, "warm-start"))).toBe(false)
    expect(readRun(parts).evaluations).toEqual([])
    // The evaluation that was due, then the responses of the step.
    expect(await stopAt("sample", 2)).toEqual([0, "step 1"])
    expect(await stopAt("forwardBackward", 1)).toEqual([0, "step 1"])
    // Its weights are changed: the step is finished, and its evaluation left for later.
    expect(await stopAt("optimStep", 1)).toEqual([1, "the evaluation after step 1"])
    expect(await stopAt("forwardBackward", 1)).toEqual([1, "step 2"])
    expect((await trainUntil(parts, "sample", Infinity)).finished).toBe(true)
    expect(numbersOf(parts)).toEqual(numbersOf(whole))
  })

  test("does not wait for a verifier that never answers", async () => {
    const policy = await openPolicy(config)
    const directory = join(temporary, "verifier")
    const { folder } = openRunFolder(directory, config, { resume: false })
    const stop = new AbortController()
    const verifier = functionVerifier("never", () => {
      setImmediate(() => stop.abort(new StopRequest()))
      return new Promise<number>(() => undefined)
    })
    const observer = { onStep: () => undefined, onEvaluation: () => undefined, onNote: () => undefined }
    try {
      const trainProblem = policy.task.trainProblem.bind(policy.task)
      const task = { ...policy.task, heldOut: [], trainProblem, verifierFor: () => verifier }
      const started = performance.now()
      const cold = { ...config, warmStart: { ...config.warmStart, enabled: false } }
      const run = { ...policy, task, config: cold, folder, resume: undefined, observer }
      const result = await train({ ...run, stopRequested: () => false, stop: stop.signal })
      expect([result.finished, result.gaveUp]).toEqual([false, "step 1"])
      // The deadline of a verifier is thirty seconds.
      expect(performance.now() - started).toBeLessThan(20_000)
    } finally {
      folder.close()
      await policy.engine.close()
    }
  })
})

describe("a part", () => {
  const idle = {
    clearGradients: () => Promise.resolve(),
    optimStep: () => Promise.resolve({ gradientNorm: 0, applied: true }),
  } as unknown as Engine
  const adam = { learningRate: 1, beta1: 0.9, beta2: 0.9, eps: 1, weightDecay: 0, gradientClip: 0 }

  test("is given up before its first change, and finished after it", async () => {
    const stop = new AbortController()
    const before = new Stopping(idle, stop.signal)
    const given = await before.part(async () => {
      stop.abort(new StopRequest())
      await before.engine.optimStep(adam)
    })
    expect(given).toBeUndefined()
    const later = new AbortController()
    const after = new Stopping(idle, later.signal)
    const made = await after.part(async () => {
      await after.engine.optimStep(adam)
      later.abort(new StopRequest())
      await after.engine.optimStep(adam)
      return "made"
    })
    expect(made).toEqual({ result: "made" })
    expect(await after.part(() => Promise.resolve("next"))).toBeUndefined()
  })

  test("that fails of itself says so", async () => {
    const stopping = new Stopping(idle, new AbortController().signal)
    await expect(stopping.part(() => Promise.reject(new Error("its own")))).rejects.toThrow("its own")
  })
})

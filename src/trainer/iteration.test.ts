import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { parseConfig, type ConfigInput } from "../config/index.ts"
import type { Engine } from "../engine/engine.ts"
import { createObjective, fixedKlController } from "../objectives/index.ts"
import { plainRule, type Plan, type UpdateRule } from "../pipo/index.ts"
import { iterate, type RunState } from "./iteration.ts"
import { KeptPolicy } from "./kept-policy.ts"
import { openPolicy } from "./open-policy.ts"
import { runParts, type RunParts } from "./run-parts.ts"

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Opened {
  readonly parts: RunParts
  readonly engine: Engine
  readonly state: RunState
}

/** @param around  what stands between the trainer and the engine */
async function open(change: ConfigInput, rule?: UpdateRule, around: (engine: Engine) => Engine = (engine) => engine): Promise<Opened> {
  const config = parseConfig({
    model: { preset: "nano" },
    task: { name: "add2", heldOutSize: 4 },
    rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4 },
    objective: { name: "reinforce" },
    pipo: { enabled: false },
    optimizer: { learningRate: 1e-3 },
    engine: { threads: 1 },
    ...change,
  })
  const policy = await openPolicy(config)
  closing.push(() => policy.engine.close())
  const engine = around(policy.engine)
  const parts = runParts({ ...policy, engine, config, ...(rule === undefined ? {} : { rule }) })
  const state = { reference: undefined, previous: new KeptPolicy(engine, "previous"), best: new KeptPolicy(engine, "best"), kl: fixedKlController(0) }
  return { parts, engine, state }
}

/** Advantages of one, so that every step moves the policy whatever its rewards are. */
function pushed(requests: readonly Plan["policy"][]): UpdateRule {
  const inner = plainRule({ objective: createObjective("reinforce") })
  return {
    ...inner,
    comparesWithPrevious: true,
    plan(batch) {
      const policy = requests[batch.step - 1]
      const sequences = batch.sequences.map((sequence) => ({ ...sequence, advantages: sequence.advantages.map(() => 1) }))
      const { updates, metrics } = inner.plan({ ...batch, sequences })
      return { updates: policy === "return" ? [] : updates, metrics, ...(policy === undefined ? {} : { policy }) }
    },
  }
}

async function optimizerSteps(engine: Engine): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "pirl-iteration-"))
  closing.push(() => rmSync(directory, { recursive: true, force: true }))
  await engine.save(directory)
  return (JSON.parse(readFileSync(join(directory, "engine.json"), "utf8")) as { optimizerSteps: number }).optimizerSteps
}

test("a plan that returns brings back the kept policy with fresh moments, and the next step compares it with the one that was left", async () => {
  const { parts, engine, state } = await open({}, pushed(["keep", undefined, "return"]))
  const probe = [{ promptTokens: [3, 4], responseTokens: [5] }]
  const now = async (): Promise<number> => (await engine.logprobs(probe))[0]![0]!
  const start = await now()
  const metrics = []
  for (const step of [1, 2, 3]) metrics.push((await iterate(parts, step, state)).metrics)
  expect(await now()).toBe(start)
  expect(await optimizerSteps(engine)).toBe(0)
  expect(metrics.map(({ optimizerSteps }) => optimizerSteps)).toEqual([1, 1, 0])
  // What was computed before the return is of the policy that was left, and nothing of it is measured against the other.
  expect(metrics[2]).not.toHaveProperty("logprobMismatch")
  expect(metrics[0]).not.toHaveProperty("stepKl")
  const { metrics: fourth } = await iterate(parts, 4, state)
  expect(fourth["logprobMismatch"]).toBeLessThan(1e-4)
  expect(fourth["stepKl"]).toBeGreaterThan(Number(metrics[2]!["stepKl"]))
})

test("a plan that returns before one was kept is an error of the rule", async () => {
  const { parts, state } = await open({}, pushed(["return"]))
  await expect(iterate(parts, 1, state)).rejects.toThrow("best policy: expected one that was kept, got none")
})

test("the engine's times of a step are those of sampling and training: the held-out measure after it is not in them", async () => {
  const seconds = []
  for (const stepSize of [0, 4]) {
    let calls = 0
    const counting = (engine: Engine): Engine =>
      new Proxy(engine, {
        get(target, name) {
          if (name === "takeTimes") {
            return () => {
              const times = { serverSeconds: calls, clientSeconds: 0 }
              calls = 0
              return times
            }
          }
          const member: unknown = Reflect.get(target, name, target)
          if (typeof member !== "function") return member
          return (...args: unknown[]): unknown => {
            calls += 1
            return Reflect.apply(member, target, args)
          }
        },
      })
    const { parts, state } = await open({ evaluation: { stepSize } }, undefined, counting)
    await parts.engine.clearGradients()
    const { metrics } = await iterate(parts, 1, { ...state, previous: undefined })
    expect("expectedAccuracy" in metrics).toBe(stepSize > 0)
    seconds.push(metrics.time["serverSeconds"])
  }
  expect(seconds[1]).toBe(seconds[0])
  expect(seconds[0]).toBeGreaterThan(0)
})

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { parseConfig, type ConfigInput } from "../config/index.ts"
import type { Engine, StepReport } from "../engine/engine.ts"
import { OnnxEngine } from "../engine/onnx/onnx-engine.ts"
import { presetConfig } from "../model/presets.ts"
import { createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { createObjective, objectiveNames, type Objective } from "../objectives/index.ts"
import type { BatchSequence, Update } from "../pipo/index.ts"
import { readRun } from "../runs/index.ts"
import { configChecks } from "./config-checks.ts"
import { executeUpdate, type ExecutedUpdate, type UpdateContext } from "./execute-update.ts"
import { aggregator, whyNothingIsSkipped } from "./rule.ts"
import { trainRun } from "./train-run.ts"
import { updateMetrics } from "./update-metrics.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-skipping-"))
const engine = await OnnxEngine.create({
  config: { ...presetConfig("nano", { vocabularySize: 16, contextLength: 32 }), initializerRange: 0.3 },
  tokenizer: createCharacterTokenizer("0123456789+="),
  weights: { kind: "fresh", seed: 3 },
  threads: 1,
})
afterAll(async () => {
  await engine.close()
  rmSync(temporary, { recursive: true, force: true })
})

/** Three groups of two, of ragged lengths; only the second has a signal. */
const sequences: BatchSequence[] = [0, 0, 1, 1, 2, 2].map((group, i) => {
  const length = 1 + ((i * 3) % 5)
  return {
    group,
    promptTokens: Array.from({ length: 2 + group }, (_, t) => 2 + t + group),
    responseTokens: Array.from({ length }, (_, t) => 2 + ((i * 5 + t) % 12)),
    behaviourLogprobs: Float32Array.from({ length }, (_, t) => -1.5 - ((i + t) % 4) / 4),
    advantages: new Float32Array(length).fill(group === 1 ? (i % 2 === 0 ? 0.8 : -0.8) : 0),
    mask: new Float32Array(length).fill(1),
  }
})

/** An engine that takes no step, and what its gradients were when it should have. */
function recording(): { readonly engine: Engine; readonly gradients: Map<string, Float32Array>[] } {
  const gradients: Map<string, Float32Array>[] = []
  const optimStep = async (): Promise<StepReport> => {
    gradients.push(await engine.gradients())
    await engine.clearGradients()
    return { gradientNorm: 1, applied: true }
  }
  const recorder: Engine = new Proxy(engine, {
    get(target, name): unknown {
      if (name === "optimStep") return optimStep
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === "function" ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value
    },
  })
  return { engine: recorder, gradients }
}

function contextOf(recorder: Engine, skipsSilent: boolean, miniBatches: number = 1): UpdateContext {
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, objective: { aggregation: "seq-mean-token-mean" } })
  return {
    engine: recorder,
    aggregate: aggregator(config),
    miniBatches,
    adam: { learningRate: 0, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 0 },
    temperature: 1,
    random: () => 0.5,
    constants: {},
    reference: undefined,
    skipsSilent,
  }
}

function updateOf(objective: Objective, given: readonly BatchSequence[] = sequences): Update {
  return { kind: "exploration", sequences: given, objective, lossScale: 1, learningRateScale: 1 }
}

async function execute(
  objective: Objective,
  skips: boolean,
  options: { readonly miniBatches?: number; readonly given?: readonly BatchSequence[] } = {},
): Promise<{ outcome: ExecutedUpdate; gradients: Map<string, Float32Array>[] }> {
  const { engine: recorder, gradients } = recording()
  const outcome = await executeUpdate(contextOf(recorder, skips, options.miniBatches), updateOf(objective, options.given))
  return { outcome, gradients }
}

function largest(rows: ReadonlyMap<string, Float32Array>): number {
  return Math.max(...[...rows.values()].map((row) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0)))
}

function largestDifference(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  return Math.max(...[...a].map(([name, row]) => row.reduce((most, x, i) => Math.max(most, Math.abs(x - b.get(name)![i]!)), 0)))
}

describe("sequences without advantage", () => {
  const declaring = objectiveNames.filter((name) => createObjective(name).silentWithoutAdvantage === true)

  test.each(declaring)("%s: leaving them out gives the gradient of the whole batch, to float rounding", async (name) => {
    const whole = await execute(createObjective(name), false)
    const skipping = await execute(createObjective(name), true)
    const scale = largest(whole.gradients[0]!)
    expect(scale).toBeGreaterThan(0)
    expect(largestDifference(whole.gradients[0]!, skipping.gradients[0]!) / scale).toBeLessThan(2e-5)
    expect(skipping.outcome.steps[0]!.loss).toBeCloseTo(whole.outcome.steps[0]!.loss, 6)
    expect(whole.outcome.skipped.sequences).toBe(0)
    expect(skipping.outcome.skipped.sequences).toBe(4)
    expect(skipping.outcome.steps[0]!.tokens).toBeLessThan(whole.outcome.steps[0]!.tokens / 2)
  })

  test.each([
    ["kl-cov", createObjective("kl-cov")],
    ["grpo with a KL loss", createObjective("grpo", { klCoefficient: 0.1, klTo: "behaviour" })],
    ["an objective from elsewhere that declares nothing", { ...createObjective("grpo"), silentWithoutAdvantage: undefined }],
  ])("%s gets all of them", async (_, objective) => {
    const { silentWithoutAdvantage: declared, ...rest } = objective
    const { outcome } = await execute(declared === undefined ? rest : objective, true)
    expect(outcome.skipped.sequences).toBe(0)
  })

  test("a mini-batch in which nothing contributes makes no optimiser step, and is counted", async () => {
    const { outcome, gradients } = await execute(createObjective("grpo"), true, { miniBatches: 3 })
    expect([outcome.steps.length, outcome.skippedSteps, gradients.length]).toEqual([1, 2, 1])
    const nothing = await execute(createObjective("grpo"), true, { given: sequences.filter(({ group }) => group !== 1) })
    expect([nothing.outcome.steps.length, nothing.outcome.skippedSteps, nothing.gradients.length]).toEqual([0, 1, 0])
  })

  test("of a policy that says no number are not left out: the update is refused", async () => {
    const destroyed = sequences.map((sequence) => ({
      ...sequence,
      advantages: new Float32Array(sequence.advantages.length),
      behaviourLogprobs: new Float32Array(sequence.advantages.length).fill(Number.NaN),
    }))
    const { outcome } = await execute(createObjective("grpo"), true, { given: destroyed })
    expect(outcome.steps).toMatchObject([{ applied: false }])
    expect([outcome.skippedSteps, outcome.skipped.sequences]).toEqual([0, 0])
  })

  test("count in the entropy by what the sampler thought of their tokens", async () => {
    const { outcome: whole } = await execute(createObjective("grpo"), false)
    const { outcome } = await execute(createObjective("grpo"), true)
    const [step] = outcome.steps
    const left = sequences.filter(({ group }) => group !== 1)
    const surprisal = left.reduce((total, { behaviourLogprobs }) => total - behaviourLogprobs.reduce((sum, l) => sum + l, 0), 0)
    const count = left.reduce((total, { mask }) => total + mask.length, 0)
    const expected = (step!.entropy * step!.counted + surprisal) / (step!.counted + count)
    expect(updateMetrics([outcome])["entropy"]).toBeCloseTo(expected, 6)
    expect(updateMetrics([whole])["entropy"]).toBeCloseTo(whole.steps[0]!.entropy, 6)
    expect(updateMetrics([outcome])).toMatchObject({ skippedSequences: 4, skippedUpdates: 0 })
  })
})

describe("a run", () => {
  const config: ConfigInput = {
    seed: 2,
    model: { preset: "nano" },
    task: { name: "add2" },
    rollout: { promptsPerStep: 6, groupSize: 4, maxResponseTokens: 4 },
    optimizer: { learningRate: 1e-3, warmupSteps: 0 },
    train: { steps: 2 },
    evaluation: { every: 100, size: 1 },
    engine: { threads: 1 },
  }

  test("without a single reward takes no step, says how many it skipped, and keeps its weights", async () => {
    const runDirectory = join(temporary, "silent")
    await trainRun({ config, runDirectory })
    for (const line of readRun(runDirectory).metrics) {
      expect(line).toMatchObject({ optimizerSteps: 0, skippedSequences: 24, trainedTokens: 0, mu: 0 })
      expect(line["skippedUpdates"]).toBe(1)
      expect(line["entropy"]).toBeGreaterThan(1)
    }
    const accuracies = readRun(runDirectory).metrics.map((line) => line["expectedAccuracy"])
    expect(new Set(accuracies).size).toBe(1)
  })

  test("says in a sentence why an objective that must skip cannot", () => {
    const parse = (objective: ConfigInput["objective"]): unknown =>
      parseConfig({ ...config, train: { skipWithoutAdvantage: "always" }, ...(objective === undefined ? {} : { objective }) }, configChecks)
    expect(() => parse({ klCoefficient: 0.001 })).toThrow(/KL loss acts on every response/)
    expect(() => parse({ name: "kl-cov" })).toThrow(/kl-cov looks at every response/)
    expect(() => parse({ name: "ppo" })).toThrow(/critic learns from every response/)
    expect(() => parse({})).not.toThrow()
    expect(whyNothingIsSkipped(parseConfig(config))).toBeUndefined()
  })
})

import { expect, test } from "vitest"
import { parseConfig, type ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { advantageNames } from "../objectives/index.ts"
import { configChecks } from "./config-checks.ts"
import { checkFullKl } from "./engine-checks.ts"
import { createAdvantageOf, criticOf } from "./objective-parts.ts"
import { aggregator, createObjectiveOf, createRule, criticized } from "./rule.ts"

function configOf(objective: object, more: object = {}): ResolvedConfig {
  return parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, objective, ...more }, configChecks)
}

function pathsOf(objective: object): string[] {
  try {
    configOf(objective)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path }) => path)
    throw error
  }
  return []
}

test.each([
  ["a critic's settings without a critic", { valueClip: 0.1, gaeLambda: 0.9 }, ["objective.gaeLambda", "objective.valueClip"]],
  ["a divisor that the advantage does not read", { advantage: "rloo", normalizeStd: true }, ["objective.normalizeStd"]],
  ["a discount that the advantage does not read", { gamma: 0.9 }, ["objective.gamma"]],
  ["a constant of another aggregation", { aggregationConstant: 10, divideByRows: false }, ["objective.aggregationConstant", "objective.divideByRows"]],
  ["several rewards with an advantage that does not normalise", { advantage: "rloo", rewardAggregation: "sum-then-normalize" }, ["objective.rewardAggregation"]],
  ["an option that the objective does not read", { name: "reinforce", clipLow: 0.1 }, ["objective.clipLow"]],
  ["an estimator of the divergence that does not exist", { klEstimator: "k9" }, ["objective.klEstimator"]],
])("%s is refused", (_, objective, paths) => {
  expect(pathsOf(objective)).toEqual(paths)
})

test("every advantage trains from a config, the objective's own or another", () => {
  for (const advantage of advantageNames) expect(pathsOf({ advantage }), advantage).toEqual([])
  expect(pathsOf({ name: "ppo" })).toEqual([])
})

test("a critic comes with advantages that need values, and only with them", () => {
  expect(criticOf(configOf({}))).toBeUndefined()
  expect(criticOf(configOf({ name: "ppo" }))).toEqual({ loss: {}, head: { trunk: "shared" } })
  expect(criticOf(configOf({ advantage: "gae", valueCoefficient: 1, valueClip: null, valueTrunk: "detached", valueLearningRateScale: 3 }))).toEqual({
    loss: { coefficient: 1, clip: null },
    head: { trunk: "detached", learningRateScale: 3 },
  })
  expect(criticOf(configOf({ name: "ppo", advantage: "rloo" }))).toBeUndefined()
})

test("without new settings objective and critic are what they were: no needs, no inputs", () => {
  const config = configOf({})
  const objective = createObjectiveOf(config)
  expect([objective.needs, objective.tokenInputs]).toEqual([[], []])
  expect(criticized(config, objective)).toBe(objective)
})

test("settings of the advantage reach it", () => {
  const responses = [1, 0].map((reward) => ({ reward, group: 0, mask: [1, 1], values: [0.25, 0.5] }))
  const returns = (objective: object): number[] => [...createAdvantageOf(configOf(objective)).estimate(responses).returns![0]!]
  expect(returns({ name: "ppo", gaeLambda: 0 })).toEqual([0.5, 1])
  expect(returns({ name: "ppo", gaeLambda: 1, gamma: 0.5 })).toEqual([0.5, 1])
  expect(returns({ name: "reinforce++", gamma: 0.5 })).toEqual([0.5, 1])
  const passK = (normalizeStd: boolean): number => createAdvantageOf(configOf({ advantage: "grpo-passk", normalizeStd })).estimate(responses).advantages[0]![0]!
  expect(passK(false)).toBe(1)
  expect(passK(true)).toBeGreaterThan(1.2)
})

test("verl's form of the sum over a constant leaves the number of responses out", () => {
  const masks = [Float32Array.of(1), Float32Array.of(1, 1)]
  const first = (objective: object): number => aggregator(configOf({ name: "drgrpo", ...objective }))(masks)[0]![0]!
  expect(first({ aggregationConstant: 5 })).toBeCloseTo(0.1, 7)
  expect(first({ aggregationConstant: 5, divideByRows: false })).toBeCloseTo(0.2, 7)
})

test("the divergence over a vocabulary in pieces is refused when the model is known, with the way out", () => {
  const model = { vocabularySize: 50_000 } as Parameters<typeof checkFullKl>[1]
  const objective = { klEstimator: "full", klCoefficient: 0.1 }
  expect(() => checkFullKl(configOf(objective), model)).toThrow(
    /headChunk \(4096\) cuts into pieces, got full\. Set engine\.headChunk to 0/,
  )
  expect(() => checkFullKl(configOf(objective, { engine: { headChunk: 0 } }), model)).not.toThrow()
  expect(() => checkFullKl(configOf({ ...objective, klCoefficient: 0 }), model)).not.toThrow()
})

test("under the clip gate advantages are scaled and the critic's inputs are not; a leaky gate verifies without a critic", () => {
  const row = (value: number): Float32Array => Float32Array.of(value, value)
  const batch = (step: number, meanReward: number) => ({
    step,
    meanReward,
    sequences: [1, -1].map((advantage) => ({
      promptTokens: [1],
      responseTokens: [2, 3],
      group: 0,
      behaviourLogprobs: row(-1),
      advantages: row(advantage),
      mask: row(1),
      tokenInputs: { oldValues: row(0.5), returns: row(0.75) },
    })),
  })
  const last = (gate: string) => {
    const config = configOf({ name: "ppo" }, { pipo: { gate, window: 2, minSteps: 2 }, optimizer: { warmupSteps: 0 } })
    const rule = createRule(config, criticized(config, createObjectiveOf(config)))
    const plans = [0.1, 0.3, 0.9].map((mean, i) => {
      const plan = rule.plan(batch(i + 1, mean))
      rule.commit(batch(i + 1, mean), { explorationApplied: true })
      return plan
    })
    return { plan: plans[2]!, cache: (rule.state() as { cache: ReturnType<typeof batch>["sequences"] }).cache }
  }
  const clip = last("clip")
  expect(clip.plan.updates).toHaveLength(1)
  const [gated] = clip.plan.updates[0]!.sequences
  expect(gated!.advantages).toEqual(row(2))
  expect(gated!.tokenInputs).toEqual({ oldValues: row(0.5), returns: row(0.75) })
  expect(clip.plan.updates[0]!.objective.needs).toEqual(["values"])
  expect(clip.cache.map(({ advantages }) => advantages)).toEqual([row(1), row(-1)])

  const [verification, exploration] = last("leaky").plan.updates
  expect([verification!.kind, exploration!.kind]).toEqual(["verification", "exploration"])
  expect([verification!.objective.needs, exploration!.objective.needs]).toEqual([[], ["values"]])
})

import { expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { parseConfig } from "./parse.ts"

const minimal = { model: { preset: "nano" }, task: { name: "add2" } }

function pathsOf(objective: object, more: object = {}): string[] {
  try {
    parseConfig({ ...minimal, objective, ...more })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const { message } of error.issues) expect(message).toMatch(/^expected .*got .*\.$/su)
    return error.issues.map(({ path }) => path.replace("objective.", ""))
  }
  return []
}

test.each([
  ["a divergence off the reward without a weight", { klIn: "reward" }, ["klIn"]],
  ["another estimator than k1 off the reward", { klIn: "reward", klCoefficient: 0.1, klEstimator: "k3" }, ["klEstimator"]],
  ["a divergence from the behaviour off the reward", { klIn: "reward", klCoefficient: 0.1, klTo: "behaviour" }, ["klTo"]],
  ["a target without a coefficient to start from", { klTarget: 0.1 }, ["klTarget"]],
  ["a horizon without a target", { klCoefficient: 0.1, klHorizon: 5 }, ["klHorizon"]],
  ["a reference that nothing compares with", { referenceEvery: 5 }, ["referenceEvery"]],
  ["a reference beside a divergence from the behaviour", { referenceEvery: 5, klCoefficient: 0.1, klTo: "behaviour" }, ["referenceEvery"]],
  ["several rewards with a divergence off the reward", { rewardAggregation: "normalize-then-sum", klIn: "reward", klCoefficient: 0.1 }, ["rewardAggregation"]],
  ["weights of rewards without their aggregation", { rewardWeights: [1] }, ["rewardWeights"]],
  ["bounds of importance weights without a correction", { importanceMaximum: 3, importanceMinimum: 0.1 }, ["importanceMaximum", "importanceMinimum"]],
  ["bounds the wrong way round", { importanceCorrection: "token-mask", importanceMinimum: 2.5 }, ["importanceMinimum"]],
  ["weights without a way to make them", { importance: true }, ["importance"]],
  ["a correction that does not exist", { importanceCorrection: "token" }, ["importanceCorrection"]],
])("%s is refused", (_, objective, paths) => {
  expect(pathsOf(objective)).toEqual(paths)
})

test.each([
  ["a divergence off the reward", { klIn: "reward", klCoefficient: 0.1, klTarget: 0.02, klHorizon: 100, referenceEvery: 10 }],
  ["masked importance without an upper bound", { importanceCorrection: "sequence-mask", importanceMaximum: null, importanceMinimum: 5 }],
  ["several rewards", { rewardAggregation: "sum-then-normalize", rewardWeights: [1, -0.5] }],
  ["a critic", { name: "ppo", gamma: 0.99, gaeLambda: 1, valueCoefficient: 0.1, valueClip: null, valueTrunk: "detached", valueLearningRateScale: 5 }],
])("%s is accepted", (_, objective) => {
  expect(pathsOf(objective)).toEqual([])
})

test("several rewards are refused beside what changes the one reward", () => {
  const objective = { rewardAggregation: "normalize-then-sum" }
  for (const rollout of [{ rewardNoise: 0.1 }, { overlong: { bufferTokens: 4 } }]) expect(pathsOf(objective, { rollout })).toContain("rewardAggregation")
})

test("the estimator is k3 in the loss and k1 off the reward when nothing is said", () => {
  const estimator = (objective: object): string => parseConfig({ ...minimal, objective }).objective.klEstimator
  expect([estimator({}), estimator({ klIn: "reward", klCoefficient: 0.1 }), estimator({ klEstimator: "k2" })]).toEqual(["k3", "k1", "k2"])
})

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { EngineError } from "../errors.ts"
import { aggregationWeights } from "./aggregation.ts"
import { withCritic } from "./critic.ts"
import { evaluateObjective, type ObjectiveRun } from "./evaluate-objective.ts"
import type { Objective } from "./objective.ts"
import { createObjective, objectiveNames } from "./registry.ts"

const mask = [
  [1, 1, 0],
  [1, 1, 1],
]
const run: ObjectiveRun = {
  logprobs: [
    [-1, -0.6, 0],
    [-0.2, -1.4, -0.9],
  ],
  behaviourLogprobs: [
    [-1.1, -0.5, 0],
    [-0.2, -1.2, -1],
  ],
  advantages: [
    [1, 0.5, 0],
    [-0.7, 0.2, -1],
  ],
  mask,
  weights: aggregationWeights("token-mean", mask),
  values: [
    [0.4, 0.9, 1e30],
    [0.1, -0.3, 0.55],
  ],
  tokenInputs: {
    oldValues: [
      [0.45, 0.5, -1e30],
      [0.3, -0.2, 0.5],
    ],
    returns: [
      [1, 1, NaN],
      [0, 0, 0],
    ],
  },
}

describe("a critic beside a policy loss", () => {
  test("by hand: the loss is the policy's plus half of the worse of free and clipped squared errors", () => {
    const policy = createObjective("ppo")
    const loss = (objective: Objective): number => evaluateObjective(objective, run).loss
    // The clipped values: 0.4, 0.7, 0.1, -0.3, 0.55. Of the second, the clipped one is worse: 0.3 against 0.1 off the return.
    const errors = [0.6 ** 2, 0.3 ** 2, 0.1 ** 2, 0.3 ** 2, 0.55 ** 2]
    const critic = errors.reduce((total, x) => total + x / 2, 0) / 5
    expect(loss(withCritic(policy, { coefficient: 0.25 })) - loss(policy)).toBeCloseTo(0.25 * critic, 6)
    const { statistics } = evaluateObjective(withCritic(policy), run)
    expect(statistics["valueClipFraction"]!.map((row) => Array.from(row))).toEqual([
      [0, 1, 0],
      [0, 0, 0],
    ])
  })

  test("without a clip range it is the plain squared error", () => {
    const { statistics } = evaluateObjective(withCritic(createObjective("ppo"), { clip: null }), run)
    expect(statistics["valueLoss"]![0]![1]).toBeCloseTo(0.01 / 2, 6)
    expect(statistics).not.toHaveProperty("valueClipFraction")
  })

  test("gradients with respect to values and log-probs agree with finite differences", () => {
    const objective = withCritic(createObjective("ppo", { klCoefficient: 0.1, klTo: "behaviour" }), { coefficient: 0.7, clip: 0.15 })
    const { gradient, valueGradient } = evaluateObjective(objective, run)
    const step = 1e-6
    const difference = (field: "values" | "logprobs", i: number, t: number): number => {
      const at = (by: number): number => {
        const rows = run[field]!.map((row, j) => Array.from(row, (x, s) => (i === j && s === t ? x + by : x)))
        return evaluateObjective(objective, { ...run, [field]: rows }).loss
      }
      return (at(step) - at(-step)) / (2 * step)
    }
    mask.forEach((row, i) =>
      row.forEach((m, t) => {
        if (m === 0) return
        expect(valueGradient![i]![t]).toBeCloseTo(difference("values", i, t), 6)
        expect(gradient[i]![t]).toBeCloseTo(difference("logprobs", i, t), 6)
      }),
    )
    expect(valueGradient![0]![2]).toBe(0)
  })

  test("the policy's gradient is that of the policy alone, and its verification form has no critic", () => {
    for (const name of objectiveNames.filter((candidate) => createObjective(candidate).prepare === undefined)) {
      const policy = createObjective(name)
      const both = withCritic(policy)
      expect(evaluateObjective(both, run).gradient, name).toEqual(evaluateObjective(policy, run).gradient)
      const verification = both.without(["kl", "entropy", "dualClip"])
      expect(verification.needs, name).toEqual([])
      expect(verification.tokenInputs, name).toEqual([])
      expect(verification.key, name).toBe(policy.without(["kl", "entropy", "dualClip"]).key)
    }
  })

  test("an objective from elsewhere gets a critic too, and does without it as it was", () => {
    const own: Objective = { name: "own", key: "own", needs: [], constants: {}, build: ({ logprobs_BT }) => ({ loss_BT: logprobs_BT }) }
    const both = withCritic(own)
    expect(both.needs).toEqual(["values"])
    expect(both.without(["kl"]).key).toBe("own")
  })

  test("an engine without values is told so", () => {
    const objective = withCritic(createObjective("ppo"))
    expect(() => evaluateObjective({ ...objective, needs: [] }, run)).toThrow(EngineError)
  })

  test("the critic never pays less than the plain squared error", () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true })
    fc.assert(
      fc.property(value, value, value, (v, old, r) => {
        const one = { logprobs: [[-1]], behaviourLogprobs: [[-1]], advantages: [[0]], mask: [[1]], weights: [[1]], values: [[v]], tokenInputs: { oldValues: [[old]], returns: [[r]] } }
        const { loss } = evaluateObjective(withCritic(createObjective("ppo"), { coefficient: 1 }), one)
        expect(loss).toBeGreaterThanOrEqual(((v - r) ** 2) / 2 - 1e-9)
      }),
    )
  })
})

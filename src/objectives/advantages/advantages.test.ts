import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { NumericsError, ShapeError } from "../../errors.ts"
import { whiten } from "./common.ts"
import type { RewardedResponse } from "./estimator.ts"
import { advantageNames, createAdvantage } from "./registry.ts"
import { severalRewards, severalRewardsEstimator } from "./several-rewards.ts"

function respond(
  rewards: readonly number[],
  groups: readonly number[],
  lengths = rewards.map(() => 2),
): RewardedResponse[] {
  return rewards.map((reward, i) => ({
    reward,
    group: groups[i]!,
    mask: Array.from({ length: lengths[i]! }, () => 1),
    values: Array.from({ length: lengths[i]! }, () => 0.5),
    greedyReward: 0.25,
  }))
}

/** The advantage of each response's first token. */
function first(name: string, responses: readonly RewardedResponse[], options = {}): number[] {
  return createAdvantage(name, options)
    .estimate(responses)
    .advantages.map((row) => row[0]!)
}

const groupRelativeNames = ["grpo", "drgrpo", "batch-std", "grpo-passk", "rloo", "opo", "gpg", "reinforce++-baseline"]

describe("advantages by hand", () => {
  const responses = respond([1, 0, 0, 1, 2, 0], [0, 0, 0, 0, 1, 1])

  test("grpo divides the centred reward by the sample deviation", () => {
    const s = Math.sqrt(1 / 3) + 1e-6
    expect(first("grpo", responses).slice(0, 4)).toEqual([0.5 / s, -0.5 / s, -0.5 / s, 0.5 / s])
  })
  test("drgrpo only centres", () => {
    expect(first("drgrpo", responses)).toEqual([0.5, -0.5, -0.5, 0.5, 1, -1])
  })
  test("batch-std divides every group by one deviation", () => {
    const [a, , , , e] = first("batch-std", responses)
    expect(e! / a!).toBeCloseTo(2, 12)
  })
  test("rloo subtracts the mean of the others", () => {
    expect(first("rloo", responses).map((a) => Number(a.toFixed(12)))).toEqual([
      0.666666666667, -0.666666666667, -0.666666666667, 0.666666666667, 2, -2,
    ])
  })
  test("opo weighs the baseline by length", () => {
    expect(first("opo", respond([1, 0], [0, 0], [3, 1]))).toEqual([0.25, -0.75])
  })
  test("gpg scales by the share of responses with a reward", () => {
    expect(first("gpg", responses)).toEqual([0.5, -0.5, -0.5, 0.5, 1, -1].map((a) => a * 2))
  })
  test("grpo-passk rewards the best response alone", () => {
    expect(first("grpo-passk", responses, { normalizeStd: false })).toEqual([0, 0, 0, 0, 2, 0])
  })
  test("remax subtracts the greedy reward", () => {
    expect(first("remax", responses)).toEqual([0.75, -0.25, -0.25, 0.75, 1.75, -0.25])
  })
  test("remax and rloo have one expected gradient, that of J, and remax the more noise where the greedy answer is right", () => {
    // Answers of a softmax policy, the likeliest of them right; every pair of responses with its probability.
    const [policy, reward] = [[0.5, 0.3, 0.2], [1, 0, 0]]
    const moments = (name: string): { readonly gradient: number[]; readonly noise: number } => {
      const gradient = [0, 0, 0]
      let squares = 0
      for (const [i, p] of policy.entries()) {
        for (const [j, q] of policy.entries()) {
          const advantages = first(name, respond([reward[i]!, reward[j]!], [0, 0]).map((response) => ({ ...response, greedyReward: 1 })))
          const sampled = policy.map((own, a) => (advantages[0]! * (Number(a === i) - own) + advantages[1]! * (Number(a === j) - own)) / 2)
          sampled.forEach((x, a) => {
            gradient[a]! += p * q * x
            squares += p * q * x * x
          })
        }
      }
      return { gradient, noise: squares - gradient.reduce((sum, x) => sum + x * x, 0) }
    }
    const [remax, rloo] = [moments("remax"), moments("rloo")]
    for (const { gradient } of [remax, rloo]) policy.forEach((p, a) => expect(gradient[a]).toBeCloseTo(p * (reward[a]! - 0.5), 12))
    expect(remax.noise).toBeGreaterThan(rloo.noise)
  })
  test("gae with lambda 1 and gamma 1 has the whole return", () => {
    const { returns } = createAdvantage("gae", { lambda: 1 }).estimate(responses)
    expect(returns!.map((row) => Array.from(row))).toEqual([1, 0, 0, 1, 2, 0].map((r) => [r, r]))
  })
  test("gae with lambda 0 has the one-step return", () => {
    const { returns } = createAdvantage("gae", { lambda: 0 }).estimate(respond([1], [0]))
    expect([...returns![0]!]).toEqual([0.5, 1])
  })
  test("reinforce++ discounts each token's return", () => {
    const { returns } = createAdvantage("reinforce++", { gamma: 0.5 }).estimate(respond([1], [0], [3]))
    expect([...returns![0]!]).toEqual([0.25, 0.5, 1])
  })
})

describe("advantages at the edges", () => {
  test("a group of equal rewards gives exactly zero advantage", () => {
    // Three times 0.1 does not average to 0.1 in float64.
    const responses = respond([0.1, 0.1, 0.1, 1, 0, 0], [0, 0, 0, 1, 1, 1])
    for (const name of groupRelativeNames.filter((candidate) => candidate !== "reinforce++-baseline")) {
      expect(first(name, responses).slice(0, 3).map(Math.abs), name).toEqual([0, 0, 0])
    }
  })
  test("a group of one keeps its raw reward", () => {
    for (const name of ["grpo", "drgrpo", "rloo", "opo"]) {
      const expected = name === "grpo" ? 0.7 / (1 + 1e-6) : 0.7
      expect(first(name, respond([0.7, 1, 0], [0, 1, 1]))[0], name).toBeCloseTo(expected, 12)
    }
  })
  test("grpo-passk refuses a group of one", () => {
    expect(() => first("grpo-passk", respond([1], [0]))).toThrow(ShapeError)
  })
  test("no advantage is ever NaN, whatever rewards, group sizes and lengths", () => {
    const response = fc.record({
      reward: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: -5, max: 5, noNaN: true })),
      group: fc.integer({ min: 0, max: 3 }),
      length: fc.integer({ min: 0, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(response, { maxLength: 12 }), (drawn) => {
        const responses = respond(
          drawn.map((r) => r.reward),
          drawn.map((r) => r.group),
          drawn.map((r) => r.length),
        )
        for (const name of advantageNames.filter((candidate) => candidate !== "grpo-passk")) {
          for (const row of createAdvantage(name).estimate(responses).advantages)
            expect(row.every(Number.isFinite), name).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })
  test("advantages are zero outside the mask", () => {
    const masks = [
      [1, 0, 1],
      [1, 0, 0],
      [1, 0, 1],
      [1, 0, 1],
    ]
    const values = [0.5, 0.5, 0.5]
    const responses = [1, 0, 1, 0].map((reward, i) => ({
      reward,
      group: i >> 1,
      mask: masks[i]!,
      values,
      greedyReward: 0.25,
    }))
    for (const name of advantageNames) {
      for (const row of createAdvantage(name).estimate(responses).advantages) expect(Math.abs(row[1]!), name).toBe(0)
    }
  })
  test("groups are found by number, not by position", () => {
    const mixed = first("grpo", respond([1, 3, 0, 5], [0, 1, 0, 1]))
    const sorted = first("grpo", respond([1, 0, 3, 5], [0, 0, 1, 1]))
    expect(mixed).toEqual([sorted[0], sorted[2], sorted[1], sorted[3]])
  })
  test("a reward that is not a number is refused with the response's place", () => {
    expect(() => first("grpo", respond([1, NaN], [0, 0]))).toThrow(NumericsError)
    expect(() => first("grpo", respond([1, NaN], [0, 0]))).toThrow(/response 1/)
  })
  test("missing values and greedy rewards are named", () => {
    const bare = [{ reward: 1, group: 0, mask: [1, 1] }]
    expect(() => first("gae", bare)).toThrow(/2 values/)
    expect(() => first("remax", bare)).toThrow(/greedy/)
  })
  test("an unknown estimator lists those that exist and the nearest", () => {
    expect(() => createAdvantage("rlo")).toThrow(/grpo, .*gae.*Did you mean rloo/)
  })
  test("a single counted token is centred, not divided by nothing", () => {
    expect(whiten([Float64Array.of(3)], [[1]])[0]![0]).toBeCloseTo(0, 6)
  })
})

describe("several reward functions", () => {
  const groups = [0, 0, 1, 1]
  test("with one function both aggregations point the same way", () => {
    const rewards = [[1], [0], [2], [1]]
    const together = severalRewards(rewards, groups)
    const apart = severalRewards(rewards, groups, { aggregation: "normalize-then-sum" })
    expect([...together].map(Math.sign)).toEqual([...apart].map(Math.sign))
  })
  test("a function of large scale does not drown the others when normalised first", () => {
    const rewards = [
      [100, 0],
      [0, 1],
      [0, 0],
    ]
    const [loud, quiet] = severalRewards(rewards, [0, 0, 0])
    expect(loud! - quiet!).toBeGreaterThan(1)
    const [first, second] = severalRewards(rewards, [0, 0, 0], { aggregation: "normalize-then-sum" })
    expect(first).toBeCloseTo(second!, 3)
    expect(first).toBeGreaterThan(0.5)
  })
  test("a response that nobody judged has no advantage and counts in no mean", () => {
    const judged = severalRewards([[1], [0], [undefined]], [0, 0, 0])
    expect(judged[2]).toBe(0)
    expect(Array.from(judged.slice(0, 2))).toEqual([...severalRewards([[1], [0]], [0, 0])])
  })
  test("as an estimator: the verifier's weights unless others are given, on every counted token", () => {
    const respond2 = (rewards: readonly number[]) => ({ reward: 0, group: 0, mask: [1, 0, 1], rewards, rewardWeights: [1, 10] })
    const responses = [respond2([1, 0]), respond2([0, 1])]
    const first = (options = {}): number[] => [...severalRewardsEstimator(options).estimate(responses).advantages[0]!]
    const [loud] = severalRewards([[1, 0], [0, 1]], [0, 0], { weights: [1, 10] })
    expect(first()).toEqual([loud, 0, loud])
    expect(first({ weights: [10, 1] })[0]).toBeCloseTo(-loud!, 4)
    expect(() => severalRewardsEstimator().estimate([{ reward: 1, group: 0, mask: [1] }])).toThrow(/response 0/)
  })
  test("rows of different length are refused", () => {
    expect(() => severalRewards([[1, 2], [1]], [0, 0])).toThrow(ShapeError)
  })
})

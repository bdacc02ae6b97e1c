import { describe, expect, test } from "vitest"
import { evaluate, gradients, input, logSoftmax, makeValue, sum } from "../graph/index.ts"
import { createObjective, objectiveIssues } from "./registry.ts"
import { adaptiveKlController, fixedKlController } from "./kl-controller.ts"
import { klInReward } from "./kl-in-reward.ts"
import { fullKl, klEstimate, klEstimators, type KlEstimator } from "./kl.ts"
import { importanceWeights } from "./importance-weights.ts"

const logprobs = [-1.25, -0.5, -3, -2]
const reference = [-1, -2, -2.75, -2]

function estimate(kind: KlEstimator, at: readonly number[] = logprobs): { values: number[]; slopes: number[] } {
  const l = input("l", [at.length])
  const kl = klEstimate(kind, l, input("r", [at.length]))
  const [values, slopes] = evaluate([kl, gradients(sum(kl), [l])[0]!], {
    l: makeValue([at.length], at),
    r: makeValue([at.length], reference.slice(0, at.length)),
  })
  return { values: [...values!.data], slopes: [...slopes!.data] }
}

describe("KL estimates", () => {
  test("by hand", () => {
    expect(estimate("k1").values).toEqual([-0.25, 1.5, -0.25, 0])
    expect(estimate("abs").values).toEqual([0.25, 1.5, 0.25, 0])
    expect(estimate("k2").values).toEqual([0.03125, 1.125, 0.03125, 0])
    expect(estimate("k3").values[1]).toBeCloseTo(Math.exp(-1.5) + 1.5 - 1, 14)
  })

  test("gradients agree with finite differences", () => {
    const step = 1e-6
    for (const kind of ["k1", "k2", "k3"] as const) {
      const { slopes } = estimate(kind)
      logprobs.forEach((x, i) => {
        const shifted = (by: number): number => estimate(kind, logprobs.with(i, x + by)).values[i]!
        expect(slopes[i], kind).toBeCloseTo((shifted(step) - shifted(-step)) / (2 * step), 6)
      })
    }
  })

  test("a plus keeps the value and takes the slope of k2", () => {
    for (const kind of ["k1", "k3"] as const) {
      expect(estimate(`${kind}+`).values).toEqual(estimate(kind).values)
      expect(estimate(`${kind}+`).slopes).toEqual(estimate("k2").slopes)
    }
  })

  test("equal policies have no divergence and no slope but k1's", () => {
    for (const kind of klEstimators) {
      const { values, slopes } = estimate(kind, reference)
      expect(values.map(Math.abs), kind).toEqual([0, 0, 0, 0])
      if (kind !== "k1") expect(slopes.map(Math.abs), kind).toEqual([0, 0, 0, 0])
    }
  })

  test("k3 of a huge divergence stays finite and stops pushing", () => {
    const { values, slopes } = estimate("k3", [-800])
    expect(values).toEqual([10])
    expect(slopes.map(Math.abs)).toEqual([0])
  })
})

describe("the whole divergence", () => {
  const logits = [0.3, -1.2, 0.8, 2, -0.4, 0.1]
  const references = [0.1, 0.2, -0.5, 1, 1, -2]

  function whole(at: readonly number[]): { rows: number[]; slopes: number[]; logprobs: number[]; referenceLogprobs: number[] } {
    const x = input("x", [2, 3])
    const [logprobs_RV, reference_RV] = [logSoftmax(x), logSoftmax(input("ref", [2, 3]))]
    const kl = fullKl(logprobs_RV, reference_RV)
    const values = evaluate([kl, gradients(sum(kl), [x])[0]!, logprobs_RV, reference_RV], {
      x: makeValue([2, 3], at),
      ref: makeValue([2, 3], references),
    })
    const [rows, slopes, l, r] = values.map(({ data }) => [...data])
    return { rows: rows!, slopes: slopes!, logprobs: l!, referenceLogprobs: r! }
  }

  test("is what k1 and k3 estimate: their expectation over sampled tokens", () => {
    const { rows, logprobs: l, referenceLogprobs: r } = whole(logits)
    for (const kind of ["k1", "k3"] as const) {
      const [estimates] = evaluate([klEstimate(kind, input("l", [6]), input("r", [6]))], { l: makeValue([6], l), r: makeValue([6], r) })
      rows.forEach((row, i) => {
        const expectation = [0, 1, 2].reduce((total, v) => total + Math.exp(l[3 * i + v]!) * estimates!.data[3 * i + v]!, 0)
        expect(row, kind).toBeCloseTo(expectation, 12)
      })
    }
    expect(Math.min(...rows)).toBeGreaterThan(0.1)
  })

  test("has a gradient that agrees with finite differences, and none where the policies are equal", () => {
    const step = 1e-5
    const total = (at: readonly number[]): number => whole(at).rows.reduce((sum_, x) => sum_ + x, 0)
    whole(logits).slopes.forEach((slope, i) => {
      const difference = (total(logits.with(i, logits[i]! + step)) - total(logits.with(i, logits[i]! - step))) / (2 * step)
      expect(slope).toBeCloseTo(difference, 7)
    })
    const { rows, slopes } = whole(references)
    for (const x of [...rows, ...slopes]) expect(x).toBeCloseTo(0, 12)
  })

  test("asks the engine for it, and is refused where it has no meaning", () => {
    expect(createObjective("grpo", { klCoefficient: 0.1, klEstimator: "full" }).needs).toEqual(["fullKl"])
    expect(createObjective("grpo", { klEstimator: "full" }).needs).toEqual([])
    const paths = (options: object): string[] => objectiveIssues("grpo", { klCoefficient: 0.1, ...options }).map(({ path }) => path)
    expect(paths({ klEstimator: "full", klTo: "behaviour", klBiasCorrection: true })).toEqual(["objective.klTo", "objective.klBiasCorrection"])
  })

  test("an estimator that does not exist is refused with those that do", () => {
    const [issue] = objectiveIssues("grpo", { klEstimator: "k33" as "k3" })
    expect(issue!.message).toMatch(/k1, abs, k2, k3, k1\+, k3\+, full, got k33\. Did you mean k3/)
  })
})

describe("KL coefficients", () => {
  test("an adaptive coefficient rises above the target, falls below it, and by 20 % at most per horizon", () => {
    const controller = adaptiveKlController({ initial: 0.1, target: 0.5, horizon: 10 })
    expect(controller.update(50, 10)).toBeCloseTo(0.12, 12)
    expect(controller.update(0, 10)).toBeCloseTo(0.096, 12)
    expect(controller.update(0.5, 10)).toBe(controller.coefficient)
  })
  test("a fixed coefficient stays", () => {
    const controller = fixedKlController(0.3)
    expect(controller.update(9, 100)).toBe(0.3)
    expect(controller.coefficient).toBe(0.3)
  })
  test("KL in the reward lowers the reward of tokens that have become likelier", () => {
    expect([...klInReward([0, 1], [-1, -1], [-2, -1], 0.1)]).toEqual([-0.1, 1])
  })
})

describe("importance weights", () => {
  const old = [[Math.log(0.5), Math.log(0.9), 7]]
  const sampler = [[Math.log(0.1), Math.log(0.9), 0]]
  const mask = [[1, 1, 0]]
  test("truncation limits a token's weight, masking drops it", () => {
    expect(
      importanceWeights("token-truncate", old, sampler, mask, { maximum: 2 }).map((row) => Array.from(row)),
    ).toEqual([[2, 1, 1]])
    expect(importanceWeights("token-mask", old, sampler, mask, { maximum: 2 }).map((row) => Array.from(row))).toEqual([
      [0, 1, 1],
    ])
  })
  test("a sequence has the product of its tokens' weights", () => {
    const [row] = importanceWeights("sequence-truncate", old, sampler, mask)
    for (const weight of row!) expect(weight).toBeCloseTo(5, 12)
    expect([...importanceWeights("sequence-mask", old, sampler, mask, { maximum: 2 })[0]!]).toEqual([0, 0, 0])
  })
  test("equal policies weigh one", () => {
    expect([...importanceWeights("token-mask", old, old, mask, { minimum: 0.5, maximum: 2 })[0]!]).toEqual([1, 1, 1])
  })
})

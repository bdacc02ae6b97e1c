import * as fc from "fast-check"
import { expect, test } from "vitest"
import { ShapeError } from "../errors.ts"
import { filterStep } from "./improvement-filter.ts"
import { pairedImprovement, type PairedResponse } from "./paired-improvement.ts"

/** Log-probs of the outcomes of a policy over a handful of one-token responses. */
function logSoftmax(logits: readonly number[]): number[] {
  const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
  return logits.map((x) => x - total)
}

const rewards = [1, 0, 0.5]
const before = logSoftmax([0.2, -0.4, 0.1])
const direction = [0.3, -0.2, 0.05]
const along = (alpha: number): number[] => logSoftmax([0.2, -0.4, 0.1].map((z, i) => z + alpha * direction[i]!))
const now = along(1)
const value = (logprobs: readonly number[]): number => logprobs.reduce((sum, l, i) => sum + Math.exp(l) * rewards[i]!, 0)

function response(outcome: number, group: number): PairedResponse {
  return { reward: rewards[outcome]!, group, logprobs: [now[outcome]!], previousLogprobs: [before[outcome]!] }
}

/** Expectation over all pairs of outcomes that the current policy may give to one prompt. */
function expectation(of: (pair: readonly PairedResponse[]) => number): number {
  let total = 0
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) total += Math.exp(now[i]! + now[j]!) * of([response(i, 0), response(j, 0)])
  return total
}

test("the expectation over all samples is the true difference of the two policies", () => {
  expect(expectation((pair) => pairedImprovement(pair)!.improvement)).toBeCloseTo(value(now) - value(before), 12)
})

test("the expected slope is the derivative of J along the step at its end", () => {
  const h = 1e-5
  expect(expectation((pair) => pairedImprovement(pair)!.slope)).toBeCloseTo((value(along(1 + h)) - value(along(1 - h))) / (2 * h), 8)
})

test("a case by hand: two responses, one right, now twice as likely", () => {
  const right = { reward: 1, group: 0, logprobs: [Math.log(0.5)], previousLogprobs: [Math.log(0.25)] }
  const wrong = { reward: 0, group: 0, logprobs: [Math.log(0.5)], previousLogprobs: [Math.log(0.5)] }
  // (1 - 1/2) (1 - 0) and (1 - 1) (0 - 1), averaged.
  const result = pairedImprovement([right, wrong])!
  expect(result.improvement).toBeCloseTo(0.25, 12)
  expect(result.slope).toBeCloseTo(Math.log(2) / 2, 12)
  expect(result.kl).toBeCloseTo((0.5 - 1 + Math.log(2)) / 2, 12)
})

test("a policy is not better than itself", () => {
  const same = [0, 1, 2].map((i) => ({ ...response(i, i >> 1), previousLogprobs: response(i, 0).logprobs }))
  expect(pairedImprovement(same)).toMatchObject({ improvement: 0, slope: 0, kl: 0, standardError: 0 })
})

test("prompts that get easier and harder alike cancel to their mean, with the error of two prompts", () => {
  const one = (group: number, gain: number): PairedResponse[] => [
    { reward: 1, group, logprobs: [Math.log(0.5)], previousLogprobs: [Math.log(0.5) + Math.log(1 - gain)] },
    { reward: 0, group, logprobs: [Math.log(0.5)], previousLogprobs: [Math.log(0.5)] },
  ]
  const result = pairedImprovement([...one(0, 0.4), ...one(1, -0.4)])!
  expect(result.improvement).toBeCloseTo(0, 12)
  expect(result.standardError).toBeCloseTo(0.2, 12)
})

test("no response says nothing, and rows of different lengths are refused", () => {
  expect(pairedImprovement([])).toBeNull()
  expect(() => pairedImprovement([{ ...response(0, 0), previousLogprobs: [] }])).toThrow(ShapeError)
})

test("whatever the log-probs and the groups, every number is finite", () => {
  const any = fc.record({
    reward: fc.double({ min: -10, max: 10, noNaN: true }),
    group: fc.nat(3),
    logprobs: fc.tuple(fc.double({ min: -1000, max: 0, noNaN: true }), fc.double({ min: -1000, max: 0, noNaN: true })),
    previousLogprobs: fc.tuple(fc.double({ min: -1000, max: 0, noNaN: true }), fc.double({ min: -1000, max: 0, noNaN: true })),
  })
  fc.assert(
    fc.property(fc.array(any, { minLength: 1 }), (responses) => {
      for (const number of Object.values(pairedImprovement(responses)!)) expect(number).toSatisfy(Number.isFinite)
    }),
  )
})

test("the filter weighs means and improvements by their errors", () => {
  const first = filterStep(null, { mu: 0.4, muStandardError: 0.1, improvement: null })
  expect(first.mean).toBe(0.4)
  expect(first.variance).toBeCloseTo(0.01, 12)
  // Predicted 0.5 with variance 0.01 + 0.0004, observed 0.6 with variance 0.0104: half way.
  const second = filterStep(first, { mu: 0.6, muStandardError: Math.sqrt(0.0104), improvement: { improvement: 0.1, standardError: 0.02 } })
  expect(second.mean).toBeCloseTo(0.55, 12)
  expect(second.variance).toBeCloseTo(0.0052, 12)
})

test("a filter without paired improvements stays more uncertain than one with them", () => {
  const observe = (standardError?: number): number => {
    const improvement = standardError === undefined ? null : { improvement: 0, standardError }
    let state = filterStep(null, { mu: 0.5, muStandardError: 0.07, improvement })
    for (let i = 0; i < 50; i++) state = filterStep(state, { mu: 0.5, muStandardError: 0.07, improvement })
    return state.variance
  }
  expect(observe(0.005)).toBeLessThan(observe() / 2)
})

test("a group of one reward needs one scored response, which stands for the group in the KL", () => {
  const flat = (outcome: number, scored: boolean): PairedResponse => {
    const { previousLogprobs, ...rest } = response(outcome, 1)
    return { ...rest, reward: 1, ...(scored && previousLogprobs !== undefined ? { previousLogprobs } : {}) }
  }
  const mixed = [response(0, 0), response(1, 0)]
  const all = pairedImprovement([...mixed, flat(2, true), flat(2, true)])!
  const some = pairedImprovement([...mixed, flat(2, true), flat(2, false)])!
  expect(some).toEqual(all)
  expect(() => pairedImprovement([{ ...response(0, 0) }, { reward: 0.3, group: 0, logprobs: [now[1]!] }])).toThrow(ShapeError)
})

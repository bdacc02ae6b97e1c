import * as fc from "fast-check"
import { expect, test } from "vitest"
import { CheckpointError, ConfigError } from "../errors.ts"
import { createObjective } from "../objectives/index.ts"
import type { PairedImprovement } from "./paired-improvement.ts"
import { plainRule } from "./plain-rule.ts"
import { controllerStep, initialController, steeringDefaults, type ControllerState, type SteeringOptions } from "./step-controller.ts"
import { steered } from "./steering.ts"
import type { IterationBatch, UpdateRule } from "./update-rule.ts"

const measured = (change: Partial<PairedImprovement> = {}): PairedImprovement => ({
  improvement: 0,
  standardError: 0.01,
  slope: 0,
  slopeStandardError: 0.01,
  kl: 0.01,
  ...change,
})

function after(improvement: PairedImprovement | null, options: SteeringOptions = {}, state: ControllerState = initialController, mu: number = 0.5): ControllerState {
  return controllerStep(state, { mu, muStandardError: 0.05, improvement }, { ...steeringDefaults, ...options }).state
}

test.each([
  [0.021, 0.8],
  [0.019, 1],
  [0.0051, 1],
  [0.0049, 1.1],
])("a step of KL %f at a target of 0.01 makes the factor %f", (kl, factor) => {
  expect(after(measured({ kl })).factor).toBeCloseTo(factor, 12)
})

test("the factor stays within 0.02 and 5 whatever is measured", () => {
  let [low, high] = [initialController, initialController]
  for (let i = 0; i < 100; i++) {
    low = after(measured({ kl: 1 }), {}, low)
    high = after(measured({ kl: 0 }), {}, high)
  }
  expect([low.factor, high.factor]).toEqual([0.02, 5])
})

test("the target grows while the end of the step points uphill, and shrinks once steps overshoot", () => {
  const uphill = after(measured({ slope: 0.05 }))
  const downhill = after(measured({ slope: -0.05 }))
  expect(uphill.targetFactor).toBeCloseTo(Math.exp(0.1), 12)
  expect(downhill.targetFactor).toBeCloseTo(Math.exp(-0.1), 12)
  // Half a standard error, half the change.
  expect(after(measured({ slope: 0.005 })).targetFactor).toBeCloseTo(Math.exp(0.05), 12)
})

/** A step of length d along J = g x - h x^2 / 2, measured without error: what it gained, its slope at the end, and what its beginning promised. */
function quadratic(g: number, h: number, d: number): { readonly step: PairedImprovement; readonly promised: number } {
  const error = 1e-9
  return { step: measured({ improvement: g * d - (h * d * d) / 2, slope: (g - h * d) * d, standardError: error, slopeStandardError: error }), promised: g * d }
}

test("the target shrinks where a step gains less than 1 - 1 / (2a) of its promise, a being the place of the slope", () => {
  const positive = fc.double({ min: 0.1, max: 2, noNaN: true })
  fc.assert(
    fc.property(positive, positive, positive, fc.double({ min: 0.5, max: 1, noNaN: true }), (g, h, d, slopeAt) => {
      const { step, promised } = quadratic(g, h, d)
      const excess = step.improvement / promised - (1 - 1 / (2 * slopeAt))
      // Less than the variance that divides at least counts as a part of a standard error.
      fc.pre(Math.abs(excess) * promised > 1e-4)
      expect(after(step, { slopeAt }).targetFactor).toBeCloseTo(Math.exp(0.1 * Math.sign(excess)), 6)
    }),
  )
  // A step twice as long as the best one gains nothing.
  expect(quadratic(1, 1, 2).step.improvement).toBe(0)
})

test("a short step of the warm-up lengthens nothing, and one that is too long already shortens", () => {
  const during = (improvement: PairedImprovement): ControllerState =>
    controllerStep(initialController, { mu: 0.5, muStandardError: 0.05, improvement, warmingUp: true }, steeringDefaults).state
  const uphill = { slope: 0.05 }
  expect(during(measured({ kl: 1e-5, ...uphill }))).toMatchObject({ factor: 1, targetFactor: 1, slope: { mean: 0, variance: 0 } })
  expect(during(measured({ kl: 0.019, ...uphill })).factor).toBe(1)
  expect(during(measured({ kl: 0.021, ...uphill })).factor).toBeCloseTo(0.8, 12)
  // What J is stays known: an improvement is one however short the step was.
  expect(during(measured({ improvement: 0.1 })).level).toEqual(after(measured({ improvement: 0.1 })).level)
})

test("a ramp leaves factor and target as they were, where the same steps without one raise both", () => {
  const steps = [0.0001, 0.0004, 0.0009, 0.0016, 0.0025].map((kl, i) => batchOf(i + 1, 0.5, { kl, slope: 0.01 }))
  const scales = (warmupSteps: number): number[] => {
    const rule = steered(plainRule({ objective: createObjective("grpo") }), {}, { warmupSteps })
    return steps.map((batch) => planned(rule, batch).metrics["stepFactor"] as number)
  }
  // The batch of step 5 measures the update of step 4, the last below the full rate.
  expect(scales(5)).toEqual([1, 1, 1, 1, 1])
  expect(scales(4).map((x) => Number(x.toFixed(2)))).toEqual([1, 1, 1, 1, 1.1])
  expect(scales(0).at(-1)).toBeCloseTo(1.1 ** 5, 12)
})

test("a fall during the warm-up is one", () => {
  const rule = steered(plainRule({ objective: createObjective("grpo") }), {}, { warmupSteps: 10 })
  const plans = [0.6, 0.6, 0.6, 0.1].map((mu, i) => planned(rule, batchOf(i + 1, mu, i === 3 ? { improvement: -0.5 } : {})))
  expect(plans.map(({ metrics }) => metrics["stepCut"])).toEqual([false, false, false, true])
})

test("a fall of many standard errors halves factor and target and leaves the updates out", () => {
  const rule = steered(plainRule({ objective: createObjective("grpo") }))
  const plans = [0.6, 0.6, 0.6, 0.1].map((mu, i) => planned(rule, batchOf(i + 1, mu, i === 3 ? { improvement: -0.5 } : {})))
  expect(plans.map(({ updates }) => updates.length)).toEqual([1, 1, 1, 0])
  expect(plans.at(-1)!.metrics).toMatchObject({ stepCut: true, stepFactor: 0.5 })
  expect(planned(rule, batchOf(5, 0.1)).updates[0]!.learningRateScale).toBe(0.5)
})

test("a fall within the noise cuts nothing", () => {
  const rule = steered(plainRule({ objective: createObjective("grpo") }))
  const plans = [0.6, 0.55, 0.62, 0.52].map((mu, i) => planned(rule, batchOf(i + 1, mu)))
  expect(plans.every(({ updates, metrics }) => updates.length === 1 && metrics["stepCut"] === false)).toBe(true)
})

test("with returns, the best policy is kept and a fall asks for it", () => {
  const rule = steered(plainRule({ objective: createObjective("grpo") }), { returns: true })
  const plans = [0.5, 0.7, 0.1].map((mu, i) => planned(rule, batchOf(i + 1, mu, { improvement: i === 2 ? -0.6 : 0.1 })))
  expect(plans.map(({ policy }) => policy)).toEqual(["keep", "keep", "return"])
  expect(planned(steered(plainRule({ objective: createObjective("grpo") })), batchOf(1, 0.5)).policy).toBeUndefined()
})

test("with every part switched off the learning rate is the inner rule's, whatever happens", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })), { maxLength: 20 }), (steps) => {
      const rule = steered(plainRule({ objective: createObjective("grpo") }), { klTarget: 0, slopeGain: 0, dropThreshold: 0 })
      steps.forEach(([mu, improvement], i) => {
        const { updates } = planned(rule, batchOf(i + 1, mu, { improvement, slope: improvement, kl: Math.abs(improvement) }))
        expect(updates.map(({ learningRateScale }) => learningRateScale)).toEqual([1])
      })
    }),
  )
})

test("a batch without a mean reward changes nothing", () => {
  const rule = steered(plainRule({ objective: createObjective("grpo") }))
  const before = rule.state()
  planned(rule, batchOf(1, Number.NaN, { kl: 9 }))
  expect(rule.state()).toEqual(before)
})

test("a restored rule goes on as the one that was saved", () => {
  const make = (): UpdateRule => steered(plainRule({ objective: createObjective("grpo") }))
  const whole = make()
  for (let i = 1; i <= 5; i++) planned(whole, batchOf(i, 0.3 + 0.05 * i, { kl: 0.03, slope: 0.01 }))
  const resumed = make()
  resumed.restore(structuredClone(whole.state()))
  expect(planned(resumed, batchOf(6, 0.4)).metrics).toEqual(planned(whole, batchOf(6, 0.4)).metrics)
  expect(() => make().restore({ inner: {} })).toThrow(CheckpointError)
})

test("negative settings are refused by name", () => {
  expect(() => steered(plainRule({ objective: createObjective("grpo") }), { klTarget: -1, dropThreshold: Number.NaN })).toThrow(ConfigError)
  expect(() => steered(plainRule({ objective: createObjective("grpo") }), { klTarget: -1 })).toThrow("steering.klTarget")
  expect(() => steered(plainRule({ objective: createObjective("grpo") }), { slopeAt: 0.4 })).toThrow("steering.slopeAt: steering: expected a place from 0.5 to 1, got 0.4")
})

function planned(rule: UpdateRule, batch: IterationBatch): ReturnType<UpdateRule["plan"]> {
  const plan = rule.plan(batch)
  rule.commit(batch, { explorationApplied: plan.updates.length > 0 })
  return plan
}

function batchOf(step: number, meanReward: number, change: Partial<PairedImprovement> = {}): IterationBatch {
  return { step, meanReward, rewardStandardError: 0.05, improvement: measured(change), sequences: [] }
}

import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { CheckpointError, ConfigError } from "../errors.ts"
import { createObjective } from "../objectives/index.ts"
import { attributionOf, pipo, plainRule, policyImprovementReward, randomXi, replayRule, type PipoOptions } from "./index.ts"
import type { BatchSequence, IterationBatch, Plan, UpdateRule } from "./update-rule.ts"

const grpo = createObjective("grpo", { klCoefficient: 0.1 })

function sequence(group: number, advantage: number, length = 2): BatchSequence {
  const row = (value: number): Float32Array => new Float32Array(length).fill(value)
  return {
    promptTokens: [1, 2],
    responseTokens: Array.from({ length }, (_, t) => t),
    group,
    behaviourLogprobs: row(-1),
    referenceLogprobs: row(-1.5),
    advantages: row(advantage),
    mask: row(1),
  }
}

function batchOf(
  step: number,
  meanReward: number,
  advantages: readonly number[] = [1, -0.5, 0.25, -0.25],
): IterationBatch {
  return { step, meanReward, sequences: advantages.map((advantage, i) => sequence(i >> 1, advantage, 2 + (i % 2))) }
}

/** Plans and commits the iterations in order; the first has step 1. */
function run(rule: UpdateRule, means: readonly number[], from = 1): Plan[] {
  return means.map((mean, i) => {
    const batch = batchOf(from + i, mean)
    const plan = rule.plan(batch)
    rule.commit(batch, { explorationApplied: true })
    return plan
  })
}

/** Objectives hold functions: compared by what they compute. */
function visible(plans: readonly Plan[]): unknown {
  return plans.map(({ updates, metrics }) => ({
    metrics,
    updates: updates.map(({ objective: { key, constants }, ...update }) => Object.assign(update, { key, constants })),
  }))
}

function firstAdvantages(sequences: readonly BatchSequence[]): number[] {
  return sequences.map((s) => s.advantages[0]!)
}

function rule(options: PipoOptions = {}): UpdateRule {
  return pipo(plainRule({ objective: grpo }), { window: 2, minSteps: 2, ...options })
}

describe("the order of an iteration", () => {
  test("verification of the previous batch comes first, exploration of the fresh one last", () => {
    const [first, second, third] = run(rule(), [0.1, 0.2, 0.9])
    expect(first!.updates.map((update) => update.kind)).toEqual(["exploration"])
    expect(second!.updates.map((update) => update.kind)).toEqual(["exploration"])
    expect(third!.updates.map((update) => update.kind)).toEqual(["verification", "exploration"])
    // Responses of the previous batch, with the log-probs recorded when it was sampled.
    expect(third!.updates[0]!.sequences.map((s) => s.behaviourLogprobs)).toEqual(
      batchOf(2, 0).sequences.map((s) => s.behaviourLogprobs),
    )
    expect(third!.updates[1]!.sequences.map((s) => s.advantages)).toEqual(
      batchOf(3, 0).sequences.map((s) => s.advantages),
    )
  })

  test("the signal compares the newest mean with the window before it", () => {
    const [, , third] = run(rule({ sigma: "population" }), [0.1, 0.3, 0.5])
    expect(third!.metrics).toMatchObject({ mu: 0.5, gate: "reinforce", verdict: "improved", skipReason: null })
    expect(third!.metrics["muHis"]).toBeCloseTo(0.2, 12)
    expect(third!.metrics["sigmaHis"]).toBeCloseTo(0.1, 12)
    expect(third!.metrics["xi"]).toBeCloseTo(3, 12)
  })

  test("the advantages of the verification update are xi times the group's normalised attribution", () => {
    const [, , third] = run(rule({ sigma: "population" }), [0.1, 0.3, 0.5])
    const firsts = firstAdvantages(third!.updates[0]!.sequences)
    // Abar = 2 A / (|A_1| + |A_2| + 1e-6).
    const expected = [2 / 1.5, -1 / 1.5, 1, -1].map((a) => a * 3)
    firsts.forEach((a, i) => expect(a).toBeCloseTo(expected[i]!, 4))
  })

  test("the verification update has no KL, entropy and dual clip unless they are kept", () => {
    const [, , bare] = run(rule(), [0.1, 0.3, 0.5])
    expect(bare!.updates[0]!.objective.needs).toEqual([])
    expect(bare!.updates[0]!.objective.constants).not.toHaveProperty("dualClip")
    expect(bare!.updates[1]!.objective).toBe(grpo)
    const [, , kept] = run(rule({ keepTerms: ["kl"] }), [0.1, 0.3, 0.5])
    expect(kept!.updates[0]!.objective.needs).toEqual(["reference"])
  })

  test("a refused exploration leaves nothing to verify, and its mean still counts", () => {
    const subject = rule()
    run(subject, [0.1, 0.2])
    const refused = batchOf(3, 0.3)
    subject.plan(refused)
    subject.commit(refused, { explorationApplied: false })
    const [next, after] = run(subject, [0.9, 0.1], 4)
    expect(next!.metrics).toMatchObject({ gate: "skipped", skipReason: "no-cache", verdict: "undecided" })
    expect(next!.updates).toHaveLength(1)
    expect(next!.metrics["muHis"]).toBeCloseTo(0.25, 12)
    expect(after!.updates).toHaveLength(2)
  })

  test("planning twice gives the same plan: only commit moves the state", () => {
    const subject = rule()
    run(subject, [0.1, 0.2])
    const batch = batchOf(3, 0.5)
    expect(visible([subject.plan(batch)])).toEqual(visible([subject.plan(batch)]))
  })
})

describe("while the learning rate rises", () => {
  const means = [0.1, 0.2, 0.3, 0.5, 0.6, 0.9]

  test("means before the first update at the full rate stay out of the window, and nothing is judged", () => {
    const plans = run(rule({ warmupSteps: 3 }), means)
    expect(plans.map(({ metrics }) => metrics["skipReason"])).toEqual(["warm-up", "warm-up", "window", "window", null, null])
    expect(plans.map(({ metrics }) => metrics["verdict"])).toEqual([...Array<string>(4).fill("undecided"), "improved", "improved"])
    expect(plans.map(({ updates }) => updates.length)).toEqual([1, 1, 1, 1, 2, 2])
    // Of steps 3 and 4: the first policy that a whole step is made on, and what it led to.
    expect(plans[4]!.metrics["muHis"]).toBeCloseTo(0.4, 12)
    expect(plans[5]!.metrics["muHis"]).toBeCloseTo(0.55, 12)
  })

  test("a warm-up of no step or one, which has the full rate, is none", () => {
    const bare = visible(run(rule(), means))
    expect(visible(run(rule({ warmupSteps: 0 }), means))).toEqual(bare)
    expect(visible(run(rule({ warmupSteps: 1 }), means))).toEqual(bare)
  })

  test("a batch of an older policy counts by the update that was made on that policy", () => {
    const subject = rule({ warmupSteps: 3 })
    const reasons = means.map((mean, i) => {
      const batch = { ...batchOf(i + 1, mean), offPolicySteps: i === 0 ? 0 : 1 }
      const { metrics } = subject.plan(batch)
      subject.commit(batch, { explorationApplied: true })
      return metrics["skipReason"]
    })
    expect(reasons).toEqual(["warm-up", "warm-up", "warm-up", "window", "window", null])
  })

  test("a random signal has no past to draw from either", () => {
    const subject = randomXi(plainRule({ objective: grpo }), { window: 2, minSteps: 2, warmupSteps: 3, seed: 1 })
    run(subject, means.slice(0, 4))
    expect(subject.state()).toMatchObject({ past: [], window: [0.3, 0.5] })
  })
})

describe("gates", () => {
  const rising = [0.1, 0.3, 0.5]
  const falling = [0.5, 0.3, 0.1]

  test("leaky: a drop turns the previous update around, at lambda of the loss", () => {
    const [, , plan] = run(rule({ sigma: "population" }), falling)
    expect(plan!.metrics).toMatchObject({
      gate: "suppress",
      verdict: "regressed",
      lossScale: 0.1,
      learningRateScale: 1,
    })
    expect(plan!.updates[0]!.sequences[0]!.advantages[0]).toBeCloseTo((-3 * 2) / 1.5, 4)
  })
  test("lambda 0 skips a drop and still calls it one", () => {
    const [, , plan] = run(rule({ lambda: 0 }), falling)
    expect(plan!.updates).toHaveLength(1)
    expect(plan!.metrics).toMatchObject({ gate: "skipped", skipReason: "lambda", verdict: "regressed" })
  })
  test("step: lambda and |xi| go into the learning rate, the sign into the advantages", () => {
    const [, , down] = run(rule({ sigma: "population", scales: "step" }), falling)
    expect(down!.updates[0]!).toMatchObject({ lossScale: 1 })
    expect(down!.updates[0]!.learningRateScale).toBeCloseTo(0.3, 12)
    expect(down!.updates[0]!.sequences[0]!.advantages[0]).toBeCloseTo(-2 / 1.5, 4)
    const [, , up] = run(rule({ sigma: "population", scales: "step" }), rising)
    expect(up!.updates[0]!.learningRateScale).toBe(2)
  })
  test("relu: only progress is passed on, without xi", () => {
    const [, , up] = run(rule({ gate: "relu" }), rising)
    expect(up!.updates[0]!.sequences[0]!.advantages[0]).toBeCloseTo((0.3 * 2) / 1.5, 4)
    const [, , down] = run(rule({ gate: "relu" }), falling)
    expect(down!.metrics).toMatchObject({ skipReason: "no-progress", verdict: "regressed" })
  })
  test("clip: the exploration advantages are gated, nothing is added, the cache keeps the ungated ones", () => {
    const subject = rule({ gate: "clip", sigma: "population" })
    const [, second, third] = run(subject, [0.1, 0.3, 0.5])
    expect(second!.updates[0]!.sequences[0]!.advantages[0]).toBe(1)
    expect(third!.updates).toHaveLength(1)
    expect(firstAdvantages(third!.updates[0]!.sequences)).toEqual([2, -1, 0.5, -0.5])
    const { cache } = subject.state() as { cache: BatchSequence[] }
    expect(firstAdvantages(cache)).toEqual([1, -0.5, 0.25, -0.25])
  })
  test("the reference code's surrogate stands in for the group-relative bases only", () => {
    const [, , plan] = run(rule({ surrogate: "reference-code" }), rising)
    expect(plan!.updates[0]!.objective.name).toBe("grpo reference-code")
    const cispo = pipo(plainRule({ objective: createObjective("cispo") }), { window: 2, surrogate: "reference-code" })
    expect(() => run(cispo, rising)).toThrow(ConfigError)
  })
})

describe("reasons to skip", () => {
  test("too few means: min(minSteps, window) of them are needed", () => {
    const skips = run(rule({ window: 3, minSteps: 8 }), [0.1, 0.2, 0.3, 0.4]).map((plan) => plan.metrics["skipReason"])
    expect(skips).toEqual(["no-cache", "window", "window", null])
  })
  test("iterations are counted under the reference code's window too", () => {
    const skips = run(
      rule({ window: 4, minSteps: 4, windowConvention: "reference-code" }),
      [0.1, 0.2, 0.3, 0.4, 0.5],
    ).map((plan) => plan.metrics["skipReason"])
    expect(skips).toEqual(["no-cache", "window", "window", "window", null])
  })
  test("|xi| at or below the threshold, and steps that are no multiple of everyN", () => {
    expect(run(rule({ threshold: 100 }), [0.1, 0.2, 0.3])[2]!.metrics).toMatchObject({
      skipReason: "threshold",
      verdict: "undecided",
    })
    expect(run(rule(), [0.2, 0.2, 0.2])[2]!.metrics).toMatchObject({ skipReason: "threshold", xi: 0 })
    expect(run(rule({ everyN: 2 }), [0.1, 0.2, 0.9, 0.1]).map((plan) => plan.updates.length)).toEqual([1, 1, 1, 2])
  })
  test("a previous batch without any signal: a step on a zero gradient would still move the weights by momentum", () => {
    const subject = rule()
    for (const step of [1, 2]) {
      const batch = batchOf(step, step / 10, [0, 0, 0, 0])
      subject.plan(batch)
      subject.commit(batch, { explorationApplied: true })
    }
    expect(subject.plan(batchOf(3, 0.9)).metrics).toMatchObject({ skipReason: "no-attribution", verdict: "improved" })
  })
  test("an empty batch is not cached, a mean that is no number is not judged", () => {
    const subject = rule()
    run(subject, [0.1, 0.2])
    const empty: IterationBatch = { step: 3, meanReward: NaN, sequences: [] }
    expect(subject.plan(empty).metrics).toMatchObject({ skipReason: "no-reward", mu: null })
    subject.commit(empty, { explorationApplied: true })
    expect(subject.plan(batchOf(4, 0.5)).metrics).toMatchObject({ skipReason: "no-cache" })
    expect((subject.state() as { window: number[] }).window).toEqual([0.1, 0.2])
  })
})

const means = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 })

describe("as a wrapper", () => {
  test("switched off it plans exactly what its base plans", () => {
    fc.assert(
      fc.property(means, fc.constantFrom("leaky" as const, "relu" as const, "clip" as const), (drawn, gate) => {
        for (const off of [{ threshold: Infinity }, { everyN: Infinity }]) {
          const wrapped = run(pipo(plainRule({ objective: grpo, epochs: 2 }), { window: 2, gate, ...off }), drawn)
          const plain = run(plainRule({ objective: grpo, epochs: 2 }), drawn)
          expect(wrapped.map((plan) => plan.updates)).toEqual(plain.map((plan) => plan.updates))
        }
      }),
      { numRuns: 20 },
    )
  })

  test("a restored rule goes on exactly as the uninterrupted one, whichever it is", () => {
    const makers: readonly (() => UpdateRule)[] = [
      () => rule(),
      () => rule({ windowConvention: "reference-code", sigma: "population", scales: "step" }),
      () => rule({ gate: "clip" }),
      () => replayRule(plainRule({ objective: grpo })),
      () => randomXi(plainRule({ objective: grpo }), { window: 2, seed: 7 }),
    ]
    fc.assert(
      fc.property(means, means, (before, after) => {
        for (const make of makers) {
          const whole = make()
          run(whole, before)
          const saved = structuredClone(whole.state())
          const resumed = make()
          resumed.restore(saved)
          expect(visible(run(resumed, after, before.length + 1))).toEqual(visible(run(whole, after, before.length + 1)))
          expect(resumed.state()).toEqual(whole.state())
        }
      }),
      { numRuns: 15 },
    )
  })

  test("a saved state is not changed by what the rule does next", () => {
    const subject = rule()
    run(subject, [0.1, 0.2, 0.3])
    const saved = subject.state()
    const copy = structuredClone(saved)
    run(subject, [0.7, 0.8], 4)
    expect(saved).toEqual(copy)
  })

  test("a state of another shape is refused", () => {
    for (const state of [null, {}, { window: ["x"], iterations: 1, past: [], cache: null, inner: {} }]) {
      expect(() => rule().restore(state)).toThrow(CheckpointError)
    }
    const subject = rule()
    run(subject, [0.1])
    const saved = structuredClone(subject.state()) as { cache: { advantages: Float32Array }[] }
    saved.cache[0]!.advantages = new Float32Array(1)
    expect(() => rule().restore(saved)).toThrow(/cache/)
    const cut = structuredClone(subject.state()) as { cache: { tokenInputs?: Record<string, Float32Array> }[] }
    cut.cache[0]!.tokenInputs = { returns: new Float32Array(1) }
    expect(() => rule().restore(cut)).toThrow(/cache/)
  })

  test("all problems of the options are told at once", () => {
    try {
      pipo(plainRule({ objective: grpo }), { window: 0, lambda: -1, everyN: 0 })
      expect.unreachable()
    } catch (error) {
      expect((error as ConfigError).issues.map((issue) => issue.path)).toEqual([
        "pipo.window",
        "pipo.everyN",
        "pipo.lambda",
      ])
    }
  })

  test("mu of the trained groups must be given", () => {
    expect(() => rule({ mu: "trained" }).plan(batchOf(1, 0.5))).toThrow(/trained/)
    expect(
      rule({ mu: "trained" }).plan({ ...batchOf(1, 0.5), trainedMeanReward: 0.75 } as IterationBatch).metrics["mu"],
    ).toBe(0.75)
  })
})

describe("controls", () => {
  test("replay repeats the previous batch from the second iteration on, whatever the means", () => {
    const plans = run(replayRule(plainRule({ objective: grpo })), [0.9, 0.1, 0.5])
    expect(plans.map((plan) => plan.updates.map((update) => update.kind))).toEqual([
      ["exploration"],
      ["replay", "exploration"],
      ["replay", "exploration"],
    ])
    expect(plans[1]!.updates[0]!.sequences[2]!.advantages[0]).toBeCloseTo(1, 4)
    expect(plans[1]!.updates[0]!).toMatchObject({ lossScale: 1, learningRateScale: 1 })
  })
  test("random xi draws from its own past and tells what it observed", () => {
    const subject = randomXi(plainRule({ objective: grpo }), { window: 2, sigma: "population", seed: 3 })
    const plans = run(subject, [0.1, 0.3, 0.5, 0.2, 0.9, 0.4, 0.6])
    const observed = plans.map((plan) => plan.metrics["observedXi"] as number)
    expect(plans[2]!.metrics).toMatchObject({ gate: "skipped" })
    for (const [t, plan] of plans.entries()) {
      if (t >= 3) expect(observed.slice(2, t)).toContain(plan.metrics["xi"])
    }
    const again = run(
      randomXi(plainRule({ objective: grpo }), { window: 2, sigma: "population", seed: 3 }),
      [0.1, 0.3, 0.5, 0.2, 0.9, 0.4, 0.6],
    )
    expect(visible(again)).toEqual(visible(plans))
  })
  test("epochs repeat the exploration update", () => {
    expect(run(plainRule({ objective: grpo, epochs: 3 }), [0.5])[0]!.updates).toHaveLength(3)
    expect(() => plainRule({ objective: grpo, epochs: 0 })).toThrow(ConfigError)
  })
})

describe("the policy improvement reward", () => {
  const gates: readonly PipoOptions[] = [{}, { scales: "step" }, { gate: "relu" }, { gate: "relu", scales: "step" }]

  test.each(gates)("of a response, from its attribution and the metrics, is what the verification update weighs it with (%o)", (options) => {
    const plans = run(rule(options), [0.1, 0.2, 0.9, 0.2, 0.6])
    const judged = plans.flatMap(({ updates, metrics }) => updates.filter(({ kind }) => kind === "verification").map((update) => ({ update, metrics })))
    expect(judged.length).toBeGreaterThan(0)
    const attribution = attributionOf(batchOf(1, 0).sequences)
    for (const { update, metrics } of judged) {
      const scales = { factor: metrics["gateFactor"] as number, lossScale: metrics["lossScale"] as number, learningRateScale: metrics["learningRateScale"] as number }
      const weights = firstAdvantages(update.sequences).map((a) => a * update.lossScale * update.learningRateScale)
      weights.forEach((weight, i) => expect(policyImprovementReward(attribution[i]!, scales)).toBeCloseTo(weight, 5))
      // Equation 10 for the leaky gate: a phi_lambda(xi).
      if (options.gate !== "relu" && options.scales !== "step") {
        const xi = metrics["xi"] as number
        expect(policyImprovementReward(attribution[0]!, scales)).toBeCloseTo(Math.min(10, Math.max(-10, attribution[0]! * xi)) * (xi < 0 ? 0.1 : 1), 5)
      }
    }
  })
})

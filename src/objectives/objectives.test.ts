import { describe, expect, test } from "vitest"
import { ConfigError, EngineError } from "../errors.ts"
import { dim, gradients, input, mul, sum, type Tensor } from "../graph/index.ts"
import { runOnnx } from "../graph/check.test-helper.ts"
import { exactAggregationWeights } from "./aggregation.ts"
import { searchBapoBounds } from "./bapo.ts"
import { IMPORTANCE_INPUT, withConstants, type BatchObjective, type PreparationSequence } from "./batch-objective.ts"
import { withCritic } from "./critic.ts"
import { evaluateObjective, type ObjectiveResult, type ObjectiveRun } from "./evaluate-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { referenceSurrogate } from "./reference-surrogate.ts"
import { createObjective, objectiveNames, objectiveRecipe } from "./registry.ts"
import { crossEntropy } from "./supervised.ts"

const mask = [
  [1, 1, 1, 0],
  [1, 0, 1, 1],
  [1, 0, 0, 0],
  [1, 1, 1, 1],
]
const behaviour = [
  [-1, -0.5, -2, 0],
  [-1.5, 0, -0.7, -1],
  [-0.3, 0, 0, 0],
  [-2, -1, -0.9, -1.1],
]
/** Ratios on both sides of every clip: exp of these. */
const shifts = [
  [0.05, 0.45, -0.45, 0],
  [0.3, 0, -0.15, -0.6],
  [-0.35, 0, 0, 0],
  [1.4, -0.1, 0.1, 0.02],
]
const logprobs = behaviour.map((row, i) => row.map((x, t) => x + shifts[i]![t]!))
const sequenceAdvantages = [1.2, -0.8, 0.5, -1.5]
const advantages = mask.map((row, i) => row.map((m) => m * sequenceAdvantages[i]!))
const referenceLogprobs = behaviour.map((row) => row.map((x) => x - 0.2))
const entropies = mask.map((row) => row.map((m) => m * 0.7))
const weights = exactAggregationWeights("seq-mean-token-mean", mask)
const base: ObjectiveRun = {
  logprobs,
  behaviourLogprobs: behaviour,
  referenceLogprobs,
  entropies,
  advantages,
  mask,
  weights,
}

function preparation(run: ObjectiveRun): PreparationSequence[] {
  return run.logprobs.map((row, i) => ({
    logprobs: row,
    behaviourLogprobs: run.behaviourLogprobs[i]!,
    advantages: run.advantages[i]!,
    mask: run.mask[i]!,
  }))
}

/** Evaluates with what `prepare` decides on this very batch. */
function evaluated(objective: BatchObjective, run: ObjectiveRun = base): ObjectiveResult {
  const prepared = objective.prepare?.(preparation(run), () => 0.5)
  return evaluateObjective(objective, {
    ...run,
    constants: { ...prepared?.constants, ...run.constants },
    tokenInputs: { ...prepared?.tokenInputs, ...run.tokenInputs },
  })
}

function named(name: string, options: ObjectiveOptions = {}, run: ObjectiveRun = base): ObjectiveResult {
  return evaluated(createObjective(name, options), run)
}

function expectSame(a: ObjectiveResult, b: ObjectiveResult): void {
  expect(a.loss).toBeCloseTo(b.loss, 12)
  a.gradient.forEach((row, i) => row.forEach((g, t) => expect(g).toBeCloseTo(b.gradient[i]![t]!, 12)))
}

function flat(rows: readonly ArrayLike<number>[]): number[] {
  return rows.flatMap((row) => Array.from(row))
}

const onPolicy: ObjectiveRun = { ...base, logprobs: behaviour }

describe("every objective", () => {
  /** Losses whose weight on log pi is cut off from the gradient: finite differences do not see them. */
  const cutOff = new Set(["cispo", "vespo"])

  test.each(objectiveNames.filter((name) => !cutOff.has(name)))(
    "the gradient of %s agrees with finite differences",
    (name) => {
      const objective = createObjective(name, { klCoefficient: 0.1 })
      const prepared = objective.prepare?.(preparation(base), () => 0.5)
      // What the batch decides stays decided while one log-prob moves.
      const fixed = { ...base, constants: prepared?.constants ?? {}, tokenInputs: prepared?.tokenInputs ?? {} }
      const { gradient } = evaluateObjective(objective, fixed)
      const step = 1e-6
      logprobs.forEach((row, i) =>
        row.forEach((x, t) => {
          const at = (by: number): number =>
            evaluateObjective(objective, { ...fixed, logprobs: logprobs.with(i, row.with(t, x + by)) }).loss
          expect(gradient[i]![t]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 6)
        }),
      )
    },
  )

  test.each(objectiveNames)("%s gives on-policy the direction of the plain policy gradient", (name) => {
    const { gradient } = named(name, {}, onPolicy)
    const plain = named("reinforce", {}, onPolicy).gradient
    const kept = flat(gradient).map((g, k) => (g === 0 ? 0 : flat(plain)[k]!))
    expect(flat(gradient).map(Math.sign)).toEqual(kept.map(Math.sign))
    expect(flat(gradient).filter((g) => g !== 0).length).toBeGreaterThan(5)
  })

  test.each(objectiveNames)("padding never reaches the loss of %s, whatever it holds", (name) => {
    const garbage = (rows: readonly (readonly number[])[]): number[][] =>
      rows.map((row, i) => row.map((x, t) => (mask[i]![t] === 0 ? 300 + 77 * t : x)))
    const options = { klCoefficient: 0.1, klBiasCorrection: true, offPolicyThreshold: 0.5 }
    const dirty = named(name, options, {
      ...base,
      logprobs: garbage(logprobs),
      referenceLogprobs: garbage(referenceLogprobs).map((row) => row.map((x) => -x)),
    })
    expectSame(
      dirty,
      named(name, options, { ...base, referenceLogprobs: referenceLogprobs.map((row) => row.map((x) => -x)) }),
    )
  })

  test.each(objectiveNames)("zero advantages give %s no loss and no gradient", (name) => {
    const { loss, gradient } = named(name, name === "kl-cov" ? { covarianceCoefficient: 0 } : {}, {
      ...base,
      advantages: mask.map((row) => row.map(() => 0)),
    })
    expect(Math.abs(loss)).toBe(0)
    expect(flat(gradient).every((g) => Math.abs(g) === 0)).toBe(true)
  })

  test.each(objectiveNames)("%s stays finite for log-ratios of thousands", (name) => {
    const far = named(name, {}, { ...base, logprobs: logprobs.map((row, i) => row.map((x) => x - 2000 * (i % 2))) })
    expect([far.loss, ...flat(far.gradient)].every(Number.isFinite)).toBe(true)
  })

  test("every objective compiles for any batch shape and agrees with the interpreter on onnxruntime", async () => {
    const shape = [dim("B"), dim("T")]
    for (const name of objectiveNames) {
      const objective = createObjective(name, {
        klCoefficient: 0.1,
        entropyCoefficient: 0.01,
        importance: true,
        offPolicyThreshold: 0.5,
      })
      const prepared = objective.prepare?.(preparation(base), () => 0.5)
      const importance = mask.map((row) => row.map((_, t) => 0.5 + 0.25 * t))
      const run: ObjectiveRun = {
        ...base,
        constants: prepared?.constants ?? {},
        tokenInputs: { ...prepared?.tokenInputs, [IMPORTANCE_INPUT]: importance },
      }
      const tokens = (label: string): Tensor => input(label, shape)
      const logprobs_BT = tokens("logprobs")
      const { loss_BT } = objective.build({
        logprobs_BT,
        behaviourLogprobs_BT: tokens("behaviourLogprobs"),
        referenceLogprobs_BT: tokens("referenceLogprobs"),
        entropy_BT: tokens("entropies"),
        advantages_BT: tokens("advantages"),
        mask_BT: tokens("mask"),
        constant: (label) => input(`constant.${label}`, []),
        tokenInput: tokens,
      })
      const loss = sum(mul(loss_BT, tokens("weights")))
      const constants = { ...objective.constants, ...prepared?.constants }
      const rows = {
        logprobs,
        behaviourLogprobs: behaviour,
        referenceLogprobs,
        entropies,
        advantages,
        mask,
        weights,
        ...run.tokenInputs,
      }
      const feeds = {
        ...Object.fromEntries(
          Object.entries(rows).map(([label, value]) => [
            label,
            { shape: [4, 4], data: Float64Array.from(flat(value!)) },
          ]),
        ),
        ...Object.fromEntries(
          Object.entries(constants).map(([label, value]) => [
            `constant.${label}`,
            { shape: [], data: Float64Array.of(value) },
          ]),
        ),
      }
      const results = await runOnnx({ loss, gradient: gradients(loss, [logprobs_BT])[0]! }, feeds)
      const exact = evaluateObjective(objective, run)
      expect(results["loss"]![0], name).toBeCloseTo(exact.loss, 4)
      const expected = flat(exact.gradient)
      Array.from(results["gradient"]!).forEach((g, k) => expect(g, name).toBeCloseTo(expected[k]!, 4))
    }
  })

  test("each names an aggregation and an advantage", () => {
    expect(objectiveNames).toHaveLength(18)
    for (const name of objectiveNames) expect(objectiveRecipe(name)).toMatchObject({ name })
  })
})

describe("objectives by hand", () => {
  /** One response of one token. */
  function single(
    name: string,
    ratio: number,
    advantage: number,
    options: ObjectiveOptions = {},
  ): { loss: number; slope: number } {
    const run = {
      logprobs: [[Math.log(ratio) - 1]],
      behaviourLogprobs: [[-1]],
      advantages: [[advantage]],
      mask: [[1]],
      weights: [[1]],
    }
    const { loss, gradient } = evaluated(createObjective(name, options), run)
    return { loss, slope: gradient[0]![0]! }
  }

  test("grpo clips gains above, losses below, and bounds the worst by the dual clip", () => {
    expect(single("grpo", 1.1, 2).loss).toBeCloseTo(-2.2, 12)
    expect(single("grpo", 1.1, 2).slope).toBeCloseTo(-2.2, 12)
    expect(single("grpo", 1.5, 2).loss).toBeCloseTo(-2.4, 12)
    expect(Math.abs(single("grpo", 1.5, 2).slope)).toBe(0)
    expect(single("grpo", 0.5, -1).loss).toBeCloseTo(0.8, 12)
    expect(single("grpo", 2, -1)).toMatchObject({ loss: 2, slope: 2 })
    expect(single("grpo", 5, -1).loss).toBeCloseTo(3, 12)
    expect(Math.abs(single("grpo", 5, -1).slope)).toBe(0)
    expect(single("ppo", 5, -1).loss).toBeCloseTo(5, 12)
  })
  test("the two-sided clip caps the unclipped branch", () => {
    expect(single("ppo", 5, -1, { delta: 2 }).loss).toBeCloseTo(2, 12)
  })
  test("dapo lets ratios rise to 1.28", () => {
    expect(single("dapo", 1.25, 1).loss).toBeCloseTo(-1.25, 12)
    expect(single("dapo", 1.5, 1).loss).toBeCloseTo(-1.28, 12)
  })
  test("cispo keeps the gradient of a capped token", () => {
    expect(single("cispo", 8, 1).slope).toBeCloseTo(-5, 12)
    expect(single("cispo", 2, 1).slope).toBeCloseTo(-2, 12)
  })
  test("sapo is half of its range at ratio 1, and turns with its temperature", () => {
    expect(single("sapo", 1, 1).loss).toBeCloseTo(-2, 12)
    expect(single("sapo", 1, 1).slope).toBeCloseTo(-1, 12)
    expect(single("sapo", 2, -1).loss).toBeCloseTo(4 / 1.05 / (1 + Math.exp(-1.05)), 12)
  })
  test("gmpo clips the log-ratio", () => {
    expect(single("gmpo", Math.exp(0.3), 1).loss).toBeCloseTo(-Math.exp(0.3), 7)
    expect(single("gmpo", Math.exp(0.9), 1).loss).toBeCloseTo(-Math.exp(0.4), 7)
  })
  test("vespo weighs an on-policy token by one", () => {
    expect(single("vespo", 1, 2).slope).toBeCloseTo(-2, 12)
    expect(single("vespo", 2, 1).slope).toBeCloseTo(-Math.exp(-3) * 4, 12)
  })
  test("bapo raises the upper bound only while positive tokens carry too little", () => {
    const sequence = (ratio: number, advantage: number): PreparationSequence => ({
      logprobs: [Math.log(ratio)],
      behaviourLogprobs: [0],
      advantages: [advantage],
      mask: [1],
    })
    const search = {
      targetShare: 0.3999,
      lowStart: 0.6,
      lowEnd: 0.6,
      lowStep: 0.1,
      highStart: 1,
      highEnd: 3,
      highStep: 0.5,
      logRatioClamp: 20,
    }
    const found = searchBapoBounds([sequence(4, 0.2), sequence(1, -1)], search)
    expect(found).toMatchObject({ clipLow: 0.6, clipHigh: 2 })
    expect(found.share).toBeCloseTo(0.4, 7)
    expect(searchBapoBounds([sequence(1, 1)], search)).toMatchObject({ clipHigh: 1, share: Infinity })
  })
  test("kl-cov penalises the tokens of largest covariance alone", () => {
    const prepared = createObjective("kl-cov", { covarianceShare: 0.2 }).prepare!(preparation(base), () => 0)
    const selected = flat(prepared.tokenInputs["selected"]!)
    expect(selected.reduce((a, b) => a + b, 0)).toBe(2)
    expectSame(named("kl-cov", { covarianceCoefficient: 0 }), named("ppo", { clipLow: 1e9, clipHigh: 1e9 }))
  })
  test("clip-cov takes the loss from the tokens it picks", () => {
    const { gradient } = named("clip-cov", { covarianceShare: 1, covarianceLow: -1e9, covarianceHigh: 1e9 })
    expect(flat(gradient).every((g) => Math.abs(g) === 0)).toBe(true)
    expectSame(named("clip-cov", { covarianceLow: 1e8, covarianceHigh: 1e9 }), named("ppo"))
  })
  test("the reference code's loss has no gradient above 1 + epsilon, and none of PPO's pessimism below", () => {
    const run = (ratio: number, advantage: number): ObjectiveResult =>
      evaluateObjective(referenceSurrogate("grpo", {}), {
        logprobs: [[Math.log(ratio)]],
        behaviourLogprobs: [[0]],
        advantages: [[advantage]],
        mask: [[1]],
        weights: [[1]],
      })
    expect(Math.abs(run(2, -1).gradient[0]![0]!)).toBe(0)
    expect(run(0.1, -1).gradient[0]![0]).toBeCloseTo(0.1, 12)
    expect(run(1.1, 1).loss).toBeCloseTo(single("ppo", 1.1, 1).loss, 12)
  })
})

describe("limit identities", () => {
  test("dapo with equal clips is grpo", () => {
    expectSame(named("dapo", { clipHigh: 0.2 }), named("grpo"))
  })
  test("grpo, drgrpo and bnpo share one loss: advantages and aggregation tell them apart", () => {
    expectSame(named("drgrpo"), named("grpo"))
    expectSame(named("bnpo"), named("grpo"))
  })
  test("grpo without dual clip is ppo", () => {
    expectSame(named("grpo", { dualClip: null }), named("ppo"))
  })
  test("gspo on responses of one token is ppo of the same clips", () => {
    const short: ObjectiveRun = {
      ...base,
      mask: mask.map((row) => row.map((_, t) => (t === 0 ? 1 : 0))),
      weights: mask.map((row) => row.map((_, t) => (t === 0 ? 0.25 : 0))),
    }
    expectSame(named("gspo", { clipLow: 0.2, clipHigh: 0.2 }, short), named("ppo", {}, short))
  })
  test("gspo through the tokens and through the mean agree on one advantage per response", () => {
    expectSame(named("gspo", { sequenceGradient: "sequence" }), named("gspo"))
  })
  test("luspo is gspo weighted by length", () => {
    const lengths = mask.map((row) => row.reduce((a, b) => a + b, 0))
    const weighted = { ...base, weights: weights.map((row, i) => row.map((w) => w * lengths[i]!)) }
    expectSame(
      named("luspo", {}, { ...base, weights: exactAggregationWeights("seq-mean-token-sum", mask) }),
      named("gspo", { clipLow: 2e-3, clipHigh: 2.5e-3 }, weighted),
    )
  })
  test("gmpo on one advantage and no clip is gspo without clip", () => {
    const wide = { clipLow: 1e3, clipHigh: 1e3 }
    const [a, b] = [named("gmpo", wide), named("gspo", wide)]
    expect(a.loss).toBeCloseTo(b.loss, 7)
  })
  test("rloo and reinforce++ take either form", () => {
    expectSame(named("rloo"), named("ppo"))
    expectSame(named("reinforce++", { form: "plain" }), named("reinforce"))
    expectSame(named("gpg"), named("reinforce"))
  })
  test("importance weights of one change nothing", () => {
    const ones = { ...base, tokenInputs: { [IMPORTANCE_INPUT]: mask.map((row) => row.map(() => 1)) } }
    for (const name of ["grpo", "cispo", "vespo", "sapo"])
      expectSame(named(name, { importance: true }, ones), named(name))
  })
  test("importance weights scale the policy loss and not the KL term", () => {
    const doubled = { ...base, tokenInputs: { [IMPORTANCE_INPUT]: mask.map((row) => row.map(() => 2)) } }
    const kl = named("grpo", { klCoefficient: 0.3 }).loss - named("grpo").loss
    expect(named("grpo", { klCoefficient: 0.3, importance: true }, doubled).loss).toBeCloseTo(
      2 * named("grpo").loss + kl,
      12,
    )
  })
  test("an off-policy threshold that nothing exceeds changes nothing, a low one drops only A < 0", () => {
    expectSame(named("grpo", { offPolicyThreshold: 100 }), named("grpo"))
    const { gradient } = named("ppo", { offPolicyThreshold: -100 })
    gradient.forEach((row, i) => {
      if (sequenceAdvantages[i]! < 0) expect(row.every((g) => Math.abs(g) === 0)).toBe(true)
    })
    expect(gradient[0]!.some((g) => g !== 0)).toBe(true)
  })
})

describe("terms and keys", () => {
  test("the entropy bonus lowers the loss by coefficient x mean entropy", () => {
    expect(named("grpo", { entropyCoefficient: 0.1 }).loss).toBeCloseTo(named("grpo").loss - 0.07, 12)
  })
  test("numbers do not change the key, terms do", () => {
    const key = (options: ObjectiveOptions): string => createObjective("grpo", options).key
    expect(key({ clipLow: 0.1, klCoefficient: 0.1 })).toBe(key({ clipLow: 0.3, klCoefficient: 0.5 }))
    expect(key({ klCoefficient: 0.1 })).not.toBe(key({}))
    expect(key({ dualClip: null })).not.toBe(key({}))
    const keys = objectiveNames.map((name) => createObjective(name).key)
    expect(new Set(keys).size).toBe(keys.length)
  })
  test("new constants keep the graph and change the loss", () => {
    const grpo = createObjective("grpo", { klCoefficient: 0.1 })
    const stronger = withConstants(grpo, { klCoefficient: 1 })
    expect(stronger.key).toBe(grpo.key)
    expect(evaluated(stronger).loss).not.toBeCloseTo(evaluated(grpo).loss, 4)
  })
  test("an objective can shed KL, entropy and dual clip", () => {
    const full = createObjective("grpo", { klCoefficient: 0.1, entropyCoefficient: 0.1 })
    const bare = full.without(["kl", "entropy", "dualClip"])
    expect(bare.needs).toEqual([])
    expectSame(evaluated(bare), named("ppo"))
    expect(full.without(["entropy"]).needs).toEqual(["reference"])
  })
  test("what an objective needs is declared, and asked of the engine in words", () => {
    const objective = createObjective("grpo", { klCoefficient: 0.1, entropyCoefficient: 0.1, importance: true })
    expect(objective.needs).toEqual(["reference", "entropy"])
    expect(objective.tokenInputs).toEqual([IMPORTANCE_INPUT])
    expect(createObjective("grpo", { klCoefficient: 0.1, klTo: "behaviour" }).needs).toEqual([])
    const tensor = (label: string): Tensor => input(label, [1, 1])
    const bare = {
      logprobs_BT: tensor("l"),
      behaviourLogprobs_BT: tensor("b"),
      advantages_BT: tensor("a"),
      mask_BT: tensor("m"),
      constant: tensor,
    }
    expect(() => createObjective("grpo", { klCoefficient: 0.1 }).build(bare)).toThrow(EngineError)
    expect(() => createObjective("kl-cov").build(bare)).toThrow(/selected/)
  })
  test("statistics are told per token", () => {
    const { statistics } = named("grpo", { klCoefficient: 0.1 })
    expect(Object.keys(statistics).sort()).toEqual([
      "behaviourKl",
      "clipFraction",
      "clipFractionHigh",
      "clipFractionLow",
      "dualClipFraction",
      "kl",
    ])
    expect([...statistics["clipFraction"]![0]!]).toEqual([0, 1, 0, 0])
    expect([...statistics["clipFraction"]![1]!]).toEqual([0, 0, 0, 1])
    expect(named("gspo").statistics["clipFraction"]!.map((row) => row.length)).toEqual([4, 4, 4, 4])
  })
})

describe("an objective that is silent without advantage", () => {
  const declaring = objectiveNames.filter((name) => createObjective(name).silentWithoutAdvantage === true)
  /** Sequences 0 and 2 have no advantage. */
  const silent: ObjectiveRun = { ...base, advantages: advantages.map((row, i) => row.map((a) => (i % 2 === 0 ? 0 : a))) }
  const others = (rows: readonly (readonly number[])[]): number[][] => rows.filter((_, i) => i % 2 === 1).map((row) => [...row])

  test("is every one but those whose batch decides which tokens count", () => {
    expect(objectiveNames.filter((name) => !declaring.includes(name))).toEqual(["kl-cov", "clip-cov"])
  })
  test.each(declaring)("%s: such a sequence has no gradient, and the others have the one that they have without it", (name) => {
    const whole = named(name, { offPolicyThreshold: 0.5 }, silent)
    const rest = named(name, { offPolicyThreshold: 0.5 }, {
      ...silent,
      logprobs: others(logprobs),
      behaviourLogprobs: others(behaviour),
      referenceLogprobs: others(referenceLogprobs),
      entropies: others(entropies),
      advantages: others(silent.advantages as number[][]),
      mask: others(mask),
      weights: weights.filter((_, i) => i % 2 === 1),
    })
    expect(rest.loss).toBe(whole.loss)
    expect(whole.gradient.filter((_, i) => i % 2 === 1)).toEqual(rest.gradient)
    expect(flat(whole.gradient.filter((_, i) => i % 2 === 0)).every((g) => g === 0)).toBe(true)
    expect(flat(rest.gradient).some((g) => g !== 0)).toBe(true)
  })
  test("stops being one with a KL loss, an entropy bonus or a critic, and is one again without them", () => {
    const full = createObjective("grpo", { klCoefficient: 0.1, entropyCoefficient: 0.1 })
    expect(full.silentWithoutAdvantage).toBe(false)
    expect(full.without(["kl"]).silentWithoutAdvantage).toBe(false)
    expect(full.without(["kl", "entropy"]).silentWithoutAdvantage).toBe(true)
    expect(withCritic(createObjective("ppo")).silentWithoutAdvantage).toBe(false)
    expect(withConstants(createObjective("grpo"), { clipLow: 0.3 }).silentWithoutAdvantage).toBe(true)
    expect(crossEntropy.silentWithoutAdvantage).toBeUndefined()
  })
})

describe("bad options", () => {
  test("an unknown objective lists those that exist and the nearest", () => {
    expect(() => createObjective("gropo")).toThrow(/grpo, drgrpo.*Did you mean grpo/)
  })
  test("all problems are told at once, with their path", () => {
    try {
      createObjective("grpo", { clipLow: -1, dualClip: 1, ratioCap: 3 })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      expect((error as ConfigError).issues.map((issue) => issue.path)).toEqual([
        "objective.ratioCap",
        "objective.clipLow",
        "objective.dualClip",
      ])
    }
  })
})

import { expect, test } from "vitest"
import { analyse, type AnalysisOptions } from "./analysis.ts"
import { accuracyRange, armCurves, armGroups, ticksOf } from "./curves.ts"
import { syntheticRun } from "./results.test-helper.ts"

const options: AnalysisOptions = { match: "rollouts", against: ["base"] }

test("means, standard errors and paired differences are those by hand", () => {
  const runs = [
    syntheticRun("base", 1, [0.2, 0.4]),
    syntheticRun("base", 2, [0.2, 0.6]),
    syntheticRun("other", 1, [0.2, 0.5]),
    syntheticRun("other", 2, [0.2, 0.9]),
    // Not finished by base: in the mean, in no pair.
    syntheticRun("other", 3, [0.2, 0.1]),
    syntheticRun("base", 3, [0.2], { state: "unfinished" }),
  ]
  const { arms, differences, measure } = analyse(["base", "other"], runs, options)
  expect(measure).toBe("expected")
  const [base, other] = arms
  expect([base!.n, base!.open, other!.n]).toEqual([2, 1, 3])
  expect(base!.main!.final).toEqual({ n: 2, mean: expect.closeTo(0.5, 12), standardError: expect.closeTo(0.1, 12) })
  expect(other!.main!.final.mean).toBeCloseTo(0.5, 12)
  expect(other!.collapsed).toBe(1)
  expect(differences).toHaveLength(1)
  // Differences 0.1 and 0.3: mean 0.2, standard error 0.1, t(0.975, 1) = 12.7062.
  expect(differences[0]!.final).toEqual({ n: 2, mean: expect.closeTo(0.2, 12), standardError: expect.closeTo(0.1, 12), low: expect.closeTo(0.2 - 1.270620474, 7), high: expect.closeTo(0.2 + 1.270620474, 7) })
})

test("the greedy accuracy, the headline of every run, is the measure where both were measured", () => {
  const runs = ["base", "other"].map((arm) => syntheticRun(arm, 1, [0.2, 0.4], { greedy: [0.3, 0.6] }))
  const { measure, arms } = analyse(["base", "other"], runs, options)
  expect([measure, arms[0]!.main!.final.mean, arms[0]!.otherFinal!.mean]).toEqual(["greedy", 0.6, 0.4])
  expect(analyse(["base", "other"], runs, { ...options, measure: "expected" }).arms[0]!.main!.final.mean).toBe(0.4)
})

test("the greedy accuracy is the measure as soon as one finished run lacks the expected one", () => {
  const runs = [syntheticRun("base", 1, [0.2, 0.4]), syntheticRun("other", 1, [null, null], { greedy: [0.1, 0.3] })]
  const { measure, arms } = analyse(["base", "other"], runs, options)
  expect(measure).toBe("greedy")
  expect(arms[1]!.main!.final.mean).toBe(0.3)
})

test("failed runs are counted and are in no mean", () => {
  const runs = [syntheticRun("base", 1, [0.2, 0.4]), syntheticRun("base", 2, [0.2, 0.0], { state: "failed" })]
  const [base] = analyse(["base"], runs, options).arms
  expect([base!.n, base!.failed, base!.main!.final.mean, base!.collapsed]).toEqual([1, 1, 0.4, 0])
})

test("at matched updates, a run with two updates a step is read half-way, and one with fewer sets the mark for its seed alone", () => {
  const once = syntheticRun("base", 1, [0, 0.1, 0.2, 0.3, 0.4])
  const twice = syntheticRun("two", 1, [0, 0.2, 0.4, 0.6, 0.8], { updatesPerStep: 2 })
  const alone = syntheticRun("two", 2, [0, 0.2, 0.4, 0.6, 0.8], { updatesPerStep: 2 })
  const { arms, differences, axis } = analyse(["base", "two"], [once, twice, alone], { ...options, match: "updates" })
  expect(axis).toBe("updates")
  // base ends after 4 updates with final (0.2 + 0.3 + 0.4) / 3; two is there after step 2, read at 4 and 2 updates.
  expect(differences[0]!.final!.mean).toBeCloseTo((0.4 + 0.2) / 2 - 0.3, 12)
  expect(arms[1]!.finals[1]).toEqual({ seed: 2, final: expect.closeTo(0.6, 12) })
})

test("at matched seconds, runs are read when the fastest ended", () => {
  const fast = syntheticRun("base", 1, [0, 0.1, 0.2], { secondsPerStep: 1 })
  const slow = syntheticRun("slow", 1, [0, 0.4, 0.8], { secondsPerStep: 4 })
  const { arms } = analyse(["base", "slow"], [fast, slow], { ...options, match: "seconds" })
  expect(arms[1]!.main!.final.mean).toBeCloseTo(0.2, 12)
  expect(arms[1]!.readAt!.mean).toBe(2)
})

test("matched rollouts are the last step, unless an arm samples more of them", () => {
  const base = syntheticRun("base", 1, [0, 0.2, 0.4])
  expect(analyse(["base"], [base], options).axis).toBe("steps")
  const greedyForData = syntheticRun("more", 1, [0, 0.4, 0.8], { rolloutsPerStep: 32 })
  const { axis, arms } = analyse(["base", "more"], [base, greedyForData], options)
  expect(axis).toBe("rollouts")
  // 2 steps of 16 rollouts are 1 step of 32.
  expect(arms[1]!.main!.final.mean).toBeCloseTo(0.4, 12)
})

test("the signal's verdicts are pooled over seeds", () => {
  const signal = { againstPrevious: { improvedHelped: 3, improvedHurt: 1, regressedHelped: 2, regressedHurt: 4 }, againstWindow: null }
  const runs = [syntheticRun("base", 1, [0.2, 0.4], { signal }), syntheticRun("base", 2, [0.2, 0.4], { signal })]
  expect(analyse(["base"], runs, options).arms[0]!.signalAgreement).toEqual({ agreed: 14, judged: 20 })
})

test("curves are means over the finished runs at their evaluations, or up to the end of the shortest", () => {
  const runs = [syntheticRun("base", 1, [0, 0.2]), syntheticRun("base", 2, [0, 0.4]), syntheticRun("base", 3, [0, 1], { state: "failed" })]
  expect(armCurves(["none", "base"], runs, "expected", "steps")).toEqual([
    { arm: "base", points: [{ x: 0, mean: 0, error: 0 }, { x: 1, mean: expect.closeTo(0.3, 12), error: expect.closeTo(0.1, 12) }] },
  ])
  const uneven = [syntheticRun("base", 1, [0, 0.2]), syntheticRun("base", 2, [0, 0.4], { updatesPerStep: 4 })]
  const { points } = armCurves(["base"], uneven, "expected", "updates")[0]!
  expect(points.at(-1)).toEqual({ x: 1, mean: expect.closeTo(0.15, 12), error: expect.closeTo(0.05, 12) })
})

test("arms over one objective share a panel, those without a prefix have their own", () => {
  expect(armGroups(["base", "dapo", "grpo+pipo", "pipo", "dapo+pipo"])).toEqual([["base", "pipo"], ["dapo", "dapo+pipo"], ["grpo+pipo"]])
})

test("the range of a plot holds its values on round numbers", () => {
  expect(accuracyRange([0.31, 0.68])).toEqual({ low: expect.closeTo(0.3, 12), high: expect.closeTo(0.7, 12), step: 0.1 })
  expect(ticksOf(accuracyRange([0.31, 0.68])).map((tick) => tick.toFixed(1))).toEqual(["0.3", "0.4", "0.5", "0.6", "0.7"])
  expect(accuracyRange([-0.2, 1.3])).toEqual({ low: 0, high: 1, step: 0.25 })
  for (const only of [0, 0.5, 1]) {
    const { low, high } = accuracyRange([only])
    expect(low <= only && only <= high && low < high).toBe(true)
  }
})

import { array, assert, boolean, constantFrom, double, integer, option, property, record } from "fast-check"
import { describe, expect, test } from "vitest"
import { improvementSignal } from "../pipo/signal.ts"
import { judgingWindow, pushMean } from "../pipo/window.ts"
import { randomStream } from "../random.ts"
import { runSignal, startAccuracyOf } from "./run-signal.ts"
import { signalAgreement, traceAgreement, type SignalPoint } from "./signal-agreement.ts"
import { progressErrors, traceSignal } from "./signal-trace.ts"

function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

const none = (n: number): number[] => Array.from({ length: n }, () => Number.NaN)

describe("the signal of a log", () => {
  test("is judged against the K means before, once there are min(minSteps, K)", () => {
    const { xi, muHis, progress, verdict } = traceSignal([1, 3, 5, 2], none(4), none(4), { window: 2 })
    expect([...muHis]).toEqual([Number.NaN, 1, 2, 4])
    expect([...progress]).toEqual([Number.NaN, 2, 3, -2])
    // One mean has no deviation, which counts as 1; (1, 3) and (3, 5) have sqrt(2).
    expect(xi[1]).toBe(2)
    expect(xi[2]).toBeCloseTo(3 / Math.SQRT2, 12)
    expect(xi[3]).toBeCloseTo(-2 / Math.SQRT2, 12)
    expect([...verdict]).toEqual([Number.NaN, Number.NaN, 1, -1])
  })

  test("has the sampling error of a mean and a window's mean", () => {
    const { standardError } = traceSignal([1, 3, 5], [0.1, 0.2, 0.3], none(3), { window: 2 })
    expect(standardError[1]).toBeCloseTo(Math.hypot(0.2, 0.1), 12)
    expect(standardError[2]).toBeCloseTo(Math.hypot(0.3, 0.2 / 2, 0.1 / 2), 12)
  })

  test("counts a mean several times in its error where the window does", () => {
    // Window of the published code for row 1, K = 4: row 0 twice and row 1 once; mu_1 - (2 mu_0 + mu_1)/3.
    const errors = progressErrors([1, 3], [0.3, 0.3], { window: 4, windowConvention: "reference-code" })
    expect(errors[1]).toBeCloseTo(0.3 * Math.hypot(2 / 3, 2 / 3), 12)
  })

  test.each(["paper", "reference-code"] as const)("is the one the update rule computes, under the window of %s", (windowConvention) => {
    const random = randomStream(3, 0)
    const mus = Array.from({ length: 50 }, () => random.uniform())
    const { xi, standardError } = traceSignal(mus, mus.map(() => 0.1), none(50), { window: 6, windowConvention, sigma: "population" })
    let stored: number[] = []
    mus.forEach((mu, i) => {
      const signal = improvementSignal(mu, judgingWindow(stored, mu, 6, windowConvention), { windowSize: 6, sigma: "population" })
      if (i > 0) expect(xi[i]).toBeCloseTo(signal.xi, 9)
      stored = pushMean(stored, mu, 6, windowConvention)
    })
    expect([...progressErrors(mus, mus.map(() => 0.1), { window: 6, windowConvention })]).toEqual([...standardError])
  })

  test("passes over a step without a reward: it is not judged and no window holds it", () => {
    const whole = traceSignal([1, 3, 2], none(3), none(3), { window: 2 })
    const gapped = traceSignal([1, 3, Number.NaN, 2], none(4), none(4), { window: 2 })
    expect(gapped.xi[3]).toBe(whole.xi[2])
    expect(gapped.xi[2]).toBeNaN()
  })

  test("gives the same verdicts for rewards in other units", () => {
    const rewards = array(integer({ min: 0, max: 64 }), { minLength: 12, maxLength: 40 })
    assert(
      property(rewards, constantFrom(0.125, 4, 1024), integer({ min: -100, max: 100 }), (counts, scale, shift) => {
        const judge = (mus: number[]): number[] => [...traceSignal(mus, none(mus.length), none(mus.length)).verdict]
        expect(judge(counts.map((x) => x * scale + shift))).toEqual(judge(counts))
      }),
    )
  })
})

/** Lines whose accuracies are known after every step. */
function points(accuracies: readonly number[], verdicts: readonly (SignalPoint["verdict"] | undefined)[]): SignalPoint[] {
  return accuracies.map((accuracyAfter, i) => ({ step: i + 1, mu: 0.5, xi: 0, verdict: verdicts[i] ?? null, accuracyAfter }))
}

describe("agreement of a run's signal", () => {
  // J(theta_1) to J(theta_6) = 0.1, 0.2, 0.15, 0.4, 0.3, 0.35: the start, and what the lines 1 to 5 say.
  const after = [0.2, 0.15, 0.4, 0.3, 0.35]

  test("holds the verdict of step t against J(theta_t) - J(theta_{t-1}), told by the lines before", () => {
    // theta_2 - theta_1 = +, theta_3 - theta_2 = -, theta_4 - theta_3 = +, theta_5 - theta_4 = -.
    const right = points(after, [null, "improved", "regressed", "improved", "regressed"])
    const { againstPrevious } = signalAgreement(right, { startAccuracy: 0.1 })
    expect(againstPrevious).toMatchObject({ judged: 4, agreement: { value: 1 } })
    // The same verdicts a step late are wrong every time.
    const late = points(after, [null, null, "improved", "regressed", "improved"])
    expect(signalAgreement(late, { startAccuracy: 0.1 }).againstPrevious).toMatchObject({ judged: 3, undecided: 1, agreement: { value: 0 } })
  })

  test("leaves out step 2 when the accuracy of the start is not known", () => {
    const verdicts = [null, "improved", "regressed", "improved", "regressed"] as const
    expect(signalAgreement(points(after, verdicts)).againstPrevious!.judged).toBe(3)
  })

  test("holds it also against the mean of J over the policies of the window", () => {
    // Window of 2 at step 4: theta_2, theta_3 with 0.2 and 0.15; J(theta_4) = 0.4 is above. At step 5: 0.3 against (0.15 + 0.4)/2 = 0.275, above,
    // though the last update hurt.
    const lines = points(after, [null, null, null, "improved", "improved"])
    const { againstWindow, againstPrevious } = signalAgreement(lines, { startAccuracy: 0.1, window: 2 })
    expect(againstWindow!.counts).toMatchObject({ improvedHelped: 2, improvedHurt: 0 })
    expect(againstPrevious!.counts).toMatchObject({ improvedHelped: 1, improvedHurt: 1 })
  })

  test("does not bridge a missing line", () => {
    const lines = points(after, ["improved", "improved", "improved", "improved", "improved"]).filter(({ step }) => step !== 3)
    // J(theta_4) stood in line 3: steps 4 and 5 have no change of one update.
    expect(signalAgreement(lines).againstPrevious).toBeNull()
    expect(signalAgreement(lines, { startAccuracy: 0.1 }).againstPrevious!.judged).toBe(1)
  })

  test("is 1 when mu is J itself, and near chance when mu is noise", () => {
    const random = randomStream(5, 0)
    let accuracy = 0.5
    const walk = Array.from({ length: 400 }, (_, i) => {
      const before = accuracy
      accuracy += 0.02 * (random.uniform() - 0.5)
      return { step: i + 1, mu: before, noise: random.uniform(), accuracyAfter: accuracy }
    })
    expect(signalAgreement(walk, { startAccuracy: 0.5 }).againstWindow!.agreement!.value).toBe(1)
    const noise = signalAgreement(walk.map((line) => ({ ...line, mu: line.noise })), { startAccuracy: 0.5 }).againstPrevious!
    expect(noise.agreement!.low).toBeLessThan(noise.byChance!)
    expect(noise.agreement!.high).toBeGreaterThan(noise.byChance!)
  })

  test("computes the signal of a run that logged none, and takes the logged one where it is", () => {
    const plain = Array.from({ length: 12 }, (_, i) => ({ step: i + 1, mu: i }))
    expect(signalAgreement(plain)).toMatchObject({ source: "computed", verdicts: { improved: 4, regressed: 0, undecided: 0, unjudged: 8 } })
    const logged = plain.map((line) => ({ ...line, xi: -1, verdict: "regressed" as const }))
    expect(signalAgreement(logged)).toMatchObject({ source: "logged", verdicts: { improved: 0, regressed: 12 } })
  })

  test("measures the signal against its error: pure noise exceeds one error in a third of the steps", () => {
    const random = randomStream(6, 0)
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
    const noise = Array.from({ length: 4000 }, (_, i) => ({ step: i + 1, mu: 0.5 + 0.05 * normal(), muStandardError: 0.05 }))
    const { size } = signalAgreement(noise)
    expect(size!.above1).toBeGreaterThan(0.29)
    expect(size!.above1).toBeLessThan(0.345)
    expect(size!.above2).toBeGreaterThan(0.035)
    expect(size!.above2).toBeLessThan(0.057)
    expect(size!.medianError).toBeCloseTo(0.05 * Math.sqrt(1 + 1 / 8), 6)
  })

  test("is never NaN: constant rewards, one line, no line, errors of 0, nulls", () => {
    const line = record({
      mu: option(constantFrom(0, 0.5, 1)),
      xi: option(double({ noDefaultInfinity: true, noNaN: true })),
      verdict: option(constantFrom("improved" as const, "regressed" as const, "undecided" as const)),
      muStandardError: option(constantFrom(0, 0.1)),
      accuracyAfter: option(constantFrom(0, 0.5)),
    })
    assert(
      property(array(line, { maxLength: 30 }), boolean(), (lines, start) => {
        const run = lines.map((fields, i) => ({ step: i + 1, ...fields }))
        expect(numbersIn(signalAgreement(run, start ? { startAccuracy: 0.5 } : {})).every((x) => Number.isFinite(x))).toBe(true)
      }),
    )
    const constant = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, mu: 1, muStandardError: 0 }))
    expect(signalAgreement(constant)).toMatchObject({ verdicts: { improved: 0, regressed: 0, undecided: 12, unjudged: 8 }, size: null })
  })

  test("refuses a window of no size", () => {
    expect(() => traceAgreement([], { window: 0 })).toThrow(/expected a window/)
  })
})

describe("a run of ours", () => {
  const at = "2026-01-01T00:00:00.000Z"
  const metrics = [0.2, 0.3, 0.25].map((expectedAccuracy, i) => ({ step: i + 1, mu: 0.2, expectedAccuracy, time: { at } }))

  test("starts at the evaluation of step 0 only if steps and evaluations measure the same problems", () => {
    const evaluation = (step: number, expectedAccuracy: number): { step: number; expectedAccuracy: number } => ({ step, expectedAccuracy })
    expect(startAccuracyOf(metrics, [evaluation(0, 0.1), evaluation(3, 0.25)])).toBe(0.1)
    expect(startAccuracyOf(metrics, [evaluation(0, 0.1), evaluation(3, 0.2501)])).toBeUndefined()
    expect(startAccuracyOf(metrics, [evaluation(0, 0.1)])).toBeUndefined()
  })

  test("without accuracies of its steps is judged between its evaluations", () => {
    const lines = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, mu: i / 20 }))
    const evaluations = [0, 10, 20].map((step) => ({ step, size: 400, greedyAccuracy: 0.2 + step / 40 }))
    const { againstPrevious, betweenEvaluations } = runSignal(lines, evaluations)
    expect(againstPrevious).toBeNull()
    expect(betweenEvaluations).toMatchObject({ judged: 2, undecidable: 0, counts: { improvedHelped: 2 } })
  })
})

describe("batches of the policy before the last update", () => {
  /** J after each of six steps; row i is of the policy that the step before the last made. */
  const after = [0.5, 0.4, 0.6, 0.55, 0.7, 0.8]
  const start = 0.45
  const sampledBy = [start, start, ...after]
  const pointsOf = (lagged: boolean): SignalPoint[] =>
    after.map((accuracyAfter, i): SignalPoint => {
      const [now, before] = lagged ? [sampledBy[i]!, sampledBy[i - 1]] : [i === 0 ? start : after[i - 1]!, i < 2 ? start : after[i - 2]!]
      const verdict = before === undefined || now === before ? "undecided" : now > before ? "improved" : "regressed"
      return { step: i + 1, mu: now, xi: 1, verdict, accuracyAfter, ...(lagged ? { offPolicySteps: i === 0 ? 0 : 1 } : {}) }
    })

  test("are held against the change that their own policy's update made", () => {
    const lagged = signalAgreement(pointsOf(true), { startAccuracy: start, window: 2 })
    expect(lagged.againstPrevious!.counts).toEqual({ improvedHelped: 2, improvedHurt: 0, regressedHelped: 0, regressedHurt: 2 })
    // The same verdicts, read as if nothing lagged, are about other updates.
    const blind = signalAgreement(pointsOf(true).map(({ offPolicySteps: _offPolicySteps, ...point }) => point), { startAccuracy: start, window: 2 })
    expect(blind.againstPrevious!.counts.improvedHurt).toBeGreaterThan(0)
  })

  test("judge between evaluations one step later than batches of the newest policy", () => {
    const evaluations = [{ step: 0, expectedAccuracy: start }, { step: 3, expectedAccuracy: 0.6 }, { step: 4, expectedAccuracy: 0.55 }]
    const { agreement, trace } = traceAgreement(pointsOf(true), { startAccuracy: start, window: 2, evaluations })
    const meanOver = (from: number, to: number): number => trace.progress.slice(from - 1, to).reduce((sum, x) => sum + x, 0) / (to - from + 1)
    // The updates 1 to 3 by the rows of steps 3 to 5, update 4 by that of step 6.
    const found = agreement.betweenEvaluations!.intervals.map(({ rows, meanProgress }) => [rows, meanProgress])
    expect(found).toEqual([
      [3, expect.closeTo(meanOver(3, 5), 12)],
      [1, expect.closeTo(meanOver(6, 6), 12)],
    ])
  })

  test("have no accuracy where the row that would tell it is missing", () => {
    const points = pointsOf(true).filter(({ step }) => step !== 3)
    const { trace } = traceAgreement(points, { startAccuracy: start, window: 2 })
    expect(Number.isNaN(trace.otherHis[4]!)).toBe(true)
  })
})

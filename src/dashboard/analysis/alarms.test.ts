import { describe, expect, test } from "vitest"
import type { Alarm, RunEventInfo, RunInfo } from "../api.ts"
import { MOST_LOGPROB_MISMATCH } from "../../runs/index.ts"
import { alarmLimits, findAlarms } from "./alarms.ts"
import { tableOf } from "./table.test-helper.ts"

type Values = Readonly<Record<string, number | string | null>>

interface Case {
  readonly metrics?: readonly Values[]
  readonly evaluations?: readonly Values[]
  readonly events?: readonly Partial<RunEventInfo>[]
  readonly state?: RunInfo["state"]
  readonly holder?: string
  readonly now?: number
}

function alarmsOf({ metrics = [], evaluations = [], events = [], state = "stopped", holder, now = 0 }: Case): Alarm[] {
  const event = { kind: "alarm", step: null, message: "", at: null, alarm: null }
  return findAlarms({ metrics: tableOf(metrics), evaluations: tableOf(evaluations), events: events.map((one) => ({ ...event, ...one })), state, holder, now })
}

function idsOf(input: Case): string[] {
  return alarmsOf(input).map(({ id }) => id)
}

/** Steps 1 to `count`. */
function steps(count: number, valuesAt: (step: number) => Values): Values[] {
  return Array.from({ length: count }, (_, i) => ({ step: i + 1, ...valuesAt(i + 1) }))
}

const { window } = alarmLimits

describe("alarms", () => {
  test("are none for a run that does well, and for one that has not begun", () => {
    const well = { mu: 0.5, entropy: 1, truncationRate: 0, zeroVarianceShare: 0.3, verifierFailures: 0, sampledResponses: 64, logprobMismatch: 1e-6, behaviourKl: 0.01, refusedUpdates: 0 }
    expect(alarmsOf({ metrics: steps(3 * window, () => well), evaluations: [{ step: 0, size: 100, greedyAccuracy: 0.5 }] })).toEqual([])
    expect(alarmsOf({ state: "running" })).toEqual([])
  })

  test("name the last step and the reason of a run that failed", () => {
    const [failed] = alarmsOf({ state: "failed", metrics: steps(3, () => ({})), events: [{ kind: "failure", message: "no space left" }] })
    expect(failed).toMatchObject({ id: "failed", step: 3, message: "The run failed after step 3: no space left" })
    expect(alarmsOf({ state: "crashed" })[0]).toMatchObject({ id: "crashed", step: null })
  })

  test("tell of a run that a silent machine holds, and what to do about it", () => {
    const [silent, ...others] = alarmsOf({ state: "silent", holder: "process 7 on node-3, last sign of life 3 h ago", metrics: steps(3, () => ({ "time.at": 0 })), now: 1e9 })
    expect(silent).toMatchObject({ id: "silent", step: 3, message: "The run is held by process 7 on node-3, last sign of life 3 h ago.", advice: expect.stringContaining("remove lock.json") as string })
    expect(others).toEqual([])
  })

  test("count the updates that were refused, name the last, and hold since the first", () => {
    const [refused] = alarmsOf({ metrics: steps(5, (step) => ({ refusedUpdates: step === 2 || step === 4 ? 1 : 0 })) })
    expect(refused).toMatchObject({
      id: "nan",
      step: 2,
      message: expect.stringMatching(/^2 updates were not applied.* the last at step 4/) as string,
    })
    expect(idsOf({ events: [{ alarm: "not-finite", step: 1 }] })).toEqual(["nan"])
  })

  test("see the mean reward fall below half of its best window, and since when", () => {
    const fall = (low: number): Values[] => steps(4 * window, (step) => ({ mu: step <= 2 * window ? 0.8 : low }))
    expect(alarmsOf({ metrics: fall(0.39) })).toMatchObject([
      // The window holds .8 and .39 by turns of one: below .4 only once all of it is from after the fall.
      { id: "reward-fall", step: 3 * window, message: expect.stringContaining(`around step ${window},`) as string },
    ])
    expect(idsOf({ metrics: fall(0.41) })).toEqual([])
  })

  test("see held-out accuracy fall by more than a tenth and three standard errors of the difference", () => {
    // n = 100: three errors of .5 against .5 are 3 sqrt(2 x .25 / 104) = .208; n = 1000: .067, below the tenth.
    const fall = (to: number, size: number): string[] => idsOf({ evaluations: [{ step: 0, size, greedyAccuracy: 0.5 }, { step: 10, size, greedyAccuracy: to }] })
    expect([fall(0.28, 100), fall(0.3, 100)]).toEqual([["held-out-fall"], []])
    expect([fall(0.39, 1000), fall(0.41, 1000)]).toEqual([["held-out-fall"], []])
    const accuracies = [0.5, 0.2, 0.5, 0.3, 0.2]
    const evaluations = accuracies.map((greedyAccuracy, i) => ({ step: 10 * i, size: 1000, greedyAccuracy }))
    expect(alarmsOf({ evaluations })).toMatchObject([
      // The first fall was made good; the one that holds now is seen at step 30.
      { step: 30, message: "Held-out accuracy (greedy) fell from 50.0 % at step 0 to 20.0 %." },
    ])
  })

  test("see held-out accuracy fall while the training reward rises, and nothing where either does not", () => {
    // Seen in a run on a data set of one's own: reward .40 to .48, held-out .34 to .22 of 100.
    const held = (...values: number[]): Values[] =>
      values.map((greedyAccuracy, i) => ({ step: 10 * i, size: 100, greedyAccuracy }))
    const reward = (from: number, to: number): Values[] =>
      steps(40, (step) => ({ mu: from + ((to - from) * step) / 40 + (step % 2) / 100 }))
    const message: unknown = expect.stringContaining("the training reward rose")
    const falling = held(0.34, 0.33, 0.28, 0.24, 0.22)
    expect(alarmsOf({ metrics: reward(0.4, 0.48), evaluations: falling })).toMatchObject([
      { id: "held-out-gap", severity: "serious", step: 10, message },
    ])
    expect(idsOf({ metrics: reward(0.48, 0.4), evaluations: falling })).toEqual([])
    expect(idsOf({ metrics: reward(0.4, 0.48), evaluations: held(0.34, 0.33, 0.31, 0.35, 0.3) })).toEqual([])
  })

  test("name the first step at which sampler and trainer differ", () => {
    expect(alarmsOf({ metrics: steps(9, (step) => ({ logprobMismatch: (step >= 4 ? 1.01 : 1) * MOST_LOGPROB_MISMATCH })) })).toMatchObject([{ id: "drift", severity: "warning", step: 4 }])
  })

  test("see entropy near zero only when it was higher once", () => {
    const from = (start: number): string[] => idsOf({ metrics: steps(2 * window, (step) => ({ entropy: step <= window ? start : 0.01 })) })
    expect([from(1), from(0.01)]).toEqual([["entropy"], []])
  })

  test("tell the KL to the reference from that to the sampler", () => {
    expect(alarmsOf({ metrics: steps(3, () => ({ kl: 0.6, behaviourKl: 0.1 })) })[0]!.message).toContain("the reference policy")
    expect(alarmsOf({ metrics: steps(3, () => ({ kl: 0.1, behaviourKl: 0.6 })) })[0]!.message).toContain("the policy that sampled")
  })

  test("look at the last window alone, and name the step since which it is so", () => {
    const risen = alarmsOf({ metrics: steps(3 * window, (step) => ({ truncationRate: step > window ? 0.4 : 0 })) })
    // Ten of the twenty steps of a window at .4 are its limit, .2: the eleventh is beyond.
    expect(risen).toMatchObject([{ id: "truncation", step: window + window / 2 + 1 }])
    const cut = (last: number): Values[] => steps(3 * window, (step) => ({ truncationRate: step > 2 * window ? last : 1 }))
    expect([idsOf({ metrics: cut(0.21) }), idsOf({ metrics: cut(0.19) })]).toEqual([["truncation"], []])
  })

  test("count verdicts that were not reached among the responses, greedy baselines left out", () => {
    // 2 of 100 responses; with the greedy response of every prompt the tokens are those of 200.
    const counts = { verifierFailures: 2, sampledResponses: 100, sampledTokens: 2000, responseLength: 10 }
    expect(alarmsOf({ metrics: steps(3, () => counts) })).toMatchObject([{ id: "verifier", message: expect.stringContaining("2.0 %") as string }])
  })

  test("say what groups of one reward mean: solved, or hopeless", () => {
    const flat = (mu: number): string => alarmsOf({ metrics: steps(5, () => ({ zeroVarianceShare: 1, mu })) })[0]!.advice
    expect([flat(1), flat(0)]).toEqual([expect.stringContaining("solved"), expect.stringContaining("Nothing is ever right")])
    expect(idsOf({ metrics: steps(4, () => ({ zeroVarianceShare: 1, mu: 0 })) })).toEqual([])
  })

  test("see a run stand still after ten usual steps, at the least two minutes", () => {
    const silent = (seconds: number, usual: number | null): Alarm[] => alarmsOf({ state: "running", now: (1000 + seconds) * 1000, metrics: steps(3, () => ({ "time.at": 1000, "time.seconds": usual })) })
    expect([silent(119, 1), silent(299, 30)]).toEqual([[], []])
    expect(silent(121, 1)).toMatchObject([{ id: "stalled", message: "No step for 121 s; one usually takes 1.0 s." }])
    expect(silent(301, 30)).toMatchObject([{ id: "stalled" }])
    expect(silent(121, null)).toMatchObject([{ message: "No step for 121 s." }])
  })

  test("come with the serious ones first", () => {
    expect(idsOf({ state: "crashed", metrics: steps(3, () => ({ truncationRate: 1, refusedUpdates: 1 })) })).toEqual(["crashed", "nan", "truncation"])
    expect(idsOf({ metrics: steps(3, () => ({ logprobMismatch: 1, "time.at": 0 })), state: "running", now: 1e6 })).toEqual(["stalled", "drift"])
  })
})

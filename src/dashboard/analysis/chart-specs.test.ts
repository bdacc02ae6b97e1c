import { describe, expect, test } from "vitest"
import { queryTable } from "./buckets.ts"
import { chartSpecs, otherSpecs, placed } from "./chart-specs.ts"
import type { Line } from "./chart-specs.ts"
import { columnsOf } from "./run-columns.ts"
import type { RunColumns } from "./run-columns.ts"
import { tableOf } from "./table.test-helper.ts"

type Records = Parameters<typeof tableOf>[0]

/** As the server answers. */
function answer(records: Records): Parameters<typeof columnsOf>[0] {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  return queryTable(tableOf(records), names, { log: "metrics", points: 1500 }, 1)
}

function seriesOf(metrics: Records, evaluations: Records = []): RunColumns {
  return columnsOf(answer(metrics), answer(evaluations))
}

function linesOf(id: string, run: RunColumns): Line[] {
  return chartSpecs.find((spec) => spec.id === id)!.lines(run, true)
}

function judged(steps: number): Records {
  return Array.from({ length: steps }, (_, i) => ({ step: i + 1, xi: i % 2 === 0 ? 2 : -2, gate: i % 2 === 0 ? "reinforce" : "suppress" }))
}

describe("the charts", () => {
  test("colour a signal by the gate of its own step", () => {
    const lines = linesOf("xi", seriesOf(judged(4)))
    expect(lines.map(({ label, y }) => [label, y])).toEqual([
      ["reinforced", [2, null, 2, null]],
      ["suppressed", [null, -2, null, -2]],
    ])
  })

  test("begin the accuracy of every step at J(0)", () => {
    const metrics = [{ step: 1, expectedAccuracy: 0.3 }, { step: 2, expectedAccuracy: 0.4 }]
    const everyStep = (evaluations: Records, from: number = 0): readonly unknown[] => {
      const run = seriesOf(metrics.map((line) => ({ ...line, step: line.step + from })), evaluations)
      const found = linesOf("held-out", run).find(({ label }) => label === "expected, every step")!
      const { line, x } = placed(found, run.steps(found.log), 0)
      return [x, line.y]
    }
    const first = { step: 0, size: 8, expectedAccuracy: 0.5, stepExpectedAccuracy: 0.45 }
    expect(everyStep([first])).toEqual([[0, 1, 2], [0.45, 0.3, 0.4]])
    // An older log does not tell it, and steps that are looked at closely begin later.
    expect(everyStep([{ step: 0, size: 8, expectedAccuracy: 0.5 }])).toEqual([[1, 2], [0.3, 0.4]])
    expect(everyStep([first], 10)).toEqual([[11, 12], [0.3, 0.4]])
  })

  test("leave a signal without colours where steps share a bucket", () => {
    expect(linesOf("xi", seriesOf(judged(2000))).map(({ label }) => label)).toEqual(["xi"])
  })

  test("give greedy accuracy Wilson's interval over the problems that were judged", () => {
    const [greedy] = linesOf("held-out", seriesOf([], [{ step: 0, size: 110, verifierFailures: 10, greedyAccuracy: 0.5, greedyStandardError: 0.05 }]))
    expect(greedy!.low![0]).toBeCloseTo(0.40383, 5)
    expect(greedy!.high![0]).toBeCloseTo(0.59617, 5)
  })

  test("keep the interval of expected accuracy among shares", () => {
    const [expected] = linesOf("held-out", seriesOf([], [{ step: 0, size: 10, expectedAccuracy: 0.95, expectedStandardError: 0.1 }]))
    expect(expected!.low![0]).toBeCloseTo(0.754, 3)
    expect(expected!.high![0]).toBe(1)
  })

  test("give the mean reward the interval of its error over prompts, where that is logged", () => {
    const [reward] = linesOf("reward", seriesOf([{ step: 1, mu: 0.5, muStandardError: 0.05 }, { step: 2, mu: 0.6 }]))
    expect([reward!.low, reward!.high]).toEqual([[expect.closeTo(0.402, 3), null], [expect.closeTo(0.598, 3), null]])
  })

  test("show what steering does: improvement with its error, and the updates that it left out", () => {
    const run = seriesOf([
      { step: 1, stepFactor: 1, stepCut: 0 },
      { step: 2, stepFactor: 0.5, stepCut: 1, improvement: -0.02, improvementStandardError: 0.01, stepKl: 0.03, klTarget: 0.01 },
    ])
    const [improvement] = linesOf("improvement", run)
    expect([improvement!.low![0], improvement!.low![1]]).toEqual([null, expect.closeTo(-0.0396, 4)])
    expect(linesOf("steering", run).map(({ label, y }) => [label, y])).toEqual([
      ["factor", [1, 0.5]],
      ["left out", [null, 0.5]],
    ])
    expect(linesOf("step-kl", run).map(({ y }) => y[1])).toEqual([0.03, 0.01])
  })

  test("of other metrics are one for each that no chart takes", () => {
    const run = seriesOf([{ step: 1, mu: 0.5, gate: "skipped", level: 0.4, observedXi: 1 }])
    expect(otherSpecs([run]).map(({ title }) => title)).toEqual(["level", "observedXi"])
  })
})

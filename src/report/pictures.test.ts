import { array, assert, boolean, constant, double, oneof, property } from "fast-check"
import { describe, expect, test } from "vitest"
import { tableOf } from "../dashboard/analysis/table.test-helper.ts"
import { improvementTimeline } from "../dashboard/analysis/timeline.ts"
import { chartSvg } from "./chart-svg.ts"
import { unbalanced } from "./report.test-helper.ts"
import { ticksBetween } from "../drawing.ts"
import { stretches } from "./svg.ts"
import { timelineSvg } from "./timeline-svg.ts"

const wild = oneof(constant(null), double({ min: -1e200, max: 1e200, noNaN: true }), double({ min: -1, max: 1, noNaN: true }))

function countIn(svg: string, kind: string): number {
  const path = new RegExp(`class="${kind} fill" d="([^"]*)"`).exec(svg)?.[1] ?? ""
  return path.split("M").length - 1
}

describe("charts", () => {
  test("are well-formed pictures without NaN for any values", () => {
    assert(
      property(array(wild, { maxLength: 12 }), boolean(), (y, isShare) => {
        const x = y.map((_, i) => i)
        const svg = chartSvg("<any>", [{ label: "a", x, y, low: y, high: y }, { label: "b", x, y, points: "reinforced" }], isShare)
        expect(svg).not.toMatch(/NaN|Infinity|undefined|null/)
        expect(unbalanced(svg)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test("leave gaps where values are missing, and show a value between two gaps as a dot", () => {
    const svg = chartSvg("t", [{ label: "a", x: [0, 1, 2, 3, 4], y: [1, 2, null, 3, null] }], false)
    expect(/class="blue line" d="([^"]*)"/.exec(svg)![1]!.match(/M/g)).toHaveLength(1)
    expect(/class="blue dots" d="([^"]*)"/.exec(svg)![1]).toMatch(/^M[\d.]+ [\d.]+h0$/)
    expect(stretches([null, 1, 2, null, 3])).toEqual([{ from: 1, to: 3 }, { from: 4, to: 5 }])
  })

  test("have ticks on round numbers within their range", () => {
    expect(ticksBetween(0.013, 0.41, 4).values.map((value) => value.toFixed(1))).toEqual(["0.1", "0.2", "0.3", "0.4"])
    expect(ticksBetween(1, 200, 8, 1).values).toEqual([50, 100, 150, 200])
    expect(ticksBetween(1, 3, 8, 1).values).toEqual([1, 2, 3])
  })
})

describe("the picture of the timeline", () => {
  const metrics = tableOf([
    { step: 1, gate: "skipped", xi: 0, expectedAccuracy: 0.5 },
    { step: 2, gate: "reinforce", xi: 1, expectedAccuracy: 0.6 },
    { step: 3, gate: "suppress", xi: -9, expectedAccuracy: 0.55 },
    { step: 4, gate: "reinforce", xi: 3, expectedAccuracy: 0.65 },
  ])

  test("has a bar per judged update: reinforced ones above the line, suppressed ones below, by the size of xi", () => {
    const svg = timelineSvg(improvementTimeline(metrics, tableOf([]), 100), "T")
    expect([countIn(svg, "reinforced"), countIn(svg, "suppressed"), countIn(svg, "rose"), countIn(svg, "fell")]).toEqual([2, 1, 2, 1])
    const boxes = (kind: string): number[][] => [...new RegExp(`class="${kind} fill" d="([^"]*)"`).exec(svg)![1]!.matchAll(/M([\d.]+) ([\d.]+)h[\d.]+v([\d.]+)/g)].map((match) => match.slice(1).map(Number))
    const [first, second] = boxes("reinforced")
    const [below] = boxes("suppressed")
    expect(second![2]! / first![2]!).toBeCloseTo(3, 1)
    expect(first![1]! + first![2]!).toBeCloseTo(below![1]!, 0)
    // A signal of -9 is drawn as -4.
    expect(below![2]! / first![2]!).toBeCloseTo(4, 1)
    expect(svg).toContain("2 reinforced")
    expect(unbalanced(svg)).toEqual([])
  })

  test("begins at J(0), names the accuracy, and has round marks", () => {
    const evaluations = tableOf([{ step: 0, expectedAccuracy: 0.7, stepExpectedAccuracy: 0.713 }])
    const svg = timelineSvg(improvementTimeline(metrics, evaluations, 100), "T")
    expect(svg).toContain("Held-out accuracy J, expected, from J(0) = 71.3 % on")
    // The curve has J(0) at the left edge and a point per step; update 1 has a bar.
    const curve = /class="blue line" d="([^"]*)"/.exec(svg)![1]!
    expect(curve.startsWith("M58 ")).toBe(true)
    expect(curve.split("L")).toHaveLength(5)
    expect([countIn(svg, "rose"), countIn(svg, "fell")]).toEqual([2, 2])
    // Changes of -21.3, +10, -5 and +10 points.
    expect(svg).toMatch(/>\+20<.*>\u221220</s)
    expect(svg).toMatch(/>1<.*>2<.*>3<.*>4</s)
  })

  test("says what it cannot show: no gate, no held-out accuracy, no step", () => {
    const plain = timelineSvg(improvementTimeline(tableOf([{ step: 1, mu: 0 }]), tableOf([]), 100), "T")
    expect(plain).toContain("Nothing judged the updates")
    expect(plain).toContain("No held-out accuracy was measured")
    expect(timelineSvg(improvementTimeline(tableOf([]), tableOf([]), 100), "T")).toContain("No steps yet")
  })

  test("carries both schemes of colour and nothing from elsewhere, and escapes its title", () => {
    const svg = timelineSvg(improvementTimeline(metrics, tableOf([]), 2), "<i>&")
    expect(svg).toContain("prefers-color-scheme:dark")
    expect(svg).toContain("<title>&lt;i&gt;&amp;</title>")
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|url\(|@import|<script/)
  })
})

import { expect, test } from "vitest"
import { analyse } from "./analysis.ts"
import { armCurves } from "./curves.ts"
import { syntheticRun } from "./results.test-helper.ts"
import { comparisonSvg } from "./svg.ts"
import { armCells, differenceCells, markdown, notes } from "./table.ts"
import { placeLabels, terminalCurves, terminalFinals } from "./terminal-plot.ts"

const arms = ["grpo", "grpo+pipo", "dapo"]
const runs = arms.flatMap((arm, i) => [1, 2].map((seed) => syntheticRun(arm, seed, [0.2, 0.3 + 0.1 * i, 0.4 + 0.1 * i + 0.02 * seed], { updatesPerStep: i + 1 })))
const broken = syntheticRun("dapo", 3, [0.2], { state: "failed", error: "NaN" })
const analysis = analyse(arms, [...runs, broken, syntheticRun("grpo", 3, [0.2], { state: "waiting" })], { match: "rollouts", against: ["grpo"] })
const curves = armCurves(arms, runs, analysis.measure, analysis.axis)

test("the table has a row per arm, tells failed and open runs, and a row per pair", () => {
  const [head, ...rows] = armCells(analysis)
  expect(head!.slice(0, 5)).toEqual(["arm", "n", "start", "best", "final, expected"])
  // Finals of grpo: (0.3 + 0.42) / 2 and (0.3 + 0.44) / 2.
  expect(rows[0]!.slice(0, 5)).toEqual(["grpo", "2 (1 open)", "0.200", "0.430 ± 0.010", "0.365 ± 0.005"])
  expect(rows[2]!.slice(0, 2)).toEqual(["dapo", "2 (1 failed)"])
  expect(differenceCells(analysis).map(([name, n, final]) => [name, n, final])).toEqual([
    ["paired difference", "n", "final, expected"],
    ["grpo+pipo - grpo", "2", "+0.100 [+0.100, +0.100]"],
    ["dapo - grpo", "2", "+0.200 [+0.200, +0.200]"],
  ])
})

test("an arm without finished runs has a row of dashes", () => {
  const nothing = analyse(["base"], [syntheticRun("base", 1, [0.2], { state: "failed" })], { match: "rollouts", against: ["base"] })
  expect(armCells(nothing)[1]).toEqual(["base", "0 (1 failed)", ...Array.from({ length: 9 }, () => "-")])
  expect(terminalFinals(nothing, { width: 60, height: 10, color: false })).toBe("")
})

test("a table at matched updates says that schedules were cut", () => {
  const matched = analyse(arms, runs, { match: "updates", against: [] })
  expect(armCells(matched)[0]!.slice(-2)).toEqual(["rollouts", "read at updates"])
  expect(notes(matched).join(" ")).toContain("A schedule that depends on the run's length was cut")
  expect(notes(analysis).join(" ")).not.toContain("cut")
})

test("table.md holds the same cells", () => {
  const text = markdown("Title", analysis)
  expect(text).toContain("| grpo | 2 (1 open) | 0.200 | 0.430 ± 0.010 | 0.365 ± 0.005 |")
  expect(text).toContain("| dapo - grpo | 2 | +0.200 [+0.200, +0.200] |")
})

test("the SVG is well formed, has a curve and a band per arm, a panel per objective, and both schemes of colour", () => {
  const svg = comparisonSvg(analysis, curves)
  const open: string[] = []
  for (const [, closing, name, selfClosing] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[^>]*?)?(\/?)>/g)) {
    if (closing === "/") expect(open.pop()).toBe(name)
    else if (selfClosing === "") open.push(name!)
  }
  expect(open).toEqual([])
  expect(svg.match(/<polyline/g)).toHaveLength(3)
  expect(svg.match(/<polygon/g)).toHaveLength(3)
  expect(svg.match(/>step 0</g)).toHaveLength(2)
  // A dot per finished run, and one per mean.
  expect(svg.match(/<circle/g)).toHaveLength(9)
  expect(svg).toContain("prefers-color-scheme:dark")
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
})

test("on a terminal every curve ends at its name, and the higher curve stands above", () => {
  const lines = terminalCurves(curves, { width: 70, height: 10, color: false }).split("\n")
  const rowOf = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line))
  expect(rowOf(/ grpo\+pipo$/)).toBeGreaterThanOrEqual(0)
  expect(rowOf(/ grpo\+pipo$/)).toBeLessThan(rowOf(/ grpo$/))
  expect(lines.every((line) => line.length <= 70)).toBe(true)
  expect(lines.join("")).toMatch(/[\u2801-\u28FF]/)
  expect(terminalCurves(curves, { width: 70, height: 10, color: true })).toContain("\u001B[34mgrpo\u001B[0m")
})

test("final accuracies on a terminal stand in the order of their values", () => {
  const [grpo, pipo, dapo] = terminalFinals(analysis, { width: 70, height: 10, color: false }).split("\n")
  const positions = [grpo, pipo, dapo].map((line) => line!.indexOf("●"))
  expect(positions[0]).toBeLessThan(positions[1]!)
  expect(positions[1]).toBeLessThan(positions[2]!)
})

test("labels that want the same row stand one under the other, and those without room are left out", () => {
  expect(placeLabels([3, 3, 1], 8)).toEqual([3, 4, 1])
  expect(placeLabels([7, 7, 7], 8)).toEqual([5, 6, 7])
  expect(placeLabels([0, 0, 0], 2)).toEqual([-1, 0, 1])
})

import { describe, expect, test } from "vitest"
import type { RunInfo } from "../api.ts"
import { measuresOf, resultColumns, runLabel } from "./result-columns.ts"
import type { ResultRow } from "./result-columns.ts"
import { runNumbers } from "./run-numbers.ts"
import { tableOf } from "./table.test-helper.ts"

const info: RunInfo = {
  id: "0",
  name: "quickstart",
  state: "running",
  arm: null,
  comparison: null,
  step: 12,
  steps: 20,
  final: null,
  measure: null,
  updated: "",
  problems: [],
}
const metrics = Array.from({ length: 12 }, (_, i) => ({ step: i + 1, mu: 0.25, sampledTokens: 2000, "time.seconds": 30 }))
const evaluations = [
  { step: 0, size: 100, greedyAccuracy: 0.2 },
  { step: 6, size: 100, greedyAccuracy: 0.5 },
  { step: 12, size: 100, greedyAccuracy: 0.4 },
]
const greedy: ResultRow = { info, numbers: runNumbers(tableOf(metrics), tableOf(evaluations)) }
const young: ResultRow = { info: { ...info, step: null, steps: null }, numbers: undefined }

function cells(row: ResultRow, rows: readonly ResultRow[] = [row]): Record<string, readonly (string | undefined)[]> {
  return Object.fromEntries(resultColumns(rows, "greedy").map((column) => [column.head, Object.values(column.cell(row, "greedy"))]))
}

describe("the table of runs", () => {
  test("says accuracies with their intervals, and steps where they do not go without saying", () => {
    expect(cells(greedy)).toEqual({
      step: ["12", "of 20"],
      start: ["20.0 %", "[13.3, 28.9]"],
      best: ["50.0 %", "[40.4, 59.6] at step 6"],
      final: ["40.0 %", "[30.9, 49.8]"],
      improvement: ["+20.0"],
      reward: ["0.250"],
      tokens: ["24000"],
      time: ["6 min"],
      "tokens/s": ["66.67"],
    })
    const later: ResultRow = { ...greedy, info: { ...info, step: 15 } }
    expect(cells(later)["final"]).toEqual(["40.0 %", "[30.9, 49.8] at step 12"])
  })

  test("has a dash for what a run has not, and no column that no run fills beyond the first six", () => {
    expect(cells(young)).toEqual({ step: ["-"], start: ["-"], best: ["-"], final: ["-"], improvement: ["-"], reward: ["-"] })
    expect(cells(young, [young, greedy])).toMatchObject({ final: ["-"], time: ["-"] })
  })

  test("offers the measures that some run has", () => {
    const expected: ResultRow = { info, numbers: runNumbers(tableOf(metrics), tableOf([{ step: 0, size: 4, expectedAccuracy: 0.2 }])) }
    expect([measuresOf([young]), measuresOf([expected, young]), measuresOf([expected, greedy])]).toEqual([[], ["expected"], ["greedy", "expected"]])
  })

  test("calls a run of a comparison by arm and seed", () => {
    expect(runLabel({ ...info, name: "compare/tiny/runs/pipo/seed-2", arm: "pipo", comparison: "tiny" })).toEqual({ text: "pipo seed\u00a02", below: "tiny" })
    expect(runLabel(info)).toEqual({ text: "quickstart" })
  })
})

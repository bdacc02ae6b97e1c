import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { createRunFolder, readRun } from "../runs/index.ts"
import { warnOfGap } from "./gap-alarm.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-gap-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

test("a run says once, and writes down, that held-out accuracy falls while the training reward rises", () => {
  const folder = createRunFolder(join(temporary, "run"), { configYaml: "", keepCheckpoints: 1 })
  const notes: string[] = []
  const time = { at: "", seconds: 1 }
  folder.logEvaluation({ step: 0, size: 100, greedyAccuracy: 0.34, time })
  for (let step = 1; step <= 60; step++) folder.logMetrics({ step, mu: 0.4 + 0.0013 * step, time })
  folder.logEvaluation({ step: 30, size: 100, greedyAccuracy: 0.33, time })
  warnOfGap(folder, { onNote: (text) => notes.push(text) }, 30)
  expect(notes).toEqual([])
  folder.logEvaluation({ step: 60, size: 100, greedyAccuracy: 0.2, time })
  for (const step of [60, 61]) warnOfGap(folder, { onNote: (text) => notes.push(text) }, step)
  expect(notes).toHaveLength(1)
  expect(notes[0]).toContain("Held-out accuracy fell from 0.340 around step 0 to 0.200")
  folder.close()
  const alarms = readRun(join(temporary, "run")).events.filter(({ kind }) => kind === "alarm")
  expect(alarms).toMatchObject([{ alarm: "held-out-gap", step: 60 }])
})

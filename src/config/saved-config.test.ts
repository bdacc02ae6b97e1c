import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { configToYaml, resolveSavedConfig } from "./load.ts"
import { parseConfig } from "./parse.ts"
import { withFormerSettings, withSettingsOf } from "./saved-config.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-saved-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [old, recent] = [join(folder, "old.yaml"), join(folder, "recent.yaml")]
const raw = { model: { path: "m" }, task: { name: "add2" } }
writeFileSync(old, "model: {path: m}\ntask: {name: add2}\nrollout: {groupSize: 4}\n")
writeFileSync(recent, configToYaml(parseConfig(raw)))

test("a run saved without a later setting has what it did; one saved with it has what is written", () => {
  const { rollout, train, optimizer } = resolveSavedConfig(old)
  expect(rollout).toMatchObject({ groupSize: 4, chatTemplate: false })
  expect([train.skipWithoutAdvantage, optimizer.warmupSteps]).toEqual(["never", 0])
  expect(resolveSavedConfig(recent).rollout.chatTemplate).toBe("auto")
  expect(resolveSavedConfig(recent).train.skipWithoutAdvantage).toBe("auto")
  expect(withFormerSettings({ rollout: { chatTemplate: true } })).toMatchObject({ rollout: { chatTemplate: true } })
})

test("going on keeps what the run did where nobody says otherwise, and what is said where somebody does", () => {
  const going = (file: string, value: unknown): unknown => parseConfig(withSettingsOf(resolveSavedConfig(file), value)).rollout.chatTemplate
  expect(going(old, raw)).toBe(false)
  expect(going(recent, raw)).toBe("auto")
  expect(going(old, { ...raw, rollout: { chatTemplate: true } })).toBe(true)
})

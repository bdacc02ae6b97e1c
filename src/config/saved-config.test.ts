import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { configToYaml } from "./load.ts"
import { parseConfig } from "./parse.ts"
import { continuedConfig, resolveSavedConfig, withEarlierBehaviour } from "./saved-config.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-saved-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [old, recent] = [join(folder, "old.yaml"), join(folder, "recent.yaml")]
const config = parseConfig({ model: { path: "m" }, task: { name: "add2" } })
writeFileSync(old, "model: {path: m}\ntask: {name: add2}\nrollout: {groupSize: 4}\n")
writeFileSync(recent, configToYaml(config))

test("a run saved without a later setting has what it did; one saved with it has what is written", () => {
  expect(resolveSavedConfig(old).rollout).toMatchObject({ groupSize: 4, chatTemplate: false })
  expect(resolveSavedConfig(recent).rollout.chatTemplate).toBe("auto")
  expect(withEarlierBehaviour({ rollout: { chatTemplate: true } })).toEqual({ rollout: { chatTemplate: true } })
})

test("going on keeps what the run did where nobody says otherwise, and what is said where somebody does", () => {
  expect(continuedConfig(old, config).rollout.chatTemplate).toBe(false)
  expect(continuedConfig(recent, config)).toBe(config)
  const required = { ...config, rollout: { ...config.rollout, chatTemplate: true } }
  expect(continuedConfig(old, required)).toBe(required)
})

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { parseConfig, type ConfigInput, type ResolvedConfig } from "../config/index.ts"
import { forecastMemory } from "./memory-forecast.ts"
import { openPolicy } from "./open-policy.ts"
import { savedConfig } from "./open-run.ts"
import { openConfiguredTask, planPolicy } from "./policy.ts"
import { checkTokenBudget, settleTokenBudget } from "./token-budget.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-budget-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const base: ConfigInput = {
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 10 },
  rollout: { promptsPerStep: 64, groupSize: 16, maxResponseTokens: 4 },
  pipo: { enabled: false },
  train: { steps: 1 },
  evaluation: { every: 1, size: 2, stepSize: 0 },
}

async function settled(config: ResolvedConfig, availableBytes: number): Promise<number> {
  const plan = await planPolicy(config, await openConfiguredTask(config))
  return settleTokenBudget(config, plan, availableBytes).tokenBudget
}

test("the budget is the largest whose need leaves a rest of the free memory, and never below one sequence", async () => {
  const config = parseConfig(base)
  const task = await openConfiguredTask(config)
  const plan = await planPolicy(config, task)
  const need = (tokenBudget: number): number =>
    forecastMemory({ ...config, engine: { ...config.engine, tokenBudget } }, task, plan, 0).neededBytes
  expect(await settled(config, 1e12)).toBe(2048)
  expect(await settled(config, need(2048) / 0.85 - 1)).toBe(1024)
  expect(await settled(config, need(512) / 0.85 + 1)).toBe(512)
  expect(await settled(config, 1)).toBe(256)
  const long = parseConfig({ ...base, rollout: { ...base.rollout, maxResponseTokens: 500 } })
  expect(await settled(long, 1)).toBeGreaterThan(500)
  expect(await settled(parseConfig({ ...base, engine: { tokenBudget: 77 } }), 1)).toBe(77)
})

test("a run keeps the budget that it began with", async () => {
  const directory = join(temporary, "run")
  await trainRun({
    config: { ...base, rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 4 } },
    runDirectory: directory,
  })
  const { tokenBudget } = savedConfig(directory).engine
  expect([2048, 1024, 512, 256]).toContain(tokenBudget)
  // Also where the file that it is resumed with leaves it open.
  const resumed = {
    ...base,
    rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 4 },
    train: { steps: 2 },
    engine: { tokenBudget: "auto" as const },
  }
  await trainRun({ config: resumed, runDirectory: directory, resume: true })
  expect(savedConfig(directory).engine.tokenBudget).toBe(tokenBudget)
})

test("a budget below one sequence is refused when a run begins, and neither when it goes on nor where nothing trains", async () => {
  const small = { ...base, engine: { tokenBudget: 5 } }
  const config = parseConfig(small)
  const plan = await planPolicy(config, await openConfiguredTask(config))
  const message = /engine\.tokenBudget: expected room for the longest prompt and a whole response.*Set it to auto/
  expect(() => checkTokenBudget(config, plan)).toThrow(message)
  const runDirectory = join(temporary, "small")
  await expect(trainRun({ config: small, runDirectory })).rejects.toThrow(message)
  for (const training of [undefined, { onMemory: () => undefined, resumed: true }]) {
    const { engine } = await openPolicy(config, undefined, training)
    await engine.close()
  }
})

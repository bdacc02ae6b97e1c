import { expect, test } from "vitest"
import { parseConfig, type ConfigInput } from "../config/index.ts"
import { formatBytes } from "../amounts.ts"
import { forecastMemory, memoryWarning, warnOfMemory, type MemoryForecast } from "./memory-forecast.ts"
import { openPolicy } from "./open-policy.ts"
import { openConfiguredTask, planPolicy } from "./policy.ts"

const MIB = 1024 ** 2

async function forecastOf(change: ConfigInput = {}, availableBytes?: number): Promise<MemoryForecast> {
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, rollout: { maxResponseTokens: 4 }, pipo: { enabled: false }, ...change })
  const task = await openConfiguredTask(config)
  return forecastMemory(config, task, await planPolicy(config, task), availableBytes)
}

function partsOf({ parts }: MemoryForecast): Record<string, number> {
  return Object.fromEntries(parts.map(({ name, bytes }) => [name, bytes]))
}

test("the need is the sum of its parts: moments are twice the weights, and several micro-batches add their gradients up", async () => {
  const forecast = await forecastOf()
  const { weights, moments, gradients } = partsOf(forecast)
  expect([moments! / weights!, gradients! / weights!]).toEqual([2, 1])
  expect(forecast.parts.reduce((total, { bytes }) => total + bytes, 0)).toBe(forecast.neededBytes)
})

test("each setting lowers what it is said to lower", async () => {
  const base = partsOf(await forecastOf())
  const part = async (name: string, change: ConfigInput): Promise<number> => partsOf(await forecastOf(change))[name]!
  expect(await part("activations", { engine: { tokenBudget: 1024 } })).toBeLessThan(0.6 * base["activations"]!)
  expect(await part("activations", { train: { gradientCheckpointing: true } })).toBeLessThan(base["activations"]!)
  // So small a budget that sampling is what takes most.
  const sampling = async (sampleBatch: number): Promise<number> =>
    part("keys and values", { engine: { tokenBudget: 8, sampleBatch } })
  expect(await sampling(64)).toBe((await sampling(128)) / 2)
  expect(await part("moments", { lora: { rank: 2 } })).toBeLessThan(0.2 * base["moments"]!)
})

test("a reference policy and the policy before are copies of what is trained", async () => {
  const { weights } = partsOf(await forecastOf())
  expect(partsOf(await forecastOf())["other policies"]).toBeUndefined()
  expect(partsOf(await forecastOf({ objective: { klCoefficient: 0.1 } }))["other policies"]).toBe(weights)
  expect(partsOf(await forecastOf({ pipo: { preset: "verified" } }))["other policies"]).toBe(weights)
})

test("a run that does not fit is told before the weights are read, with what lowers the need", async () => {
  const tight = await forecastOf({ engine: { tokenBudget: 2048 } }, 100 * MIB)
  expect(memoryWarning({ ...tight, availableBytes: tight.neededBytes })).toBeUndefined()
  const notes: string[] = []
  warnOfMemory((text) => void notes.push(text))(tight)
  expect(notes).toHaveLength(1)
  expect(notes[0]).toMatch(/^warning: this run may not fit into memory: about \d+ MiB needed, 100 MiB free \(/)
  expect(notes[0]).toContain("train.gradientCheckpointing=true")
  expect(notes[0]).toContain("engine.tokenBudget=1024 (now 2048")
})

test("opening a policy for training asks before the engine is started", async () => {
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, rollout: { maxResponseTokens: 4 } })
  const stop = new Error("asked")
  await expect(openPolicy(config, undefined, { onMemory: () => { throw stop }, resumed: false })).rejects.toBe(stop)
})

test("bytes are shown with two or three figures", () => {
  expect([0, 900, 5.94 * 1024 ** 3, 12.4 * 1024 ** 3, 830 * MIB].map(formatBytes)).toEqual(["0 B", "900 B", "5.9 GiB", "12 GiB", "830 MiB"])
})

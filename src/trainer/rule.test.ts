import { expect, test } from "vitest"
import { parseConfig, type ConfigInput } from "../config/index.ts"
import { createObjective } from "../objectives/index.ts"
import type { IterationBatch, RuleMetrics } from "../pipo/index.ts"
import { createRule } from "./rule.ts"

const base: ConfigInput = { model: { preset: "nano" }, task: { name: "add2" }, optimizer: { warmupSteps: 3 } }

/** Metrics of the rule over steps of rising reward, of a KL far below the target. */
function metricsOf(pipo: ConfigInput["pipo"]): RuleMetrics[] {
  const rule = createRule(parseConfig({ ...base, pipo: { window: 2, minSteps: 2, mu: "sampled", ...pipo } }), createObjective("grpo"))
  return [1, 2, 3, 4, 5].map((step) => {
    const row = new Float32Array(2).fill(1)
    const sequence = { promptTokens: [1], responseTokens: [1, 2], group: 0, behaviourLogprobs: row, advantages: row, mask: row }
    const improvement = { improvement: 0, standardError: 0.01, slope: 0, slopeStandardError: 0.01, kl: 1e-6 }
    const batch: IterationBatch = { step, meanReward: step / 10, sequences: [sequence], ...(step > 1 ? { improvement } : {}) }
    const { metrics } = rule.plan(batch)
    rule.commit(batch, { explorationApplied: true })
    return metrics
  })
}

test.each([
  ["paper", "wait", ["warm-up", "warm-up", "window", "window", null]],
  ["paper", "judge", ["no-cache", "window", null, null, null]],
  ["reference-code", undefined, ["no-cache", "window", null, null, null]],
] as const)("PIPO by preset %s with duringWarmup %s skips for %j", (preset, duringWarmup, reasons) => {
  const metrics = metricsOf({ preset, ...(duringWarmup === undefined ? {} : { duringWarmup }) })
  expect(metrics.map(({ skipReason }) => skipReason)).toEqual(reasons)
})

test.each([
  ["wait", [1, 1, 1, 1.1, 1.21]],
  ["judge", [1, 1.1, 1.21, 1.331, 1.4641]],
] as const)("steering with duringWarmup %s has the factors %j", (duringWarmup, factors) => {
  const found = metricsOf({ preset: "verified", duringWarmup }).map(({ stepFactor }) => Number(stepFactor))
  factors.forEach((factor, i) => expect(found[i]).toBeCloseTo(factor, 12))
})
